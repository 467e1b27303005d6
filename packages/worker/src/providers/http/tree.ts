// tree.ts — Mirrors a directory with everything below it: list, compare, ask the guard, download, publish, delete last.
import { publishChanges, publishFirst, type PublishParts } from './apply.ts'
import { sendRequest, authorizationOf } from '../../http/request.ts'
import type { FileJob } from './receive.ts'
import { refuseEncoded } from '../../http/content.ts'
import { downloadFiles, type DownloadResult } from './download.ts'
import { statusFailure } from '../../http/errors.ts'
import type { FileRun } from './file.ts'
import { createFilter } from './filter.ts'
import { createPipeline } from '../../http/pipeline.ts'
import type { Pipeline } from '../../http/pipeline-request.ts'
import type { Listing } from '../../listings/listing.ts'
import { parseListing } from '../../listings/parse.ts'
import { readLocal, type LocalTree } from './local.ts'
import { decideFile, planOf, type RemoteFile } from './plan.ts'
import { yieldToEventLoop, createTreeMemory, STATE_FOLDER, type KnownFile, type TreeMemory } from './tree-memory.ts'
import { LISTING_HEADERS, LISTING_MAX_BYTES, listTree, type Unread, type TreeListing } from './walk.ts'
import { SyncFailure, type SyncStats } from '../../provider.ts'

const PIPELINE_DEPTH = 16
const BREATHE_EVERY = 10_000

/** A directory whose listing was read. */
export interface Root {
  readonly base: URL
  readonly listing: Listing
}

/**
 * Reads the listing at the address; null when the response is none. Throws SyncFailure for a status other than 200, and
 * for a listing that is not understood.
 */
export async function readRoot({ context, options, url }: FileRun): Promise<Root | null> {
  const at = new URL(url.href)
  at.hash = ''
  if (!at.pathname.endsWith('/')) at.pathname += '/'
  context.progress({ phase: 'connecting' })
  const { response, url: base } = await sendRequest({
    context,
    options,
    url: at,
    headers: LISTING_HEADERS,
    home: url.origin,
    parsed: true,
  })
  try {
    if (response.status !== 200)
      throw statusFailure(response.status, context.auth !== null, response.headers['retry-after'])
    const contentType = response.headers['content-type'] ?? ''
    if (
      !base.pathname.endsWith('/') ||
      !/html|json|xml/i.test(contentType) ||
      Number(response.headers['content-length'] ?? 0) > LISTING_MAX_BYTES
    )
      return null
    refuseEncoded(response.headers, 'the listing')
    const chunks: Buffer[] = []
    let size = 0
    await response.body((chunk) => {
      size += chunk.length
      if (size > LISTING_MAX_BYTES)
        throw new SyncFailure(
          'content_invalid',
          `the page at the address is larger than a listing may be, ${LISTING_MAX_BYTES} bytes`,
        )
      chunks.push(Buffer.from(chunk))
    })
    const listing = parseListing({
      bytes: Buffer.concat(chunks),
      contentType,
      url: base,
      server: response.headers['server'] ?? null,
      lenient: options.tree === 'always',
    })
    if (listing === null || !('problem' in listing)) return listing && { base, listing }
    if (listing.likely) throw new SyncFailure('content_invalid', `${listing.problem}; nothing was changed`)
    return null
  } finally {
    response.close()
  }
}

/**
 * Updates the published tree to what the upstream lists. Throws SyncFailure; partial when something could not be read:
 * then nothing is deleted.
 */
export async function syncTree(run: FileRun, root: Root): Promise<SyncStats> {
  const { context, options, url } = run
  const base = root.base
  const headers = base.origin === url.origin ? authorizationOf(context.auth) : {}
  const openPipeline = () =>
    createPipeline({
      origin: base,
      peers: context.peers,
      signal: context.signal,
      connections: options.parallel,
      depth: PIPELINE_DEPTH,
      idleMs: options.timeout_secs * 1000,
    })
  const listed = await listAll(run, root, openPipeline())
  const memory = createTreeMemory(context.tree.staging, base.href)
  const first = !(await context.tree.exists())
  const state = await compareTree(run, { listed, memory, first })
  const sizes = new Map<string, number>()
  const sizeOf = (remote: RemoteFile) =>
    sizes.get(remote.path) ?? state.known.get(remote.path)?.size ?? remote.size ?? null
  const fetching = state.jobs.filter(({ known }) => known === null).map(({ remote }) => remote.path)
  const outlook = (deletes: boolean) =>
    planOf({ local: state.local.files, wanted: listed.files, fetching, sizeOf, deletes })
  const plan = outlook(listed.unread.length === 0)
  context.allow(plan)
  const folder = first ? context.tree.staging : memory.newFolder
  const result = await downloadFiles(state.jobs, {
    context,
    options,
    openPipeline,
    base,
    home: url.origin,
    headers,
    folder,
    memory,
    expected: plan.incomingBytes,
  })
  for (const [path, { size }] of result.fetched) sizes.set(path, size)
  return await publishTree({
    run,
    listed,
    memory,
    first,
    state,
    result,
    folder,
    outlook: (deletes) => ({ ...outlook(deletes), incomingBytes: 0 }),
  })
}

async function listAll(
  { context, options, url }: FileRun,
  { base, listing }: Root,
  pipeline: Pipeline,
): Promise<TreeListing> {
  try {
    const headers = base.origin === url.origin ? authorizationOf(context.auth) : {}
    return await listTree({ context, options, pipeline, base, root: listing, filter: createFilter(options), headers })
  } finally {
    pipeline.close()
  }
}

interface ComparedTree {
  readonly local: LocalTree
  readonly jobs: readonly FileJob[]
  /** What is known of files that stay, published or downloaded earlier. */
  readonly known: Map<string, KnownFile>
  /** Files that an interrupted run downloaded. */
  readonly staged: Map<string, KnownFile>
  /** What was known before. */
  readonly before: ReadonlyMap<string, KnownFile>
}

async function compareTree(
  { context, options }: FileRun,
  { listed, memory, first }: { listed: TreeListing; memory: TreeMemory; first: boolean },
): Promise<ComparedTree> {
  const { known: before, fetched } = await memory.load()
  const local: LocalTree = first ? { files: new Map(), folders: [] } : await readLocal(context.tree.published)
  const aside = (await readLocal(first ? context.tree.staging : memory.newFolder, first ? STATE_FOLDER : null)).files
  const known = new Map<string, KnownFile>()
  const staged = new Map<string, KnownFile>()
  const jobs: FileJob[] = []
  let seen = 0
  for (const [path, remote] of listed.files) {
    const early = fetched.get(path)
    const lying = aside.get(path)
    const usesAside = lying && (early === undefined ? first : sameAs(early, lying) !== undefined)
    const here = usesAside ? lying : local.files.get(path)
    const mine = usesAside ? early : (sameAs(early, local.files.get(path)) ?? before.get(path))
    const verdict = decideFile({ remote, local: here, known: mine, compare: options.compare })
    if (verdict !== 'fetch')
      known.set(
        path,
        mine ?? { size: here!.size, mtime: here!.mtime, stamp: remote.stamp, etag: '', modified: '', fresh: false },
      )
    if (verdict !== 'fetch' && usesAside) staged.set(path, known.get(path)!)
    if (verdict !== 'same') jobs.push({ remote, known: verdict === 'ask' ? mine! : null })
    if (++seen % BREATHE_EVERY === 0) await yieldToEventLoop()
  }
  return { local, jobs, known, staged, before }
}

/** What an interrupted run downloaded and already published. */
function sameAs(
  early: KnownFile | undefined,
  local: { size: number; mtime: number } | null | undefined,
): KnownFile | undefined {
  return early && local && local.size === early.size && local.mtime === early.mtime ? early : undefined
}

interface FinishParts {
  readonly run: FileRun
  readonly listed: TreeListing
  readonly memory: TreeMemory
  readonly first: boolean
  readonly state: ComparedTree
  readonly result: DownloadResult
  readonly folder: string
  readonly outlook: (deletes: boolean) => ReturnType<typeof planOf>
}

async function publishTree({
  run,
  listed,
  memory,
  first,
  state,
  result,
  folder,
  outlook,
}: FinishParts): Promise<SyncStats> {
  const { context } = run
  const unread = [...listed.unread, ...result.failed]
  const deletes = unread.length === 0
  for (const { path, why } of unread.slice(0, 200)) context.log(`not read: ${path}: ${why}`)
  for (const path of result.vanished.slice(0, 200)) context.log(`vanished while it was read: ${path}`)
  const plan = outlook(deletes)
  context.allow(plan)
  const known = new Map([...state.known, ...result.unchanged, ...result.fetched])
  for (const path of result.fetched.keys()) state.staged.delete(path)
  const placing: PublishParts = {
    context,
    memory,
    folder,
    fetched: new Map([...state.staged, ...result.fetched]),
    wanted: (path) => listed.files.has(path),
    deletes,
    strange: [...state.local.files].filter(([, file]) => file === null).map(([path]) => path),
  }
  if (first) {
    if (unread.some(({ transient }) => transient))
      throw partial(unread, 'what came is kept aside, and published once the rest is there')
    if (known.size === 0)
      throw unread.length > 0
        ? partial(unread, 'nothing is published yet')
        : new SyncFailure(
            'upstream_empty',
            'the upstream lists no file that is part of the mirror: nothing is published yet',
          )
    await publishFirst({ ...placing, wanted: (path) => known.has(path) })
  } else if (placing.fetched.size > 0 || plan.removed > 0) await publishChanges(placing)
  if (!deletes) for (const [path, one] of state.before) if (!known.has(path)) known.set(path, one)
  if (first || !sameKnown(state.before, known))
    await memory.keep(known, { parts: result.failed.length > 0, address: run.url.href })
  if (unread.length > 0)
    throw partial(unread, first ? 'the rest is published' : 'the rest is up to date, nothing was deleted')
  return statsOf(known, result)
}

function sameKnown(before: ReadonlyMap<string, KnownFile>, now: ReadonlyMap<string, KnownFile>): boolean {
  return before.size === now.size && [...now].every(([path, known]) => before.get(path) === known)
}

function partial(unread: readonly Unread[], still: string): SyncFailure {
  const [{ path, why }] = unread as [Unread]
  const more = unread.length > 1 ? `, and ${unread.length - 1} more` : ''
  return new SyncFailure('partial', `not all could be read (${path}: ${why}${more}); ${still}`)
}

function statsOf(known: ReadonlyMap<string, KnownFile>, { bytes, vanished, unverified }: DownloadResult): SyncStats {
  let size = 0
  let newest = 0
  for (const one of known.values()) {
    size += one.size
    newest = Math.max(newest, one.mtime)
  }
  const notes = [
    vanished.length > 0 ? `${vanished.length} files vanished while they were read (${vanished[0]})` : '',
    unverified > 0
      ? `of ${unverified} files the upstream does not say how long they are: whether they are complete is unverified`
      : '',
  ].filter(Boolean)
  return {
    bytes,
    files: known.size,
    sizeBytes: size,
    revision: newest > 0 ? new Date(newest * 1000).toISOString() : null,
    note: notes.join('; ') || null,
  }
}
