// tree.ts — A replica's files on disk: whose folder it is, staging, publishing. Never asks where the bytes come from.
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Policy, ReplicaSpec } from '@kagami/protocol'
import { moveAnywhere } from '../names.ts'
import { SyncFailure, type Fork, type ForkWay, type Reach, type RunCommand, type Tree } from '../provider.ts'
import { countsOnly, countTree, linksRefused, requireSymlinks } from './copy.ts'
import { createEarlyFlush, flushFilesystem, flushPath, flushPaths } from './flush.ts'
import {
  deviceOf,
  findMovedFolder,
  foreignFiles,
  hasEntries,
  inodeOf,
  missingFiles,
  refuseLinkAlone,
  refuseStrangePlace,
} from './folder.ts'
import {
  currentGeneration,
  dropFork,
  forkGeneration,
  forkInPlace,
  hasFork,
  leaveGenerations,
  publishCopyOf,
  publishFirst,
  publishGeneration,
  restorePublished,
  type GenerationOptions,
} from './generations.ts'
import { markerOf, readMarker, writeMarker, type KnownTrace, type Marker } from './marker.ts'
import { fullDisk } from './space.ts'
import {
  finishPublishing,
  isMountPoint,
  leaveDisk,
  openStaging,
  publishOnDisk,
  refuseMountPoint,
  stagingOnDisk,
} from './mount.ts'
import { forgetKeptFiles, keptRecordOf } from './kept-files.ts'
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
  /** Where in data_dir the folder of a copy lies that is missing, because somebody moved it; null: nowhere. */
  movedTo(): string | null
  /** Publishes a copy of such a folder, which stays as it is. Throws SyncFailure. */
  takeBack(moved: string): Promise<void>
  /** Writes into the mark by what the published folder is known again: whether it is a disk of its own, its inode. */
  markFolder(): void
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
  /** Resolves when nothing is flushed any more, however that ended. */
  flushed(): Promise<void>
  /** Where earlier runs found the upstream; null when they did not, or since its address changed. */
  reach(): Reach | null
  saveReach(reach: Reach): void
  /** How the upstream was when a sync last brought all of it; null: not known. */
  trace(): KnownTrace | null
  /** Null forgets it. */
  saveTrace(trace: KnownTrace | null): void
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
  const fork = (how?: ForkWay) => openFork(options, kept, how)
  const early = createEarlyFlush(run)
  const publishFolder = () => (onDisk() ? publishOnDisk(published, run) : publishFirst(staging, published, run))
  const publishStaged = async () => void (await (swap ? publishGeneration(staging, kept) : publishFolder()))
  return {
    published,
    get staging() {
      return staging
    },
    exists: async () => hasEntries(published),
    changesInPlace: !needsCopy(policy),
    flush: (folder, files) => flushPaths(folder, files, run),
    count: countTree,
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
    takeBack: (moved) => publishCopyOf(moved, kept),
    disk: () => (isMountPoint(published) ? published : dataDir),
    async release() {
      await rm(staging, { recursive: true, force: true })
      await dropFork(kept)
    },
    ...createMarking(options, published, () => foreign !== null),
    fork,
    flushAhead: () => early.begin(staging),
    flushed: () => early.settle().catch(() => {}),
    publish: () => early.settle().then(publishStaged),
    async publishFile(from, file) {
      if (swap) return publishFileBySwap(from, file, fork)
      await dropFork(kept)
      await putFile(from, published, file)
    },
  }
}

const needsCopy = ({ publish, verify }: TreeOptions['policy']) => publish === 'swap' || verify !== 'none'

async function openFork({ policy }: TreeOptions, kept: GenerationOptions, how?: ForkWay): Promise<Fork> {
  const published = paths.published(kept.dataDir, kept.name)
  const swap = policy.publish === 'swap'
  if (!needsCopy(policy) && (how === undefined || how === 'direct'))
    return publishedItself(published, kept, how === 'direct')
  if (how !== undefined && isMountPoint(published)) throw noCopyOfDisk(published)
  const wanted = { ...kept, apart: how === 'apart' || how === 'direct' }
  return swap ? forkGeneration(wanted) : forkInPlace(wanted)
}

/** No fork: changes are made where people read. A copy that an earlier run made is of another tree from now on. */
async function publishedItself(published: string, kept: GenerationOptions, counts = false): Promise<Fork> {
  await dropFork(kept)
  const before = counts ? await countTree(published) : null
  return {
    path: published,
    publish: async (flushed = false) => void (flushed || (await flushFilesystem(published, kept.run))),
    async compare() {
      const after = await countTree(published)
      return countsOnly(before ?? after, after)
    },
    drop: async () => {},
  }
}

function noCopyOfDisk(published: string): SyncFailure {
  return new SyncFailure(
    'local_conflict',
    `${published} is a disk of its own, so the program cannot work in a copy of it; nothing was begun`,
    {
      hint:
        'In worker.toml, set tree = "direct" for this command: it then works where people read. Or mount the disk at ' +
        'data_dir.',
    },
  )
}

type Marking = Pick<
  OwnedTree,
  | 'own'
  | 'kept'
  | 'reach'
  | 'trace'
  | 'saveTrace'
  | 'markUpstream'
  | 'saveReach'
  | 'missing'
  | 'movedTo'
  | 'markFolder'
  | 'adopting'
>

/** What the mark of the replica says of its files. */
function createMarking({ dataDir, spec }: TreeOptions, published: string, takesOver: () => boolean): Marking {
  return {
    own: ownFilesOf(dataDir, spec.name, takesOver),
    kept: keptRecordOf(dataDir, spec.name),
    reach() {
      const marker = readMarker(dataDir, spec.name)
      return marker?.upstream === spec.upstream ? (marker.reach ?? null) : null
    },
    markUpstream() {
      const marker = readMarker(dataDir, spec.name)
      if (isMarked(marker, spec)) return
      const adopted = takesOver() && marker === null
      if (adopted) for (const forget of [forgetOwnFiles, forgetKeptFiles]) forget(dataDir, spec.name)
      const adoption = { ...(takesOver() ? { adopting: true } : {}), ...(adopted ? { adopted } : adoptionOf(marker)) }
      writeMarker(dataDir, { ...markerOf(spec), ...adoption })
    },
    adopting: () => takesOver() || readMarker(dataDir, spec.name)?.adopting === true,
    saveReach: (reach) => writeMarker(dataDir, { ...readMarker(dataDir, spec.name), ...markerOf(spec), reach }),
    trace: () => readMarker(dataDir, spec.name)?.trace ?? null,
    saveTrace(trace) {
      const mark = readMarker(dataDir, spec.name)
      if (mark && (trace || mark.trace)) writeMarker(dataDir, { ...mark, trace: trace ?? undefined })
    },
    missing: () => missingFiles(dataDir, published, readMarker(dataDir, spec.name)?.device),
    movedTo() {
      const inode = readMarker(dataDir, spec.name)?.inode
      return inode && !isMountPoint(published) ? findMovedFolder(dataDir, inode) : null
    },
    markFolder() {
      const device = deviceOf(dataDir, published)
      const mark = readMarker(dataDir, spec.name)
      if (!mark || !device) return
      const inode = inodeOf(published) ?? undefined
      if (mark.device !== device || mark.inode !== inode) writeMarker(dataDir, { ...mark, device, inode })
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
  if (!marker) refuseLinkAlone(dataDir, spec.name)
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
