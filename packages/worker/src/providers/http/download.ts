// download.ts — Downloads many files into one folder: small ones pipelined, large ones over connections of their own.
// Reports what came, deletes nothing.
import { createHash } from 'node:crypto'
import { rename, rm, utimes, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  OF_ONE_FILE,
  percentOf,
  type DownloadOptions,
  type DownloadResult,
  type DownloadState,
  type PartialResult,
} from './download-state.ts'
import { downloadSmall } from './download-small.ts'
import { knownOf, LARGE_BYTES, clearPath, type FileJob } from './receive.ts'
import { isPage } from '../../http/content.ts'
import { networkFailure, TooManyRequests } from '../../http/errors.ts'
import { downloadFile, type FetchedFile } from '../../http/download.ts'
import { createMemory, type Memory } from '../../http/memory.ts'
import { bytesOf, pathBytes } from '../../names.ts'
import { SyncFailure } from '../../provider.ts'

/**
 * Downloads every file. Throws SyncFailure when the upstream can no longer be reached, and when disk or quota are full;
 * what came before is recorded.
 */
export async function downloadFiles(jobs: readonly FileJob[], parts: DownloadOptions): Promise<DownloadResult> {
  const { context, memory } = parts
  const result: PartialResult = {
    fetched: new Map(),
    unchanged: new Map(),
    vanished: [],
    failed: [],
    folders: [],
    pages: [],
    unverified: 0,
    bytes: 0,
  }
  const alone: FileJob[] = jobs.filter(({ remote }) => (remote.size ?? 0) > LARGE_BYTES)
  const small = jobs.filter(({ remote }) => (remote.size ?? 0) <= LARGE_BYTES)
  try {
    if (small.length > 0) await downloadSmall(small, { ...parts, result, separate: alone })
    await Promise.all(
      Array.from({ length: Math.min(parts.options.parallel, alone.length) }, async () => {
        for (let job = alone.shift(); job; job = alone.shift())
          await downloadSeparately(job, { ...parts, result, separate: alone })
      }),
    )
  } finally {
    memory.flush()
  }
  context.signal.throwIfAborted()
  return result
}

async function downloadSeparately(job: FileJob, work: DownloadState): Promise<void> {
  const { context, memory, result } = work
  const { remote, known } = job
  const state = join(memory.partsFolder, createHash('sha256').update(bytesOf(remote.path)).digest('hex').slice(0, 32))
  await mkdir(state, { recursive: true })
  try {
    const fetched = await fetchFile(job, createMemory(state), work)
    if (!fetched) return void result.unchanged.set(remote.path, { ...known!, stamp: remote.stamp })
    await placeFile(job, fetched, work)
    await rm(state, { recursive: true, force: true })
  } catch (error) {
    const failure = networkFailure(error)
    if (!(failure instanceof SyncFailure) || context.signal.aborted) throw error
    if (failure.reason === 'upstream_missing') return void result.vanished.push(remote.path)
    const ofNetwork = failure !== error
    if (!ofNetwork && !OF_ONE_FILE.has(failure.reason)) throw failure
    result.failed.push({
      path: remote.path,
      why: failure.message,
      transient: ofNetwork || failure.reason === 'stalled' || failure instanceof TooManyRequests,
    })
  }
}

function fetchFile(
  { remote, known }: FileJob,
  memory: Memory,
  { context, options, base, home, result, expected, throttle }: DownloadState,
): Promise<FetchedFile | null> {
  const before = result.bytes
  return downloadFile({
    context,
    options,
    url: new URL(remote.request, base),
    home,
    file: remote.name,
    memory,
    throttle,
    digests: [],
    known: known && { url: '', file: remote.name, etag: known.etag || null, modified: known.modified || null },
    pageExpected: () => isPage(join(context.tree.published, remote.path)),
    admit: (size, grown) =>
      context.allow({
        removed: 0,
        total: 1,
        examples: [],
        incomingBytes: Math.max(0, (size ?? grown) - grown),
        sizeBeforeBytes: null,
        sizeAfterBytes: size ?? grown,
      }),
    onBytes: (received) =>
      context.progress({
        phase: 'transferring',
        files: result.fetched.size,
        bytes: before + received,
        percent: percentOf(before + received, expected),
      }),
  })
}

async function placeFile(
  { remote }: FileJob,
  { part, size, validators, received, unverified }: FetchedFile,
  { folder, memory, result }: DownloadState,
): Promise<void> {
  const { etag, modified } = validators
  const noted = knownOf(remote, size, { etag: etag ?? '', 'last-modified': modified ?? '' })
  await utimes(part, noted.mtime, noted.mtime)
  clearPath(folder, remote.path)
  await rename(part, pathBytes(join(folder, remote.path)))
  result.bytes += received
  result.fetched.set(remote.path, noted)
  memory.note(remote.path, noted)
  if (unverified) result.unverified++
}
