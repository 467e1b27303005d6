// walk.ts — Reads the listings of a whole tree, several at a time. Goes only downwards; what cannot be read is
// reported, not guessed.
import { isRedirect } from '../../http/request.ts'
import { refuseEncoded } from '../../http/content.ts'
import { networkFailure, retryAfterSeconds, statusFailure } from '../../http/errors.ts'
import type { Filter } from './filter.ts'
import type { Pipeline } from '../../http/pipeline-request.ts'
import type { Listing } from '../../listings/listing.ts'
import { parseListing } from '../../listings/parse.ts'
import type { HttpOptions } from './options.ts'
import type { RemoteFile } from './plan.ts'
import { PATIENCE_SECONDS } from '../../http/rate.ts'
import { SyncFailure, type SyncContext } from '../../provider.ts'

/** Largest listing that is read, bytes. */
export const LISTING_MAX_BYTES = 64 * 1024 * 1024
/** The Accept header: Caddy answers with exact sizes and times then. */
export const LISTING_HEADERS = { accept: 'application/json, text/html;q=0.9, */*;q=0.1' }
const TRIES = 3

/** Something that could not be read. */
export interface Unread {
  readonly path: string
  readonly why: string
  /** It may be readable the next time. */
  readonly transient: boolean
}

export interface TreeListing {
  readonly files: ReadonlyMap<string, RemoteFile>
  readonly unread: readonly Unread[]
}

export interface WalkOptions {
  readonly context: SyncContext
  readonly options: HttpOptions
  readonly pipeline: Pipeline
  readonly base: URL
  readonly root: Listing
  readonly filter: Filter
  readonly headers: Readonly<Record<string, string>>
}

interface Folder {
  readonly path: string
  readonly request: string
  readonly depth: number
}

/** Every file below the base. Throws SyncFailure when there are more than `max_files`, and when the run is stopped. */
export async function listTree(parts: WalkOptions): Promise<TreeListing> {
  const { context, options, base, root } = parts
  const found: Found = { files: new Map(), folders: new Set(), unread: [], open: [] }
  addListing(parts, found, { path: '', request: base.pathname.slice(0, -1), depth: 0 }, root)
  let read = 1
  await eachAtOnce(found.open, options.parallel * 4, async (folder) => {
    const listing = await readFolder(parts, folder)
    if ('why' in listing) found.unread.push(listing)
    else addListing(parts, found, folder, listing)
    context.progress({ phase: 'listing', files: found.files.size, percent: null })
    read++
  })
  context.signal.throwIfAborted()
  context.log(`${found.files.size} files in ${read} directories`)
  return found
}

/** Works on the items in `open`, and on those added meanwhile, `most` at a time. Rejects with the first error. */
async function eachAtOnce<T>(open: T[], most: number, work: (one: T) => Promise<void>): Promise<void> {
  const active = new Set<Promise<void>>()
  while (open.length > 0 || active.size > 0) {
    while (active.size < most && open.length > 0) {
      const one: Promise<void> = work(open.pop()!).finally(() => active.delete(one))
      active.add(one)
    }
    await Promise.race(active)
  }
}

interface Found {
  readonly files: Map<string, RemoteFile>
  readonly folders: Set<string>
  readonly unread: Unread[]
  readonly open: Folder[]
}

/** Adds what a listing has. What it may lack is unread, so that nothing is deleted. */
function addListing(parts: WalkOptions, found: Found, folder: Folder, listing: Listing): void {
  const below = folder.path === '' ? '' : `${folder.path}/`
  for (const { name, why } of listing.refused) parts.context.leaveOut(`${below}${name}`, `the name ${why}`)
  const lacks = listing.incomplete ?? (listing.next === null ? null : 'it is the first page of several')
  if (lacks !== null)
    found.unread.push({ path: below || '/', why: `its listing may not be whole: ${lacks}`, transient: true })
  addEntries(parts, found, folder, listing)
}

function addEntries({ options, filter }: WalkOptions, found: Found, folder: Folder, { entries }: Listing): void {
  for (const entry of entries) {
    const path = folder.path === '' ? entry.name : `${folder.path}/${entry.name}`
    if (found.files.has(path) || found.folders.has(path)) continue
    if (!entry.directory) {
      if (filter.file(path)) found.files.set(path, { ...entry, path, request: `${folder.request}/${entry.raw}` })
    } else if (filter.folder(path)) {
      found.folders.add(path)
      const depth = folder.depth + 1
      if (depth > options.max_depth)
        found.unread.push({
          path: `${path}/`,
          why: `deeper than ${options.max_depth} directories (max_depth)`,
          transient: false,
        })
      else found.open.push({ path, request: `${folder.request}/${entry.raw}`, depth })
    }
  }
  const count = Math.max(found.files.size, found.folders.size)
  if (count > options.max_files)
    throw new SyncFailure(
      'quota_exceeded',
      `the upstream lists more than ${options.max_files} files or directories (max_files); nothing was begun`,
    )
}

async function readFolder(parts: WalkOptions, folder: Folder): Promise<Listing | Unread> {
  const { context, base } = parts
  const unread = (why: string, transient: boolean): Unread => ({ path: `${folder.path}/`, why, transient })
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted()
    try {
      const { status, headers, body } = await readAll(parts.pipeline, `${folder.request}/`, {
        ...LISTING_HEADERS,
        ...parts.headers,
      })
      if (status === 200) {
        refuseEncoded(headers, `${folder.path}/`)
        const listing = parseListing({
          bytes: body,
          contentType: headers['content-type'] ?? '',
          url: new URL(`${folder.request}/`, base),
          server: headers['server'] ?? null,
          lenient: parts.options.tree === 'always',
        })
        if (listing === null) return unread('answers with a page that is no listing', false)
        return 'problem' in listing ? unread(listing.problem, listing.likely) : listing
      }
      if (isRedirect(status)) return unread('sends us elsewhere', false)
      const busy = status === 429 || status >= 500
      if (!busy || attempt >= TRIES)
        return unread(statusFailure(status, context.auth !== null, headers['retry-after']).message, busy)
      const seconds = retryAfterSeconds(headers['retry-after']) ?? 1
      if (seconds > PATIENCE_SECONDS) return unread(statusFailure(status, false, headers['retry-after']).message, true)
      await context.pause(seconds)
    } catch (error) {
      const failure = networkFailure(error)
      if (!(failure instanceof SyncFailure) || failure.reason === 'address_forbidden') throw error
      if (attempt >= TRIES || failure.reason === 'content_invalid')
        return unread(failure.message, failure.reason !== 'content_invalid')
    }
  }
}

interface WholeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

function readAll(
  pipeline: Pipeline,
  path: string,
  requestHeaders: Readonly<Record<string, string>>,
): Promise<WholeResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let status = 0
    let size = 0
    let headers: Readonly<Record<string, string>> = {}
    pipeline.send({
      path,
      headers: requestHeaders,
      parsed: true,
      fail: reject,
      head: (...received) => ([status, headers] = received),
      data(chunk) {
        size += chunk.length
        if (size > LISTING_MAX_BYTES)
          throw new SyncFailure('content_invalid', `a listing of more than ${LISTING_MAX_BYTES} bytes`)
        chunks.push(Buffer.from(chunk))
      },
      end: () => resolve({ status, headers, body: Buffer.concat(chunks) }),
    })
  })
}
