// file.ts — Mirrors one file: requested only when it changed, continued after an interruption, checked, published
// whole.
import { statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileNameOf } from '../../http/address.ts'
import { sendRequest } from '../../http/request.ts'
import { isPage } from '../../http/content.ts'
import { checksumUrl, digestIn, digestOption, type Digest } from '../../http/digest.ts'
import { statusFailure } from '../../http/errors.ts'
import { hasSameBytes } from '../../http/bytes.ts'
import { downloadFile, type FetchedFile } from '../../http/download.ts'
import { createMemory, type Memory, type Validators } from '../../http/memory.ts'
import { readBody } from '../../http/read.ts'
import type { Throttle } from '../../http/throttle.ts'
import { pathBytes } from '../../names.ts'
import type { HttpResponse } from '../../http/message.ts'
import type { HttpOptions } from './options.ts'
import { SyncFailure, type SyncContext, type SyncStats } from '../../provider.ts'

/** Largest checksum file that is read, bytes. */
const CHECKSUMS_MAX_BYTES = 32 * 1024 * 1024

/** What a run of one file works on. */
export interface FileRun {
  readonly context: SyncContext
  readonly options: HttpOptions
  readonly url: URL
  /** Limits the bytes a second of the run. */
  readonly throttle: Throttle | null
}

/** Whether an earlier run published the address as one file. */
export async function isKnownFile({ context, url }: FileRun): Promise<boolean> {
  return (await createMemory(context.tree.staging).ofCopy(url.href, context.tree.published)) !== null
}

/** Updates the published file to what the upstream has. Throws SyncFailure and network errors. */
export async function syncFile(run: FileRun): Promise<SyncStats> {
  const { context, url } = run
  const file = fileNameOf(url)
  const memory = createMemory(context.tree.staging)
  await mkdir(context.tree.staging, { recursive: true })
  try {
    return await updateFile(run, memory, file)
  } catch (error) {
    // A part would keep a full disk full.
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') await memory.dropPart()
    throw error
  }
}

async function updateFile(run: FileRun, memory: Memory, file: string): Promise<SyncStats> {
  const { context, options, url, throttle } = run
  const copy = await memory.ofCopy(url.href, context.tree.published)
  // A copy that was never checked against this checksum is downloaded again, and one that somebody wants proved.
  const checked = options.checksum === '' || copy?.verified === options.checksum
  const known = checked && !context.thorough ? copy : null
  context.progress({ phase: 'connecting' })
  const digests = await promisedDigests(run, file)
  const published = join(context.tree.published, file)
  let adopted: (Validators & { size: number }) | null = null
  const admit = await admissionCheck(context, memory, file)
  const fetched = await downloadFile({
    context,
    options,
    url,
    file,
    memory,
    known,
    throttle,
    digests,
    pageExpected: () => isPage(published),
    isThere: (headers, validators) => {
      if (copy || !isTheSame(run, published, headers)) return false
      const { size } = statSync(pathBytes(published))
      context.allow({ ...NOTHING_TO_DO, sizeBeforeBytes: size, sizeAfterBytes: size })
      adopted = { ...validators, size }
      return true
    },
    admit,
    onBytes: (received, from, total) =>
      context.progress({
        phase: 'transferring',
        bytes: received,
        percent: total ? Math.floor(((from + received) / total) * 100) : null,
      }),
  })
  if (adopted !== null) return await keepAdopted(run, memory, adopted)
  if (!fetched) return { bytes: 0, files: 1, sizeBytes: copy!.size, revision: revisionOf(copy!) }
  admit(fetched.size, fetched.size)
  return await publish(run, memory, fetched)
}

/** The plan for a file that is there. */
const NOTHING_TO_DO = { removed: 0, total: 1, examples: [], incomingBytes: 0 }

/** Whether a file that is taken over is the one the headers describe. */
function isTheSame({ context, options }: FileRun, published: string, headers: HttpResponse['headers']): boolean {
  if (context.adopting === null || context.thorough || options.checksum !== '') return false
  const found = statSync(pathBytes(published), { throwIfNoEntry: false })
  if (!found?.isFile() || headers['content-encoding'] !== undefined) return false
  if (Number(headers['content-length'] ?? NaN) !== found.size) return false
  return (
    options.adopt === 'size' || Date.parse(headers['last-modified'] ?? '') === Math.floor(found.mtimeMs / 1000) * 1000
  )
}

async function keepAdopted(
  { context }: FileRun,
  memory: Memory,
  { size, ...validators }: Validators & { size: number },
): Promise<SyncStats> {
  context.log(`${validators.file} is there with the size and time of the upstream, and was not fetched`)
  await memory.keepCopy(validators, size)
  return { bytes: 0, files: 1, sizeBytes: size, revision: revisionOf(validators) }
}

/**
 * Returns a check whether a body may replace the copy: not when it is empty, much smaller, or larger than there is room
 * for.
 */
async function admissionCheck(
  context: SyncContext,
  memory: Memory,
  file: string,
): Promise<(size: number | null, grown: number) => void> {
  const found = statSync(pathBytes(join(context.tree.published, file)), { throwIfNoEntry: false })
  const last = await memory.last()
  // A copy that somebody changed here says nothing about the upstream; what was published last does.
  const before = found ? (last?.file === file ? last.size : found.size) : null
  return (size, grown) => {
    const emptied = size === 0 && before !== null && before > 0
    context.allow({
      removed: emptied ? 1 : 0,
      total: before === null ? 0 : 1,
      examples: emptied ? [file] : [],
      incomingBytes: size === null ? null : Math.max(0, size - grown),
      sizeBeforeBytes: size === null ? null : before,
      sizeAfterBytes: size ?? grown,
    })
  }
}

async function publish(
  { context, options }: FileRun,
  memory: Memory,
  { part, size, received, validators, unverified }: FetchedFile,
): Promise<SyncStats> {
  context.progress({ phase: 'publishing', percent: null, bytes: received })
  const proof = context.thorough ? await proofOf(join(context.tree.published, validators.file), part) : null
  const before = (await memory.last())?.file ?? null
  await context.tree.publishFile(part, validators.file)
  await memory.keepCopy({ ...validators, ...(options.checksum === '' ? {} : { verified: options.checksum }) }, size)
  // Another address may name another file; the mirror has only the new one.
  if (before !== null && before !== validators.file)
    await rm(pathBytes(join(context.tree.published, before)), { force: true })
  const doubt =
    unverified && options.checksum === ''
      ? 'the upstream does not say how long the file is: whether it is complete is unverified'
      : null
  const note = [doubt, proof].filter(Boolean).join('; ') || null
  return { bytes: received, files: 1, sizeBytes: size, revision: revisionOf(validators), note }
}

async function proofOf(published: string, fetched: string): Promise<string | null> {
  if (statSync(pathBytes(published), { throwIfNoEntry: false }) === undefined) return null
  return (await hasSameBytes(published, fetched))
    ? 'the file was downloaded anew: the copy had the bytes of the upstream'
    : 'the file was downloaded anew: the copy had other bytes, and was replaced'
}

function revisionOf({ etag, modified }: Validators): string | null {
  return etag ?? modified
}

/** What the option `checksum` promises of the file, read from the upstream where it names a file there. */
async function promisedDigests({ context, options, url }: FileRun, file: string): Promise<Digest[]> {
  if (options.checksum === '') return []
  const said = digestOption(options.checksum)
  if (said) return [said]
  const at = checksumUrl(options.checksum, url)
  const { response } = await sendRequest({ context, options, url: at, headers: {}, home: url.origin })
  let text: string
  try {
    if (response.status !== 200)
      throw statusFailure(response.status, context.auth !== null, response.headers['retry-after'])
    text = (
      await readBody(response, { most: CHECKSUMS_MAX_BYTES, what: `the checksum file ${options.checksum}` })
    ).toString()
  } finally {
    response.close()
  }
  const found = digestIn(text, file, options.checksum)
  if (!found)
    throw new SyncFailure('content_invalid', `${options.checksum} says nothing of ${file}; the copy stays as it is`)
  return [found]
}
