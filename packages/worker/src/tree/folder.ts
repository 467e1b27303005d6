// folder.ts — Looks at the folder of a replica: whether there are files, whose they are, whether its disk is there.
// Changes nothing.
import { lstatSync, opendirSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ReplicaSpec } from '@kagami/protocol'
import { SyncFailure } from '../provider.ts'
import { currentGeneration } from './generations.ts'
import type { Marker } from './marker.ts'
import { NO_CONTENT } from './mount.ts'
import { paths } from './paths.ts'

/** Looks at a few entries at most: a mirror may have a hundred thousand, an empty disk has what is no content. */
export function hasEntries(path: string): boolean {
  try {
    const directory = opendirSync(path)
    const found = Array.from({ length: NO_CONTENT.length + 1 }, () => directory.readSync())
    directory.closeSync()
    return found.some((entry) => entry && !NO_CONTENT.includes(entry.name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

export function missingFiles(dataDir: string, published: string, device: Marker['device']): string | null {
  if (!hasEntries(published)) return `${published} has no files`
  if (device === 'own' && deviceOf(dataDir, published) === 'shared')
    return `${published} is a folder of data_dir and no longer a disk of its own, with other files`
  return null
}

/** Device numbers change when a machine starts; whether two folders share one does not. */
export function deviceOf(dataDir: string, published: string): 'own' | 'shared' | null {
  const [folder, below] = [published, dataDir].map((path) => statSync(path, { throwIfNoEntry: false })?.dev)
  if (folder === undefined || below === undefined) return null
  return folder === below ? 'shared' : 'own'
}

/** The inode of a folder, as text; null when it is none. */
export function inodeOf(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  return found?.isDirectory() ? `${found.ino}` : null
}

/** Where in data_dir a folder of that inode lies now; null: nowhere, or it has no files. Hidden names are Kagami's. */
export function findMovedFolder(dataDir: string, inode: string): string | null {
  const found = readdirSync(dataDir)
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(dataDir, name))
    .find((path) => inodeOf(path) === inode && deviceOf(dataDir, path) === 'shared')
  return found !== undefined && hasEntries(found) ? found : null
}

export function refuseStrangePlace(dataDir: string, name: string): void {
  const published = paths.published(dataDir, name)
  const found = lstatSync(published, { throwIfNoEntry: false })
  if (!found || currentGeneration(dataDir, name) !== null) return
  if (!found.isDirectory()) {
    const what = found.isSymbolicLink() ? 'a symbolic link' : 'not a directory'
    throw new SyncFailure(
      'local_conflict',
      `${published} is ${what}: move it away, a mirror is kept in a directory of its own`,
    )
  }
  if (dirname(realpathSync(published)) !== realpathSync(dataDir))
    throw new SyncFailure('local_conflict', `${published} lies outside ${dataDir}`)
}

/** The link of a tree that was published by swap elsewhere is not its files: it would be taken for a first copy. */
export function refuseLinkAlone(dataDir: string, name: string): void {
  const published = paths.published(dataDir, name)
  if (currentGeneration(dataDir, name) === null || statSync(published, { throwIfNoEntry: false })) return
  throw new SyncFailure(
    'local_conflict',
    `${published} is a link to files that are not here, as it is copied from a worker with publish = "swap"; nothing ` +
      'was fetched',
    { hint: `remove it, and copy the files: rsync -aH OLD/${name}/ ${published}/, with both slashes at the end` },
  )
}

/** Kinds whose trees are plain files, each of which can go on with the files of another. */
const PLAIN_KINDS = ['rsync', 'http']

/** Whose files are in the folder, in a clause; null: this replica's, or there are none. Throws where they never fit. */
export function foreignFiles(
  dataDir: string,
  spec: Pick<ReplicaSpec, 'replica_id' | 'name' | 'kind' | 'upstream'>,
  marker: Marker | null,
): string | null {
  const published = paths.published(dataDir, spec.name)
  const held = marker ? paths.published(dataDir, marker.name) : published
  if (!hasEntries(held)) return null
  if (!marker) return `${published} has files that Kagami did not fetch`
  const sameReplica = marker.replica_id === spec.replica_id && marker.kind === spec.kind
  const addedAgain = marker.kind === spec.kind && marker.upstream === spec.upstream
  const fits = marker.kind === spec.kind || [marker.kind, spec.kind].every((kind) => PLAIN_KINDS.includes(kind))
  if (marker.name === spec.name && (sameReplica || addedAgain)) return null
  const whose = `${held} holds a ${marker.kind} mirror of ${marker.upstream}`
  if (marker.name === spec.name && fits) return whose
  throw new SyncFailure('local_conflict', `${whose}: move it away or choose another name`)
}
