// download.ts — Downloads one file to a part in staging: whole, of the promised length, checked. Knows no published
// tree; the caller publishes.
import { closeSync, fdatasync, openSync, writeSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { sendRequest, type RequestParts } from './request.ts'
import { encodingCheck, isPage, pageFailure, promisesPage, seemsPage } from './content.ts'
import { createChecker, digestsOf, type Digest } from './digest.ts'
import { statusFailure } from './errors.ts'
import { isStrong, type Memory, type Validators } from './memory.ts'
import type { HttpResponse } from './message.ts'
import type { FetchOptions } from './options.ts'
import { createRateWatch } from './rate.ts'
import { showName } from '../names.ts'
import { SyncFailure } from '../provider.ts'

/** Written bytes after which the disk is flushed in the background, so that the last flush is short. */
const FLUSH_BYTES = 64 * 1024 * 1024
const PROGRESS_BYTES = 64 * 1024

export interface FileRequest {
  readonly context: RequestParts['context']
  readonly options: FetchOptions
  readonly url: URL
  /** The origin the credentials are for. */
  readonly home?: string
  /** Headers for `url` only; redirects do not get them. */
  readonly ownHeaders?: Readonly<Record<string, string>>
  /** What a part is found again by: the address, unless that holds secrets or differs each time. */
  readonly identity?: string
  /** See RequestParts. */
  readonly discreet?: boolean
  readonly throttle?: RequestParts['throttle']
  readonly file: string
  readonly memory: Memory
  /** Validators of the existing copy: then the request is conditional. */
  readonly known: Validators | null
  readonly digests: readonly Digest[]
  /** The only size the file may have, bytes. */
  readonly size?: number
  /** Whether the file is expected to be a web page. */
  readonly pageExpected: () => boolean
  /**
   * Called with the size the file will have (null: not known) before its body, and again while a body of unknown length
   * grows. Throws to refuse it.
   */
  readonly admit: (size: number | null, grown: number) => void
  /** Whether a file that nothing is known of is the one that is sent; its body is then not read. */
  readonly isThere?: (headers: HttpResponse['headers'], validators: Validators) => boolean
  /** Bytes received so far, bytes that were there before, and the total; null when not known. */
  readonly onBytes: (received: number, from: number, total: number | null) => void
}

export interface FetchedFile {
  /** Path of the complete file. */
  readonly part: string
  readonly size: number
  readonly received: number
  readonly validators: Validators
  /** The upstream did not say how long the file is, so that a cut would not be noticed. */
  readonly unverified: boolean
}

/**
 * Downloads the file; null when it did not change, or is there. Throws SyncFailure and network errors. A part that can
 * be continued stays.
 */
export async function downloadFile(request: FileRequest): Promise<FetchedFile | null> {
  const { context, url, memory, known, file, identity = url.href } = request
  const part = await memory.ofPart(identity)
  const { response } = await sendRequest({ ...request, headers: conditions(known, part) })
  try {
    if (response.status === 304 && known) return null
    const validators: Validators = {
      url: identity,
      file,
      etag: response.headers.etag ?? null,
      modified: response.headers['last-modified'] ?? null,
    }
    if (response.status === 416 && part) {
      await memory.dropPart()
      return await downloadFile(request)
    }
    if (response.status === 206 && part)
      return await receiveBody({
        ...request,
        response,
        validators: { ...part, modified: validators.modified ?? part.modified },
        from: await continuedFrom(response, part, memory),
      })
    if (response.status === 200 && request.isThere?.(response.headers, validators)) return null
    if (response.status === 200) return await receiveBody({ ...request, response, validators, from: 0 })
    throw statusFailure(response.status, context.auth !== null, response.headers['retry-after'])
  } finally {
    response.close()
  }
}

function conditions(copy: Validators | null, part: (Validators & { size: number }) | null): Record<string, string> {
  return {
    ...(copy?.etag ? { 'if-none-match': copy.etag } : {}),
    ...(copy?.modified ? { 'if-modified-since': copy.modified } : {}),
    ...(part?.etag ? { range: `bytes=${part.size}-`, 'if-range': part.etag } : {}),
  }
}

/**
 * A server that sends another range than requested, or continues with another file, would give a file of two halves.
 */
async function continuedFrom(
  { headers }: HttpResponse,
  part: Validators & { size: number },
  memory: Memory,
): Promise<number> {
  const range = headers['content-range'] ?? ''
  const start = Number(/^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(range)?.[1])
  if (start === part.size && (headers.etag === undefined || headers.etag === part.etag)) return part.size
  // The next run starts from the beginning.
  await memory.dropPart()
  throw new SyncFailure(
    'content_invalid',
    start === part.size
      ? 'the upstream goes on with another version of the file than it began with'
      : `the upstream was asked to go on at byte ${part.size} and sends "${range}"`,
  )
}

interface BodyDownload extends FileRequest {
  readonly response: HttpResponse
  readonly validators: Validators
  /** Bytes that are already there. */
  readonly from: number
}

async function receiveBody(download: BodyDownload): Promise<FetchedFile> {
  const { memory, response, validators, from, file, options, admit } = download
  const promised = response.headers['content-length'] === undefined ? null : Number(response.headers['content-length'])
  const total = promised === null ? null : from + promised
  const admitSize = () => {
    refuseTooLarge(total ?? 0, options)
    if (total !== null && total !== (download.size ?? total)) throw wrongSize(total, download.size)
    admit(total, 0)
  }
  // A part that is continued was checked when it began.
  const check = from === 0 ? encodingCheck(response.headers, showName(file)) : null
  if (!check) admitSize()
  if (from === 0) await memory.dropPart()
  if (from === 0 && isStrong(validators.etag)) await memory.keepPart(validators)
  try {
    const received = await writeBody(download, total, (start) => {
      if (!check) return
      check(start)
      admitSize()
    })
    if (check && received === 0) admitSize()
    if (from + received !== (download.size ?? from + received)) throw wrongSize(from + received, download.size)
    if (promised !== null && received !== promised)
      throw new SyncFailure('content_invalid', `${received} bytes came where ${promised} were promised`)
    if (
      !options.accept_html &&
      promisesPage(file) === 'no' &&
      !download.pageExpected() &&
      seemsPage(response.headers) &&
      isPage(memory.part)
    )
      throw pageFailure(showName(file))
    const modified = new Date(validators.modified ?? Number.NaN)
    if (!Number.isNaN(modified.getTime())) await utimes(memory.part, modified, modified)
    const chunked = response.headers['transfer-encoding'] !== undefined
    return { part: memory.part, size: from + received, received, validators, unverified: promised === null && !chunked }
  } catch (error) {
    // A file that is wrong as a whole cannot be continued; one that was cut off or came too slowly can.
    if (error instanceof SyncFailure && error.reason !== 'stalled') await memory.dropPart()
    throw error
  }
}

function refuseTooLarge(bytes: number, { max_mib }: FetchOptions): void {
  if (max_mib > 0 && bytes > max_mib * 1024 ** 2)
    throw new SyncFailure(
      'content_invalid',
      `the upstream sends more than the ${max_mib} MiB a file may have (max_mib)`,
    )
}

function wrongSize(bytes: number, size = 0): SyncFailure {
  return new SyncFailure('content_invalid', `the upstream sends ${bytes} bytes or more where there must be ${size}`)
}

/** Writes each piece at once: the buffer is used again for the next piece, so memory stays the same at any size. */
async function writeBody(
  { response, memory, from, options, digests, size = Infinity, admit, onBytes: moved }: BodyDownload,
  total: number | null,
  onStart: (start: Buffer) => void,
): Promise<number> {
  const checker = createChecker([...digests, ...digestsOf(response.headers, from === 0)])
  const handle = openSync(memory.part, from === 0 ? 'w' : 'a', 0o644)
  const rate = createRateWatch(options)
  const flusher = createFlusher(handle)
  let received = 0
  let shown = 0
  try {
    await response.body((chunk) => {
      if (received === 0) onStart(chunk)
      for (let at = 0; at < chunk.length;) at += writeSync(handle, chunk, at)
      if (from === 0) checker?.update(chunk)
      received += chunk.length
      rate(chunk.length)
      refuseTooLarge(from + received, options)
      if (from + received > size) throw wrongSize(from + received, size)
      if (flusher.shouldFlush(received) && total === null) admit(null, received)
      if (received - shown < PROGRESS_BYTES) return
      shown = received
      moved(received, from, total)
    })
    // After the body, because reading a large part takes longer than a connection may be silent, and every try would
    // end there.
    if (from > 0) await checker?.catchUp(memory.part)
    checker?.verify()
    return received
  } finally {
    await flusher.done()
    closeSync(handle)
  }
}

function createFlusher(handle: number): { shouldFlush(received: number): boolean; done(): Promise<void> } {
  let flushed = 0
  let flushing: Promise<void> | null = null
  return {
    /** Whether enough was received to flush in the background. */
    shouldFlush(received) {
      if (received - flushed < FLUSH_BYTES || flushing) return false
      flushed = received
      flushing = new Promise<void>((resolve) => fdatasync(handle, () => resolve(void (flushing = null))))
      return true
    },
    done: async () => void (await flushing),
  }
}
