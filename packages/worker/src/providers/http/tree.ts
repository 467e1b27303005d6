// tree.ts — Mirrors a directory with all below it: list, compare, ask the guard, fetch aside, put in place, delete
// last.
import { publishChanges, publishFirst, type Placing } from './apply.ts'
import { ask, authorizationOf } from '../../http/ask.ts'
import type { Job } from './receive.ts'
import { refuseEncoded } from '../../http/content.ts'
import { download, type Haul } from './download.ts'
import { statusFailure } from '../../http/errors.ts'
import type { FileRun } from './file.ts'
import { createFilter } from './filter.ts'
import { createLanes } from '../../http/pipeline.ts'
import { parseListing, type Listing } from './listing.ts'
import { readLocal, type LocalTree } from './local.ts'
import { judge, outlookOf, type Remote } from './plan.ts'
import { breathe, createTreeMemory, STATE_FOLDER, type Known, type TreeMemory } from './tree-memory.ts'
import { LISTING_HEADERS, LISTING_MAX_BYTES, walk, type Unread, type Walk } from './walk.ts'
import { SyncFailure, type SyncStats } from '../../provider.ts'

const LANE_DEPTH = 16
const BREATHE_EVERY = 10_000

/** A directory whose listing was read. */
export interface Root {
  readonly base: URL
  readonly listing: Listing
}

/**
 * Reads the listing at the address; null when what answers is none. Throws SyncFailure for a status that is not 200.
 */
export async function readRoot({ context, options, url }: FileRun): Promise<Root | null> {
  const at = new URL(url.href)
  at.hash = ''
  if (!at.pathname.endsWith('/')) at.pathname += '/'
  context.progress({ phase: 'connecting' })
  const { answer, url: base } = await ask({
    context,
    options,
    url: at,
    headers: LISTING_HEADERS,
    home: url.origin,
    parsed: true,
  })
  try {
    if (answer.status !== 200) throw statusFailure(answer.status, context.auth !== null, answer.headers['retry-after'])
    const contentType = answer.headers['content-type'] ?? ''
    if (
      !base.pathname.endsWith('/') ||
      !/html|json/i.test(contentType) ||
      Number(answer.headers['content-length'] ?? 0) > LISTING_MAX_BYTES
    )
      return null
    refuseEncoded(answer.headers, 'the listing')
    const chunks: Buffer[] = []
    let size = 0
    await answer.body((chunk) => {
      size += chunk.length
      if (size > LISTING_MAX_BYTES)
        throw new SyncFailure(
          'content_invalid',
          `the page at the address is larger than a listing may be, ${LISTING_MAX_BYTES} bytes`,
        )
      chunks.push(Buffer.from(chunk))
    })
    const listing = parseListing({
      text: Buffer.concat(chunks).toString('utf8'),
      contentType,
      url: base,
      lenient: options.tree === 'always',
    })
    return listing && { base, listing }
  } finally {
    answer.close()
  }
}

/**
 * Brings the published tree to what the upstream lists. Throws SyncFailure; partial when something could not be read:
 * then nothing is deleted.
 */
export async function syncTree(run: FileRun, root: Root): Promise<SyncStats> {
  const { context, options, url } = run
  const base = root.base
  const headers = base.origin === url.origin ? authorizationOf(context.auth) : {}
  const lanes = () =>
    createLanes({
      origin: base,
      peers: context.peers,
      signal: context.signal,
      connections: options.parallel,
      depth: LANE_DEPTH,
      idleMs: options.timeout_secs * 1000,
    })
  const listed = await listAll(run, root, lanes())
  const memory = createTreeMemory(context.tree.staging, base.href)
  const first = !(await context.tree.exists())
  const state = await compare(run, { listed, memory, first })
  const sizes = new Map<string, number>()
  const sizeOf = (remote: Remote) => sizes.get(remote.path) ?? state.known.get(remote.path)?.size ?? remote.size ?? null
  const fetching = state.jobs.filter(({ known }) => known === null).map(({ remote }) => remote.path)
  const outlook = (deletes: boolean) =>
    outlookOf({ local: state.local.files, wanted: listed.files, fetching, sizeOf, deletes })
  const plan = outlook(listed.unread.length === 0)
  context.allow(plan)
  const folder = first ? context.tree.staging : memory.newFolder
  const haul = await download(state.jobs, {
    context,
    options,
    lanes,
    base,
    home: url.origin,
    headers,
    folder,
    memory,
    expected: plan.incomingBytes,
  })
  for (const [path, { size }] of haul.fetched) sizes.set(path, size)
  return await finish({
    run,
    listed,
    memory,
    first,
    state,
    haul,
    folder,
    outlook: (deletes) => ({ ...outlook(deletes), incomingBytes: 0 }),
  })
}

async function listAll(
  { context, options, url }: FileRun,
  { base, listing }: Root,
  lanes: ReturnType<typeof createLanes>,
): Promise<Walk> {
  try {
    const headers = base.origin === url.origin ? authorizationOf(context.auth) : {}
    return await walk({ context, options, lanes, base, root: listing, filter: createFilter(options), headers })
  } finally {
    lanes.close()
  }
}

interface State {
  readonly local: LocalTree
  readonly jobs: readonly Job[]
  /** What is known of files that stay as they are, published or fetched earlier. */
  readonly known: Map<string, Known>
  /** Files an interrupted run fetched. */
  readonly staged: Map<string, Known>
  /** What was known before. */
  readonly before: ReadonlyMap<string, Known>
}

async function compare(
  { context, options }: FileRun,
  { listed, memory, first }: { listed: Walk; memory: TreeMemory; first: boolean },
): Promise<State> {
  const { known: before, fetched } = await memory.load()
  const local: LocalTree = first ? { files: new Map(), folders: [] } : await readLocal(context.tree.published)
  const aside = (await readLocal(first ? context.tree.staging : memory.newFolder, first ? STATE_FOLDER : null)).files
  const known = new Map<string, Known>()
  const staged = new Map<string, Known>()
  const jobs: Job[] = []
  let seen = 0
  for (const [path, remote] of listed.files) {
    const early = fetched.get(path)
    const lying = aside.get(path)
    const usesAside = lying && (early === undefined ? first : sameAs(early, lying) !== undefined)
    const here = usesAside ? lying : local.files.get(path)
    const mine = usesAside ? early : (sameAs(early, local.files.get(path)) ?? before.get(path))
    const verdict = judge({ remote, local: here, known: mine, compare: options.compare })
    if (verdict !== 'fetch')
      known.set(
        path,
        mine ?? { size: here!.size, mtime: here!.mtime, stamp: remote.stamp, etag: '', modified: '', fresh: false },
      )
    if (verdict !== 'fetch' && usesAside) staged.set(path, known.get(path)!)
    if (verdict !== 'same') jobs.push({ remote, known: verdict === 'ask' ? mine! : null })
    if (++seen % BREATHE_EVERY === 0) await breathe()
  }
  return { local, jobs, known, staged, before }
}

/** What a broken-off run fetched and already put in place. */
function sameAs(
  early: Known | undefined,
  local: { size: number; mtime: number } | null | undefined,
): Known | undefined {
  return early && local && local.size === early.size && local.mtime === early.mtime ? early : undefined
}

interface Finish {
  readonly run: FileRun
  readonly listed: Walk
  readonly memory: TreeMemory
  readonly first: boolean
  readonly state: State
  readonly haul: Haul
  readonly folder: string
  readonly outlook: (deletes: boolean) => ReturnType<typeof outlookOf>
}

async function finish({ run, listed, memory, first, state, haul, folder, outlook }: Finish): Promise<SyncStats> {
  const { context } = run
  const unread = [...listed.unread, ...haul.failed]
  const deletes = unread.length === 0
  for (const { path, why } of unread.slice(0, 200)) context.log(`not read: ${path}: ${why}`)
  for (const path of haul.vanished.slice(0, 200)) context.log(`vanished while it was read: ${path}`)
  const plan = outlook(deletes)
  context.allow(plan)
  const known = new Map([...state.known, ...haul.unchanged, ...haul.fetched])
  for (const path of haul.fetched.keys()) state.staged.delete(path)
  const placing: Placing = {
    context,
    memory,
    folder,
    fetched: new Map([...state.staged, ...haul.fetched]),
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
    await memory.keep(known, { parts: haul.failed.length > 0, address: run.url.href })
  if (unread.length > 0)
    throw partial(unread, first ? 'the rest is published' : 'the rest is up to date, nothing was deleted')
  return statsOf(known, haul)
}

function sameKnown(before: ReadonlyMap<string, Known>, now: ReadonlyMap<string, Known>): boolean {
  return before.size === now.size && [...now].every(([path, known]) => before.get(path) === known)
}

function partial(unread: readonly Unread[], still: string): SyncFailure {
  const [{ path, why }] = unread as [Unread]
  const more = unread.length > 1 ? `, and ${unread.length - 1} more` : ''
  return new SyncFailure('partial', `not all could be read (${path}: ${why}${more}); ${still}`)
}

function statsOf(known: ReadonlyMap<string, Known>, { bytes, vanished, unverified }: Haul): SyncStats {
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
