// tree.ts — Mirrors a directory with everything below it: list, compare, ask the guard, download, publish, delete last.
import { publishChanges, publishFirst, type PublishParts } from './apply.ts'
import { compareTree, countOthers, findTree, proveFiles, type ComparedTree, type FoundTree } from './compare.ts'
import { joinResults, type DownloadResult } from './download-state.ts'
import { downloadFiles } from './download.ts'
import type { FileRun } from './file.ts'
import { createFilter } from './filter.ts'
import {
  describeOwn,
  goneFiles,
  isAmong,
  isBelowAny,
  keeperOf,
  ownPaths,
  planOf,
  shrinkingFolders,
  withoutFiles,
  type RemoteFile,
} from './plan.ts'
import { FRESH_MS, type FileJob } from './receive.ts'
import { createFolderReader, type Root } from './folder.ts'
import {
  createTreeMemory,
  isSameFolders,
  isSameKnown,
  type KnownFile,
  type KnownListing,
  type TreeMemory,
} from './tree-memory.ts'
import { openKeeping, type Keeping } from '../keep-deleted.ts'
import { createTrust, isListingTrusted, type Trust } from './trust.ts'
import { listTree, type TreeListing, type Unread } from './walk.ts'
import type { Pipeline } from '../../http/pipeline-request.ts'
import { authorizationOf } from '../../http/request.ts'
import { showName } from '../../names.ts'
import { SyncFailure, type Plan, type SyncStats } from '../../provider.ts'

const PIPELINE_DEPTH = 16
/** Lines in the log for each kind of trouble. */
const LOGGED = 200

interface TreeRun extends FileRun {
  readonly root: Root
  readonly headers: Readonly<Record<string, string>>
  readonly openPipeline: () => Pipeline
  readonly memory: TreeMemory
  readonly before: KnownListing
  readonly found: FoundTree
  readonly listed: TreeListing
  /** When the listings began to be read, ms since 1970. */
  readonly listedAt: number
  readonly trust: Trust
  /** What earlier runs recorded of files that were here before the tree was taken over; null: it was not. */
  readonly recorded: readonly string[] | 'unknown' | null
  readonly first: boolean
  readonly keeping: Keeping
}

/**
 * Updates the published tree to what the upstream lists. Throws SyncFailure; partial when something could not be read:
 * then nothing is deleted.
 */
export async function syncTree(run: FileRun, root: Root): Promise<SyncStats> {
  const tree = await openTree(run, root)
  const rounds = await downloadTree(tree)
  const { stats, goes } = await publishTree(tree, rounds)
  return { ...stats, ...(await countOthers(tree, { ...rounds, goes })) }
}

async function openTree(run: FileRun, root: Root): Promise<TreeRun> {
  const { context, options, url, throttle } = run
  const { base, listing } = root
  const headers = base.origin === url.origin ? authorizationOf(context.auth) : {}
  const { createPipeline } = await import('../../http/pipeline.ts')
  const openPipeline = () =>
    createPipeline({
      origin: base,
      peers: context.peers,
      signal: context.signal,
      connections: options.parallel,
      depth: PIPELINE_DEPTH,
      idleMs: options.timeout_secs * 1000,
      throttle,
    })
  const memory = createTreeMemory(context.tree.staging, base.href)
  const before = await memory.loadListing()
  const first = !(await context.tree.exists())
  const recorded = first ? null : context.tree.own.read(context.log)
  const filter = createFilter(options)
  const listedAt = Date.now()
  // The upstream answers while the disk is read.
  const [listed, found] = await Promise.all([
    listTree({ context, options, openPipeline, base, root: listing, filter, headers, before: before.folders }),
    findTree(run, memory, first),
  ])
  const agreed = await isListingTrusted(run, root, { listed, before, found, first })
  const trust = createTrust(agreed)
  const keeping = openKeeping(context, { keep: options.keep_deleted, first })
  const looked = { before, found, listed, listedAt, trust, recorded, first, keeping }
  return { ...run, root, headers, openPipeline, memory, ...looked }
}

/** What all rounds of a run downloaded, and what the last one found. */
interface Rounds {
  readonly state: ComparedTree
  readonly result: DownloadResult
  readonly settled: { readonly fetched: Map<string, KnownFile>; readonly unchanged: Map<string, KnownFile> }
  readonly folder: string
  readonly outlook: (deletes: boolean) => ReturnType<typeof planOf> & Pick<Plan, 'kept'>
  /** Paths that are not of the mirror and stay. */
  readonly own: ReadonlySet<string>
}

/**
 * Downloads what changed. Some servers list folders like files, and some list sizes or times that are wrong: then the
 * tree is compared once more with what is known now.
 */
async function downloadTree(tree: TreeRun): Promise<Rounds> {
  const { context, listed, listedAt, found, memory, first, trust, keeping } = tree
  const settled = { fetched: new Map<string, KnownFile>(), unchanged: new Map<string, KnownFile>() }
  const folder = first ? context.tree.staging : memory.newFolder
  let bytes = 0
  for (;;) {
    const believed = trust.believes()
    const state = await compareTree(tree, { listed, found, first, trust, settled })
    const own = ownOf(tree)
    const outlook = outlookOf(tree, { ...state, own }, settled.fetched)
    const plan = outlook(listed.unread.length === 0)
    await keeping.makeRoom(context.allow(plan))
    const { result, folders } = await downloadRound(tree, state.jobs, { folder, expected: plan.incomingBytes })
    bytes += result.bytes
    for (const [path, known] of result.fetched) {
      settled.fetched.set(path, known)
      if (!hasChangedSince(listedAt, known)) trust.compare(listed.files.get(path)!, known)
    }
    for (const [path, known] of result.unchanged) settled.unchanged.set(path, known)
    const done = { state, settled, folder, outlook, own, result: { ...result, bytes } }
    if (folders.length > 0) await listed.enter(folders)
    else if (believed && !trust.believes())
      context.log(`the listing is not right (${trust.disagreement()}): asking for each file whether it changed`)
    else return done
  }
}

/** Whether a file may have become another one after it was listed: then it says nothing about the listing. */
function hasChangedSince(listedAt: number, { modified, fresh }: KnownFile): boolean {
  return modified !== '' && (fresh || Date.parse(modified) > listedAt - FRESH_MS)
}

/** Downloads files, and asks for those that came as a web page as folders before they are taken for files. */
async function downloadRound(
  tree: TreeRun,
  jobs: readonly FileJob[],
  { folder, expected }: { folder: string; expected: number | null },
): Promise<{ result: DownloadResult; folders: string[] }> {
  const parts = { ...tree, base: tree.root.base, home: tree.url.origin, folder, expected }
  const result = await downloadFiles(jobs, parts)
  if (result.pages.length === 0) return { result, folders: [...result.folders] }
  const pipeline = tree.openPipeline()
  const reader = createFolderReader({ ...tree, base: tree.root.base, format: tree.root.listing.format, pipeline })
  const folders = [...result.folders]
  const files: FileJob[] = []
  try {
    await Promise.all(
      result.pages.map(async (job) => {
        const listing = await reader.read(job.remote)
        if ('status' in listing) files.push({ ...job, noFolder: true })
        else folders.push(job.remote.path)
      }),
    )
  } finally {
    pipeline.close()
  }
  const rest = await downloadFiles(files, parts)
  return { result: joinResults(result, rest), folders }
}

/** What of a tree that was taken over is not of the mirror, by what is listed now. */
function ownOf({ options, recorded, listed, found, keeping }: TreeRun): ReadonlySet<string> {
  if (recorded === null || options.own_files === 'delete') return new Set()
  const fetched = [found.known, found.fetched, keeping.recorded]
  return ownPaths({
    recorded: recorded === 'unknown' ? null : recorded,
    local: found.local,
    listed: listed.files,
    fetched,
  })
}

function outlookOf(
  { listed, trust, first, keeping }: TreeRun,
  { local, known, jobs, own }: ComparedTree & Pick<Rounds, 'own'>,
  fetched: ReadonlyMap<string, KnownFile>,
): Rounds['outlook'] {
  const sizeOf = (remote: RemoteFile) =>
    (fetched.get(remote.path) ?? known.get(remote.path))?.size ?? (first || trust.believes() ? remote.size : null)
  const fetching = jobs.filter((job) => job.known === null).map(({ remote }) => remote.path)
  const keeps = keeperOf(listed, own)
  const staying = { keeps, isOwn: (path: string) => isAmong(own, path) }
  const parts = { wanted: listed.files, fetching, sizeOf, ...staying }
  return (deletes) => {
    if (deletes && keeping.active) keeping.decide(goneFiles(local.files, listed, keeps))
    // What an earlier run kept was asked for then.
    const counted = deletes ? withoutFiles(local, (path) => keeping.recorded.has(path) && !keeps(path)) : local
    const plan = { ...planOf({ ...parts, local: counted.files, deletes }), kept: keeping.bytes }
    return plan.removed === 0 ? plan : { ...plan, shrinking: shrinkingFolders(counted, listed, staying) }
  }
}

/** `goes`: files of the published tree that were deleted. */
async function publishTree(tree: TreeRun, rounds: Rounds): Promise<{ stats: SyncStats; goes: number }> {
  const { context, listed, memory, first, keeping } = tree
  const { state, result, settled, folder, own } = rounds
  const unread = [...listed.unread, ...result.failed]
  const deletes = unread.length === 0
  logTrouble(tree, unread, result)
  const plan = { ...rounds.outlook(deletes), incomingBytes: 0 }
  await keeping.makeRoom(context.allow(plan))
  const { known } = state
  for (const [path, one] of [...settled.unchanged, ...settled.fetched]) known.set(path, one)
  const staged = new Map([...state.staged].filter(([path]) => !settled.fetched.has(path)))
  const fetched = new Map([...staged, ...settled.fetched].filter(([path]) => listed.files.has(path)))
  const proof = context.thorough && !first ? await proveFiles(tree, { local: state.local, fetched, folder }) : null
  for (const path of proof?.same ?? []) fetched.delete(path)
  const keeps = keeperOf(listed, own)
  const goes = deletes ? countGoing(state.local.files, (path) => keeps(path) || keeping.stays(path)) : 0
  const placing: PublishParts = {
    context,
    memory,
    folder,
    fetched,
    wanted: (path) => keeps(path) || keeping.stays(path),
    deletes,
    strange: [...state.local.files]
      .filter(([path, file]) => file === null && !isAmong(own, path))
      .map(([path]) => path),
  }
  if (first) {
    refuseFirst(unread, known.size)
    await publishFirst({ ...placing, wanted: (path) => known.has(path) })
  }
  if (deletes) keeping.begin()
  else keeping.forget((path) => listed.files.has(path))
  const changes = !first && (placing.fetched.size > 0 || goes > 0)
  const inTheWay = changes ? await publishChanges(placing) : 0
  const kept = deletes ? keeping.settle() : null
  if (!deletes || listed.forbidden.size > 0)
    for (const [path, one] of state.before)
      if (!known.has(path) && (!deletes || isBelowAny(path, listed.forbidden))) known.set(path, one)
  await remember(tree, rounds, known)
  const stays = keepOwn(tree, rounds, deletes)
  if (unread.length > 0) throw partial(unread, first ? 'the rest is published' : stillOf(inTheWay))
  const stats = statsOf(known, result, { trust: tree.trust, said: [proof?.said, stays, kept?.keptNote] })
  return { stats: { ...stats, keptFiles: kept?.keptFiles ?? null }, goes }
}

function countGoing(local: FoundTree['local']['files'], stays: (path: string) => boolean): number {
  let count = 0
  for (const path of local.keys()) if (!stays(path)) count++
  return count
}

function stillOf(inTheWay: number): string {
  const but = inTheWay === 0 ? '' : ` but for ${inTheWay} that something of another kind is in the way of`
  return `the rest is up to date${but}, nothing was deleted`
}

function logTrouble({ context }: TreeRun, unread: readonly Unread[], { vanished }: DownloadResult): void {
  for (const { path, why } of unread.slice(0, LOGGED)) context.log(`not read: ${showName(path)}: ${why}`)
  for (const path of vanished.slice(0, LOGGED)) context.log(`vanished while it was read: ${showName(path)}`)
}

/** A first copy is published only when nothing is missing that may come the next time. */
function refuseFirst(unread: readonly Unread[], files: number): void {
  if (unread.some(({ transient }) => transient))
    throw partial(unread, 'what came is kept aside, and published once the rest is there')
  if (files > 0) return
  throw unread.length > 0
    ? partial(unread, 'nothing is published yet')
    : new SyncFailure(
        'upstream_empty',
        'the upstream lists no file that is part of the mirror: nothing is published yet',
      )
}

/** Records what is not of the mirror once all of the upstream is known; returns what the report says of it. */
function keepOwn({ context, recorded, found }: TreeRun, { own }: Rounds, whole: boolean): string | null {
  if (recorded === null || !whole) return null
  if (recorded === 'unknown' || recorded.length !== own.size || recorded.some((path) => !own.has(path)))
    context.tree.own.write(own)
  const stays = describeOwn(found.local, own)
  if (stays !== null) context.log(stays)
  return recorded === 'unknown' || context.thorough ? stays : null
}

async function remember(
  tree: TreeRun,
  { state, result }: Rounds,
  known: ReadonlyMap<string, KnownFile>,
): Promise<void> {
  const { memory, first, listed, before, root, trust, url } = tree
  if (first || !isSameKnown(state.before, known))
    await memory.keep(known, { parts: result.failed.length > 0, address: url.href })
  const folders = new Map(listed.folders)
  for (const { path } of listed.unread) {
    const old = before.folders.get(path.slice(0, -1))
    if (old) folders.set(path.slice(0, -1), old)
  }
  const { format } = root.listing
  const trusted = trust.verdict()
  const same = format === before.format && trusted === before.trusted && isSameFolders(before.folders, folders)
  if (first || !same) await memory.keepListing({ folders, format, trusted })
}

function partial(unread: readonly Unread[], still: string): SyncFailure {
  const [{ path, why }] = unread as [Unread]
  const more = unread.length > 1 ? `, and ${unread.length - 1} more` : ''
  return new SyncFailure('partial', `not all could be read (${showName(path)}: ${why}${more}); ${still}`)
}

function statsOf(
  known: ReadonlyMap<string, KnownFile>,
  { bytes, vanished, unverified }: DownloadResult,
  { trust, said }: { trust: Trust; said: readonly (string | null | undefined)[] },
): SyncStats {
  let size = 0
  let newest = 0
  for (const one of known.values()) {
    size += one.size
    newest = Math.max(newest, one.mtime)
  }
  const disagreement = trust.disagreement()
  const notes = [
    vanished.length > 0 ? `${vanished.length} files vanished while they were read (${showName(vanished[0]!)})` : '',
    unverified > 0
      ? `of ${unverified} files the upstream does not say how long they are: whether they are complete is unverified`
      : '',
    ...said,
    disagreement === null ? '' : `the listing was not believed in this sync: ${disagreement}`,
  ].filter(Boolean)
  return {
    bytes,
    files: known.size,
    sizeBytes: size,
    revision: newest > 0 ? new Date(newest * 1000).toISOString() : null,
    note: notes.join('; ') || null,
    whole: vanished.length === 0,
  }
}
