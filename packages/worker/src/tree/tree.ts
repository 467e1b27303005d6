// tree.ts — A replica's files on disk: whose folder it is, staging, publishing. Never asks where the bytes come from.
import { lstatSync, opendirSync, realpathSync, statSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Policy, ReplicaSpec } from '@kagami/protocol'
import { moveAnywhere } from '../names.ts'
import { SyncFailure, type Fork, type Reach, type RunCommand, type Tree } from '../provider.ts'
import { linksRefused, requireSymlinks } from './copy.ts'
import { flushFilesystem, flushPath, flushPaths, flushTree } from './flush.ts'
import {
  currentGeneration,
  dropFork,
  forkGeneration,
  forkInPlace,
  hasFork,
  leaveGenerations,
  restorePublished,
  publishGeneration,
  type GenerationOptions,
} from './generations.ts'
import { markerOf, readMarker, writeMarker, type Marker } from './marker.ts'
import { fullDisk } from './space.ts'
import {
  finishPublishing,
  isMountPoint,
  leaveDisk,
  NO_CONTENT,
  openStaging,
  publishOnDisk,
  refuseMountPoint,
  stagingOnDisk,
} from './mount.ts'
import { forgetOwnFiles, ownFilesOf } from './own-files.ts'
import { paths } from './paths.ts'
import { followRenaming } from './rename.ts'

export interface TreeOptions {
  readonly dataDir: string
  readonly spec: Pick<ReplicaSpec, 'replica_id' | 'name' | 'kind' | 'upstream'>
  readonly run: RunCommand
  readonly policy: Pick<Policy, 'publish' | 'keep_generations' | 'verify'>
}

/** A tree that must be claimed before it is used. */
export interface OwnedTree extends Tree {
  /**
   * Checks whose files are in the folder and that the disk has room, and writes the mark when it has no files yet.
   * Gives it the files of a replica that was renamed; returns the name they had. Throws SyncFailure local_conflict or
   * disk_full; no file is touched then.
   */
  claim(): Promise<string | null>
  /** Whose files were in the folder when it was claimed, in a clause; null: this replica's, or none. */
  foreign(): string | null
  /** Whether files of something else are taken over by this run, or by an earlier one that did not succeed. */
  adopting(): boolean
  /** What is wrong with the folder of a copy that had files: it has none, or is not on its own disk; null: nothing. */
  missing(): string | null
  /** Writes into the mark whether the published folder is a disk of its own. */
  markDevice(): void
  /** Writes into the mark that the files are of the upstream in the spec: before a run changes the first of them. */
  markUpstream(): void
  /** Finds out which links updates may use. Throws SyncFailure local_conflict where swap cannot work. */
  tryLinks(): Promise<void>
  /** Why hard links are refused, as far as this run has found out; null: they are not. */
  linksRefused(): string | null
  /** Whether this run has to copy the whole published tree before it changes it. */
  needsFullCopy(): boolean
  /**
   * After a success. After a first copy, what it remembers is taken out of the published folder, when that is a disk;
   * what was taken over is the replica's own from now on; a tree that is no longer published by swap is a folder again.
   */
  settle(): Promise<void>
  /** A folder of the disk that the copy is on. */
  disk(): string
  /** Removes everything that is not published, to free its space. */
  release(): Promise<void>
  /** Where earlier runs found the upstream; null when they did not, or since its address changed. */
  reach(): Reach | null
  saveReach(reach: Reach): void
}

/** The tree of one replica. Throws when its name or id cannot name a directory. */
export function createTree(options: TreeOptions): OwnedTree {
  const { dataDir, spec, run, policy } = options
  const published = paths.published(dataDir, spec.name)
  const beside = paths.staging(dataDir, spec.replica_id)
  let staging = beside
  const onDisk = () => staging !== beside
  const swap = policy.publish === 'swap'
  let refused: string | null = null
  let foreign: string | null = null
  const onLinksRefused = (why: string) => void (refused = why)
  const kept = { dataDir, name: spec.name, run, keep: policy.keep_generations, onLinksRefused }
  const fork = async (): Promise<Fork> => {
    if (swap) return forkGeneration(kept)
    return policy.verify === 'none' ? publishedItself(published, kept) : forkInPlace(kept)
  }
  return {
    published,
    get staging() {
      return staging
    },
    exists: async () => hasEntries(published),
    flush: (folder, files) => flushPaths(folder, files, run),
    discard: () => rm(staging, { recursive: true, force: true }),
    async claim() {
      staging = await openPlace(options, published, beside)
      const claimed = await claim(options, published, staging)
      foreign = claimed.foreign
      return claimed.was
    },
    foreign: () => foreign,
    async tryLinks() {
      refused = await tryLinks(options)
    },
    linksRefused: () => refused,
    needsFullCopy: () => refused !== null && hasEntries(published) && !hasFork(kept),
    async settle() {
      if (onDisk()) await leaveDisk(published, beside, run)
      settleMark(options)
      if (!swap) await leaveGenerations(kept)
    },
    disk: () => (isMountPoint(published) ? published : dataDir),
    async release() {
      await rm(staging, { recursive: true, force: true })
      await dropFork(kept)
    },
    ...createMarking(options, published, () => foreign !== null),
    fork,
    async publish() {
      if (swap) return void (await publishGeneration(staging, kept))
      await (onDisk() ? publishOnDisk(published, run) : publishFirst(staging, published, run))
    },
    async publishFile(from, file) {
      if (swap) return publishFileBySwap(from, file, fork)
      await dropFork(kept)
      await putFile(from, published, file)
    },
  }
}

/** No fork: changes are made where people read. A copy that an earlier run made is of another tree from now on. */
async function publishedItself(published: string, kept: GenerationOptions): Promise<Fork> {
  await dropFork(kept)
  return {
    path: published,
    publish: async (flushed = false) => void (flushed || (await flushFilesystem(published, kept.run))),
  }
}

async function publishFirst(staging: string, published: string, run: RunCommand): Promise<void> {
  await flushTree(staging, run)
  await rename(staging, published)
  flushPath(dirname(published))
}

type Marking = Pick<OwnedTree, 'own' | 'reach' | 'markUpstream' | 'saveReach' | 'missing' | 'markDevice' | 'adopting'>

/** What the mark of the replica says of its files. */
function createMarking({ dataDir, spec }: TreeOptions, published: string, takesOver: () => boolean): Marking {
  return {
    own: ownFilesOf(dataDir, spec.name, takesOver),
    reach() {
      const marker = readMarker(dataDir, spec.name)
      return marker?.upstream === spec.upstream ? (marker.reach ?? null) : null
    },
    markUpstream() {
      const marker = readMarker(dataDir, spec.name)
      if (isMarked(marker, spec)) return
      const adopted = takesOver() && marker === null
      if (adopted) forgetOwnFiles(dataDir, spec.name)
      const adoption = { ...(takesOver() ? { adopting: true } : {}), ...(adopted ? { adopted } : adoptionOf(marker)) }
      writeMarker(dataDir, { ...markerOf(spec), ...adoption })
    },
    adopting: () => takesOver() || readMarker(dataDir, spec.name)?.adopting === true,
    saveReach: (reach) => writeMarker(dataDir, { ...readMarker(dataDir, spec.name), ...markerOf(spec), reach }),
    missing: () => missingFiles(dataDir, published, readMarker(dataDir, spec.name)?.device),
    markDevice() {
      const device = deviceOf(dataDir, published)
      const mark = readMarker(dataDir, spec.name)
      if (mark && device && mark.device !== device) writeMarker(dataDir, { ...mark, device })
    },
  }
}

/** What was taken over is the replica's own from now on. */
function settleMark({ dataDir, spec }: TreeOptions): void {
  const mark = readMarker(dataDir, spec.name)
  if (mark?.adopting) writeMarker(dataDir, { ...mark, adopting: false })
}

/**
 * Synchronous, because these few looks at the disk would take longer through the thread pool than the sync they
 * precede.
 */
async function claim(
  { dataDir, spec }: TreeOptions,
  published: string,
  staging: string,
): Promise<{ was: string | null; foreign: string | null }> {
  const was = followRenaming(dataDir, spec)
  restorePublished({ dataDir, name: spec.name })
  refuseStrangePlace(dataDir, spec.name)
  const marker = readMarker(dataDir, spec.name)
  const foreign = foreignFiles(dataDir, spec, marker)
  for (const disk of [dataDir, published]) {
    const full = fullDisk(disk)
    if (full) throw full
  }
  if (isMarked(marker, spec)) return { was, foreign }
  const filled = hasEntries(published)
  // A first copy that was staged for another kind or upstream must not become part of this one.
  const staged = marker?.kind === spec.kind && (marker.upstream === spec.upstream || filled)
  if (!staged) await rm(staging, { recursive: true, force: true })
  // Until this run may change them, the files are what the mark says, and of the upstream that it names.
  if (foreign !== null) return { was, foreign }
  const upstream = filled && marker ? marker.upstream : spec.upstream
  writeMarker(dataDir, { ...markerOf(spec), upstream, ...adoptionOf(marker) })
  return { was, foreign }
}

/** Where a run stages: a first copy on the disk that the published folder is, all else beside the other trees. */
async function openPlace({ run, policy }: TreeOptions, published: string, beside: string): Promise<string> {
  if (!isMountPoint(published)) return beside
  refuseMountPoint(published, policy)
  finishPublishing(published)
  if (hasEntries(published)) {
    await leaveDisk(published, beside, run)
    return beside
  }
  openStaging(published)
  return stagingOnDisk(published)
}

/** Tries what later updates need, before anything is fetched; returns why hard links are refused, null where not. */
async function tryLinks({ dataDir, spec, run, policy }: TreeOptions): Promise<string | null> {
  const swap = policy.publish === 'swap'
  if (!swap && policy.verify === 'none') return null
  const folder = paths.generations(dataDir, spec.name)
  if (swap && currentGeneration(dataDir, spec.name) === null) requireSymlinks(folder)
  return linksRefused(folder, run)
}

function isMarked(marker: Marker | null, spec: TreeOptions['spec']): boolean {
  return marker !== null && JSON.stringify(markerOf(marker)) === JSON.stringify(markerOf(spec))
}

/** Whether a folder was taken over is kept whatever else of its mark changes. */
function adoptionOf(marker: Marker | null): Pick<Marker, 'adopted'> {
  return marker?.adopted ? { adopted: true } : {}
}

async function putFile(from: string, folder: string, file: string): Promise<void> {
  const into = join(folder, file)
  await mkdir(dirname(into), { recursive: true })
  const handle = await open(from, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  await moveAnywhere(from, into)
  flushPath(dirname(into))
}

async function publishFileBySwap(from: string, file: string, fork: () => Promise<Fork>): Promise<void> {
  const next = await fork()
  await putFile(from, next.path, file)
  await next.publish()
}

/** Looks at a few entries at most: a mirror may have a hundred thousand, an empty disk has what is no content. */
function hasEntries(path: string): boolean {
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

function missingFiles(dataDir: string, published: string, device: Marker['device']): string | null {
  if (!hasEntries(published)) return `${published} has no files`
  if (device === 'own' && deviceOf(dataDir, published) === 'shared')
    return `${published} is a folder of data_dir and no longer a disk of its own, with other files`
  return null
}

/** Device numbers change when a machine starts; whether two folders share one does not. */
function deviceOf(dataDir: string, published: string): 'own' | 'shared' | null {
  const [folder, below] = [published, dataDir].map((path) => statSync(path, { throwIfNoEntry: false })?.dev)
  if (folder === undefined || below === undefined) return null
  return folder === below ? 'shared' : 'own'
}

function refuseStrangePlace(dataDir: string, name: string): void {
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

/** Kinds whose trees are plain files, each of which can go on with the files of another. */
const PLAIN_KINDS = ['rsync', 'http']

/** Whose files are in the folder, in a clause; null: this replica's, or there are none. Throws where they never fit. */
function foreignFiles(dataDir: string, spec: TreeOptions['spec'], marker: Marker | null): string | null {
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
