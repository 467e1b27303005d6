// tree.ts — A replica's files on disk: who owns them, staging, publish. Never asks where the bytes come from.
import { closeSync, fsyncSync, lstatSync, openSync, opendirSync, realpathSync, statfsSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ReplicaSpec } from '@kagami/protocol'
import { readIfThere, writeDurably } from '@kagami/runtime'
import { SyncFailure, type RunCommand, type Tree } from '../providers/provider.ts'
import { paths } from './paths.ts'

const FREE_MIN_BYTES = 64 * 1024 * 1024
/** Entries of a tree up to which each is flushed by itself. */
const FLUSH_SINGLY_MAX = 300

export interface TreeOptions {
  readonly dataDir: string
  readonly spec: Pick<ReplicaSpec, 'replica_id' | 'name' | 'kind' | 'upstream'>
  readonly run: RunCommand
  /** Takes over a directory that carries no mark of ours. */
  readonly adoptExisting?: boolean
}

/** A Tree that must be claimed before it is used. */
export interface OwnedTree extends Tree {
  /** Checks that the place is ours and has room, and marks it. Throws SyncFailure local_conflict or disk_full; nothing is touched then. */
  claim(): Promise<void>
}

interface Marker {
  readonly replica_id: string
  readonly kind: string
  readonly upstream: string
  readonly name: string
}

/** The tree of one replica. Throws when its name or id cannot name a directory. */
export function createTree({ dataDir, spec, run, adoptExisting = false }: TreeOptions): OwnedTree {
  const published = paths.published(dataDir, spec.name)
  const staging = paths.staging(dataDir, spec.replica_id)
  const discard = () => rm(staging, { recursive: true, force: true })
  return {
    published,
    staging,
    exists: async () => hasEntries(published),
    discard,
    // A handful of looks at the disk: asked for one by one through the thread pool they would take longer than the sync they precede.
    async claim() {
      refuseStrangePlace(dataDir, published)
      const marker = readMarker(dataDir, spec.name)
      refuseForeign({ dataDir, spec, published, marker, adoptExisting })
      refuseFullDisk(dataDir)
      const wanted: Marker = { replica_id: spec.replica_id, kind: spec.kind, upstream: spec.upstream, name: spec.name }
      if (marker && JSON.stringify(marker) === JSON.stringify(wanted)) return
      // A first copy staged for another kind or upstream must not be taken for a part of this one.
      const staged = marker?.kind === spec.kind && (marker.upstream === spec.upstream || hasEntries(published))
      if (!staged) await discard()
      writeDurably(paths.marker(dataDir, spec.name), `${JSON.stringify(wanted)}\n`, 0o640)
    },
    async publish() {
      await flushTree(staging, run)
      await rename(staging, published)
      syncPath(dataDir)
    },
    async publishFile(from, file) {
      await mkdir(published, { recursive: true })
      const handle = await open(from, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(from, join(published, file))
      syncPath(published)
    },
  }
}

/** Looks at one entry only: a mirror may have a hundred thousand. */
function hasEntries(path: string): boolean {
  try {
    const directory = opendirSync(path)
    const first = directory.readSync()
    directory.closeSync()
    return first !== null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function refuseStrangePlace(dataDir: string, published: string): void {
  const found = lstatSync(published, { throwIfNoEntry: false })
  if (found && !found.isDirectory()) {
    const what = found.isSymbolicLink() ? 'a symbolic link' : 'not a directory'
    throw new SyncFailure('local_conflict', `${published} is ${what}: move it away, a mirror is kept in a directory of its own`)
  }
  if (found && dirname(realpathSync(published)) !== realpathSync(dataDir)) {
    throw new SyncFailure('local_conflict', `${published} lies outside ${dataDir}`)
  }
}

interface Claim {
  readonly dataDir: string
  readonly spec: TreeOptions['spec']
  readonly published: string
  readonly marker: Marker | null
  readonly adoptExisting: boolean
}

function refuseForeign({ dataDir, spec, published, marker, adoptExisting }: Claim): void {
  const held = marker ? paths.published(dataDir, marker.name) : published
  if (!hasEntries(held)) return
  if (!marker) {
    if (adoptExisting) return
    throw new SyncFailure('local_conflict', `${published} exists and was not made by Kagami: move it away, choose another name, or set adopt_existing`)
  }
  const sameReplica = marker.replica_id === spec.replica_id && marker.kind === spec.kind
  const addedAgain = marker.kind === spec.kind && marker.upstream === spec.upstream
  if (marker.name === spec.name && (sameReplica || addedAgain)) return
  throw new SyncFailure('local_conflict', `${held} holds a ${marker.kind} mirror of ${marker.upstream}: move it away or choose another name`)
}

function readMarker(dataDir: string, name: string): Marker | null {
  const path = paths.marker(dataDir, name)
  const text = readIfThere(path)
  if (text === null) return null
  try {
    const { replica_id, kind, upstream, name } = JSON.parse(text) as Marker
    if ([replica_id, kind, upstream, name].every((field) => typeof field === 'string')) return { replica_id, kind, upstream, name }
  } catch {
    // Falls through: a marker nobody can read proves nothing.
  }
  throw new SyncFailure('local_conflict', `${path} cannot be read as the mark of a mirror: remove it if ${paths.published(dataDir, name)} is yours to replace`)
}

function refuseFullDisk(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir)
  if (bavail * bsize < FREE_MIN_BYTES) throw new SyncFailure('disk_full', `less than 64 MiB are free in ${dataDir}`)
}

/** Flushes a small tree file by file, a large one with its whole filesystem: one fsync per file would cost minutes there. */
async function flushTree(tree: string, run: RunCommand): Promise<void> {
  const entries = (await readdir(tree, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() || entry.isDirectory())
  if (entries.length > FLUSH_SINGLY_MAX && (await flushFilesystem(tree, run))) return
  for (const entry of entries) syncPath(join(entry.parentPath, entry.name))
  syncPath(tree)
}

async function flushFilesystem(tree: string, run: RunCommand): Promise<boolean> {
  try {
    return (await run('sync', ['-f', tree])).code === 0
  } catch (error) {
    if (error instanceof SyncFailure && error.reason === 'tool_missing') return false
    throw error
  }
}

function syncPath(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
