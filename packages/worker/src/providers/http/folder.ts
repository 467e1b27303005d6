// folder.ts — Reads the listing of one folder, at the pace of its host, with all pages that follow, and that at the
// address of a tree, through redirects.
import { encodingCheck } from '../../http/content.ts'
import { networkFailure, retryAfterSeconds, statusFailure } from '../../http/errors.ts'
import { isRefusal, waitForLeave } from '../../http/pace.ts'
import type { Pipeline } from '../../http/pipeline-request.ts'
import { PATIENCE_SECONDS } from '../../http/rate.ts'
import { readBody } from '../../http/read.ts'
import { isRedirect } from '../../http/address.ts'
import { sendRequest } from '../../http/request.ts'
import type { Listing } from '../../listings/listing.ts'
import { parseListing } from '../../listings/parse.ts'
import { showName } from '../../names.ts'
import { SyncFailure, type AskContext, type SyncContext } from '../../provider.ts'
import type { FileRun } from './file.ts'
import type { HttpOptions } from './options.ts'

/** Largest listing that is read, bytes. */
export const LISTING_MAX_BYTES = 64 * 1024 * 1024
/** The Accept header: Caddy answers with exact sizes and times then. */
export const LISTING_HEADERS = { accept: 'application/json, text/html;q=0.9, */*;q=0.1' }
const TRIES = 3
/** Before a listing is asked for again that the upstream could not serve, seconds. */
const RETRY_SECONDS = 0.5
/** Times a listing is asked for that is refused because there are too many requests. */
const REFUSALS_MAX = 20
/** Pages of one listing. */
const PAGES_MAX = 10_000

export interface FolderParts {
  readonly context: SyncContext
  readonly options: HttpOptions
  readonly pipeline: Pipeline
  readonly base: URL
  /** The format of the listing at the address; null when it is not known. */
  readonly format: string | null
  readonly headers: Readonly<Record<string, string>>
}

/** A folder as it is asked for: `request` is its path in the request line, without the last slash. */
export interface FolderAddress {
  readonly path: string
  readonly request: string
}

/** Why a folder was not read; `status` 0: the answer is not the reason. */
export interface NotRead {
  readonly status: number
  readonly why: string
  readonly transient: boolean
}

export interface FolderReader {
  read(folder: FolderAddress): Promise<Listing | NotRead>
  /** A listing with the pages that follow it. */
  readFollowing(folder: FolderAddress, first: Listing): Promise<Listing>
}

/** A reader over one pipeline. */
export function createFolderReader(parts: FolderParts): FolderReader {
  const read = async (folder: FolderAddress) => {
    const first = await readPage(parts, folder, pageOf(parts, folder))
    return 'status' in first ? first : readFollowing(parts, folder, first)
  }
  return {
    read,
    async readFollowing(folder, first) {
      // The first page of a bucket has the first keys of all folders: the rest is read folder by folder.
      if (parts.format === S3 && first.next !== null) {
        const again = await read(folder)
        return 'status' in again ? { ...first, incomplete: again.why, next: null } : again
      }
      return readFollowing(parts, folder, first)
    },
  }
}

/** The format of buckets, whose folders are no addresses of their own. */
const S3 = 's3'

/** What is asked for to read a folder: its address, or for a bucket the keys that begin like it. */
function pageOf({ base, format }: FolderParts, { request }: FolderAddress): { target: string; query: string } {
  if (format !== S3) return { target: `${request}/`, query: '' }
  const prefix = `${request}/`.slice(base.pathname.length)
  return { target: base.pathname, query: `?delimiter=%2F&prefix=${prefix.replaceAll('/', '%2F')}` }
}

async function readFollowing(parts: FolderParts, folder: FolderAddress, first: Listing): Promise<Listing> {
  const entries = [...first.entries]
  const refused = [...first.refused]
  const seen = new Set<string>()
  let { incomplete, next } = first
  while (next !== null && incomplete === null && entries.length <= parts.options.max_files) {
    if (seen.has(next) || seen.size > PAGES_MAX) incomplete = 'its pages have no end'
    seen.add(next)
    const page = incomplete === null ? await readPage(parts, folder, { ...pageOf(parts, folder), query: next }) : null
    if (page && 'status' in page) incomplete = `one of its pages could not be read: ${page.why}`
    else if (page) {
      entries.push(...page.entries)
      refused.push(...page.refused)
      ;({ incomplete, next } = page)
    }
  }
  return { ...first, entries, refused, incomplete, next: null }
}

async function readPage(
  parts: FolderParts,
  folder: FolderAddress,
  { target, query }: { target: string; query: string },
): Promise<Listing | NotRead> {
  const { context } = parts
  let refusals = 0
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted()
    try {
      const answer = await askAtPace(parts, `${target}${query}`)
      const { status, headers } = answer
      if (status === 200) return listingOf(parts, folder, { ...answer, query })
      if (isRedirect(status)) return { status, why: 'sends us elsewhere', transient: false }
      const why = statusFailure(status, context.auth !== null, headers['retry-after']).message
      const seconds = retryAfterSeconds(headers['retry-after']) ?? RETRY_SECONDS
      const busy = isRefusal(status) || status >= 500
      if (!busy || seconds > PATIENCE_SECONDS) return { status, why, transient: busy }
      if (isRefusal(status)) {
        // The pace of the host says when to ask again, and a refusal is no try of this folder.
        if (context.paces.of(parts.base.host).closed() || ++refusals > REFUSALS_MAX)
          return { status, why, transient: true }
        attempt--
      } else if (attempt >= TRIES) return { status, why, transient: true }
      else await context.pause(seconds)
    } catch (error) {
      const failure = networkFailure(error)
      if (!(failure instanceof SyncFailure) || failure.reason === 'address_forbidden') throw error
      if (attempt >= TRIES || failure.reason === 'content_invalid')
        return { status: 0, why: failure.message, transient: failure.reason !== 'content_invalid' }
    }
  }
}

function listingOf(
  { base, options }: FolderParts,
  { path, request }: FolderAddress,
  { headers, body, query }: WholeResponse & { query: string },
): Listing | NotRead {
  encodingCheck(headers, showName(`${path}/`))?.(body)
  const listing = parseListing({
    bytes: body,
    contentType: headers['content-type'] ?? '',
    url: new URL(`${request}/${query}`, base),
    server: headers.server ?? null,
    lenient: options.tree === 'always',
  })
  if (listing === null) return { status: 200, why: 'answers with a page that is no listing', transient: false }
  return 'problem' in listing ? { status: 200, why: listing.problem, transient: false } : listing
}

interface WholeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

async function askAtPace({ context, pipeline, base, headers }: FolderParts, path: string): Promise<WholeResponse> {
  const leave = await waitForLeave(context, base.host)
  try {
    const answer = await readAll(pipeline, path, { ...LISTING_HEADERS, ...headers })
    leave.done(isRefusal(answer.status) ? 'refused' : 'served', retryAfterSeconds(answer.headers['retry-after']))
    return answer
  } catch (error) {
    leave.done('failed')
    throw error
  }
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

/** A directory whose listing was read. */
export interface Root {
  readonly base: URL
  readonly listing: Listing
}

/** What is needed to ask for a listing. */
export interface RootQuestion extends Pick<FileRun, 'options' | 'url' | 'throttle'> {
  readonly context: AskContext
}

/**
 * Reads the listing at the address; the reason when the response is none, which is null when nothing in it looks like a
 * listing. Throws SyncFailure for a status other than 200.
 */
export async function readRoot({
  context,
  options,
  url,
  throttle,
}: RootQuestion): Promise<Root | { why: string | null }> {
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
    throttle,
  })
  try {
    const { status, headers } = response
    if (status !== 200) throw statusFailure(status, context.auth !== null, headers['retry-after'])
    const contentType = headers['content-type'] ?? ''
    const isListing = base.pathname.endsWith('/') && /html|json|xml/i.test(contentType)
    if (!isListing || Number(headers['content-length'] ?? 0) > LISTING_MAX_BYTES) return { why: null }
    const bytes = await readBody(response, { most: LISTING_MAX_BYTES, what: 'the page at the address' })
    const listing = parseListing({
      bytes,
      contentType,
      url: base,
      server: headers.server ?? null,
      lenient: options.tree === 'always',
    })
    if (listing === null) return { why: null }
    return 'problem' in listing ? { why: listing.likely ? listing.problem : null } : { base, listing }
  } finally {
    response.close()
  }
}
