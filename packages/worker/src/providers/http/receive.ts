// receive.ts — One small file on its way from a pipeline to the disk: opened with its first byte, checked at its end.
// Decides what a response means for the file.
import { closeSync, futimesSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isRedirect } from '../../http/address.ts'
import { createChecker, digestsOf, type Checker } from '../../http/digest.ts'
import { beginsLikePage, encodingCheck, pageFailure, promisesPage, seemsPage } from '../../http/content.ts'
import type { PipelinedRequest } from '../../http/pipeline-request.ts'
import { clearFolder, clearParents } from './local.ts'
import type { HttpOptions } from './options.ts'
import type { RemoteFile } from './plan.ts'
import { createRateWatch } from '../../http/rate.ts'
import { pathBytes, showName } from '../../names.ts'
import { SyncFailure } from '../../provider.ts'
import type { KnownFile } from './tree-memory.ts'

/** Larger files use a connection of their own, where they can be continued. */
export const LARGE_BYTES = 8 * 1024 * 1024
/** Within this time a file or folder may change again without a listing showing it, ms. */
export const FRESH_MS = 120_000
/** An unwanted body up to this size is read to its end; beyond, a new connection costs less. */
const IGNORED_MAX_BYTES = 256 * 1024

/** What came of requesting a file. */
export type FileOutcome =
  | { readonly is: 'fetched'; readonly known: KnownFile; readonly unverified: boolean }
  | { readonly is: 'unchanged'; readonly known: KnownFile }
  | { readonly is: 'vanished' }
  /** To be downloaded separately: it is large, or at another address. */
  | { readonly is: 'alone' }
  /** It is a folder: the server leads from its name to its name with a slash. */
  | { readonly is: 'folder' }
  /** A web page came for a name that promises none: it may be the listing of a folder. */
  | { readonly is: 'page' }
  | { readonly is: 'status'; readonly status: number; readonly retryAfter: string | undefined }
  | { readonly is: 'failed'; readonly error: unknown }

export interface FileJob {
  readonly remote: RemoteFile
  /** The file that is here already: then the request is conditional. */
  readonly known: KnownFile | null
  /** It was asked for as a folder and is none: a web page is what it is. */
  readonly noFolder?: boolean
}

export interface FileRequestOptions {
  readonly job: FileJob
  readonly folder: string
  readonly options: HttpOptions
  readonly headers: Readonly<Record<string, string>>
  readonly pageExpected: (path: string) => boolean
  readonly onBytes: (bytes: number) => void
  readonly onDone: (outcome: FileOutcome) => void
}

/** The request that downloads a file into `folder`. */
export function createFileRequest(parts: FileRequestOptions): PipelinedRequest {
  const { job, options, headers, pageExpected, onDone: done } = parts
  const { remote, known } = job
  const file = createSink(parts)
  let responseHeaders: Readonly<Record<string, string>> = {}
  let outcome: FileOutcome | null = null
  let checker: Checker | null = null
  const finishWith = (result: FileOutcome, length: number) => {
    outcome = result
    if (length > IGNORED_MAX_BYTES) throw new Error('not wanted')
  }
  const outcomeOfStart = (chunk: Buffer): FileOutcome | null => {
    try {
      encodingCheck(responseHeaders, showName(remote.path))?.(chunk)
    } catch (error) {
      return { is: 'failed', error }
    }
    if (!seemsPage(responseHeaders) || !beginsLikePage(chunk)) return null
    const promise = promisesPage(remote.name)
    if (promise === 'yes') return null
    if (!job.noFolder) return { is: 'page' }
    const wanted = promise === 'maybe' || options.accept_html || pageExpected(remote.path)
    return wanted ? null : { is: 'failed', error: pageFailure(showName(remote.path)) }
  }
  const finished = (result: FileOutcome) => {
    file.close()
    done(result)
  }
  return {
    path: remote.request,
    headers: known
      ? {
          ...headers,
          ...(known.etag ? { 'if-none-match': known.etag } : {}),
          ...(known.modified ? { 'if-modified-since': known.modified } : {}),
        }
      : headers,
    head(status, headers) {
      responseHeaders = headers
      const length = Number(headers['content-length'] ?? 0)
      const meaning = outcomeOfHead(status, headers, job)
      if (meaning) finishWith(meaning, length)
      else if (length > LARGE_BYTES) finishWith({ is: 'alone' }, length)
      else checker = createChecker(digestsOf(headers, true))
    },
    data(chunk) {
      if (outcome) return
      const other = file.size() === 0 ? outcomeOfStart(chunk) : null
      if (other) return finishWith(other, 0)
      checker?.update(chunk)
      file.write(chunk, responseHeaders['content-length'])
    },
    end() {
      if (!outcome) checker?.verify()
      finished(outcome ?? completeFile(file.opened(), file.size(), responseHeaders, remote))
    },
    fail: (error) => finished(outcome ?? { is: 'failed', error }),
  }
}

interface Sink {
  write(chunk: Buffer, promised: string | undefined): void
  size(): number
  /** Its file handle; opens the file when nothing was written. */
  opened(): number
  close(): void
}

/** A file that is opened when its first byte comes. */
function createSink({ job, folder, options, onBytes: moved }: FileRequestOptions): Sink {
  const { path } = job.remote
  let handle = -1
  let size = 0
  let rate: ((bytes: number) => void) | null = null
  const opened = () => (handle < 0 ? (handle = openAt(folder, path)) : handle)
  return {
    opened,
    size: () => size,
    write(chunk, promised) {
      opened()
      for (let at = 0; at < chunk.length;) at += writeSync(handle, chunk, at)
      size += chunk.length
      moved(chunk.length)
      // Complete in one piece, as most are: there is no rate to watch.
      if (chunk.length === size && String(size) === promised) return
      rate ??= createRateWatch(options)
      rate(chunk.length)
      if (options.max_mib > 0 && size > options.max_mib * 1024 ** 2)
        throw new SyncFailure(
          'content_invalid',
          `${showName(path)} is larger than the ${options.max_mib} MiB a file may have (max_mib)`,
        )
    },
    close() {
      if (handle >= 0) closeSync(handle)
      handle = -1
    },
  }
}

/** The outcome a head decides; null when the body is the file. */
function outcomeOfHead(
  status: number,
  headers: Readonly<Record<string, string>>,
  { known, remote }: FileJob,
): FileOutcome | null {
  if (status === 200) return null
  if (status === 304 && known)
    return { is: 'unchanged', known: { ...known, stamp: remote.stamp, fresh: isFresh(known.modified, headers.date) } }
  if (status === 404 || status === 410) return { is: 'vanished' }
  if (isRedirect(status)) return { is: leadsToFolder(headers.location, remote.request) ? 'folder' : 'alone' }
  return { is: 'status', status, retryAfter: headers['retry-after'] }
}

/** Whether a redirect only adds a slash. */
function leadsToFolder(location: string | undefined, request: string): boolean {
  const [from, to] = [request, location ?? ''].map((address) => URL.parse(address, 'http://upstream')?.pathname)
  return from !== undefined && to === `${from}/`
}

/** Sets the time of a complete file, and returns what it will be known by. */
function completeFile(
  handle: number,
  size: number,
  headers: Readonly<Record<string, string>>,
  remote: RemoteFile,
): FileOutcome {
  const measured = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  if (!measured && remote.exact && remote.size !== size) {
    return {
      is: 'failed',
      error: new SyncFailure(
        'content_invalid',
        `${size} bytes of ${showName(remote.path)} came where the listing says ${remote.size}`,
      ),
    }
  }
  const known = knownOf(remote, size, headers)
  futimesSync(handle, known.mtime, known.mtime)
  return { is: 'fetched', known, unverified: !measured && !remote.exact }
}

/** What is remembered of a file that was downloaded. */
export function knownOf(remote: RemoteFile, size: number, headers: Readonly<Record<string, string>>): KnownFile {
  const modified = headers['last-modified'] ?? ''
  const said = Date.parse(modified)
  const listed = remote.grain === 1000 ? remote.time : null
  const time = Number.isNaN(said) ? (listed ?? Date.now()) : said
  return {
    size,
    mtime: Math.floor(time / 1000),
    stamp: remote.stamp,
    etag: headers.etag ?? '',
    modified,
    fresh: isFresh(modified, headers.date),
  }
}

function isFresh(modified: string, date: string | undefined): boolean {
  const age = Date.parse(date ?? '') - Date.parse(modified)
  return Number.isNaN(age) || age < FRESH_MS
}

/** Opens a new file, with the folders above it. */
function openAt(folder: string, path: string): number {
  const at = pathBytes(`${folder}/${path}`)
  try {
    return openSync(at, 'w', 0o644)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR') throw error
    clearPath(folder, path)
    return openSync(at, 'w', 0o644)
  }
}

/** Creates the folders a file needs and removes what stands in their place. */
export function clearPath(folder: string, path: string): void {
  clearParents(folder, path)
  clearFolder(join(folder, path))
  mkdirSync(pathBytes(dirname(join(folder, path))), { recursive: true })
}
