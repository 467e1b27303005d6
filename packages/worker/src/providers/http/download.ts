// download.ts — Downloads many files into one folder: small ones pipelined, large ones over connections of their own.
// Reports what came, deletes nothing.
import { createHash } from 'node:crypto'
import { rename, rm, utimes, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createFileRequest, knownOf, LARGE_BYTES, clearPath, type FileOutcome, type FileJob } from './receive.ts'
import { isPage } from '../../http/content.ts'
import { networkFailure, retryAfterSeconds, statusFailure } from '../../http/errors.ts'
import { downloadFile } from '../../http/download.ts'
import type { Pipeline } from '../../http/pipeline-request.ts'
import { createMemory } from '../../http/memory.ts'
import type { HttpOptions } from './options.ts'
import { PATIENCE_SECONDS } from '../../http/rate.ts'
import type { KnownFile, TreeMemory } from './tree-memory.ts'
import type { Unread } from './walk.ts'
import { SyncFailure, type SyncContext } from '../../provider.ts'

const TRIES = 3
/** Network failures in a row after which the upstream is given up for this run. */
const FAILURES_MAX = 40
/** Reasons that concern one file, not the run. */
const OF_ONE_FILE = new Set(['content_invalid', 'upstream_refused', 'upstream_missing', 'auth_rejected', 'stalled'])

export interface DownloadOptions {
  readonly context: SyncContext
  readonly options: HttpOptions
  readonly openPipeline: () => Pipeline
  readonly base: URL
  /** The origin the credentials are for. */
  readonly home: string
  readonly headers: Readonly<Record<string, string>>
  readonly folder: string
  readonly memory: TreeMemory
  /** Bytes that will come; null when not known. */
  readonly expected: number | null
}

export interface DownloadResult {
  readonly fetched: ReadonlyMap<string, KnownFile>
  readonly unchanged: ReadonlyMap<string, KnownFile>
  readonly vanished: readonly string[]
  readonly failed: readonly Unread[]
  readonly unverified: number
  readonly bytes: number
}

type PartialResult = {
  -readonly [Key in keyof DownloadResult]: DownloadResult[Key] extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : DownloadResult[Key] extends readonly (infer T)[]
      ? T[]
      : DownloadResult[Key]
}

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

interface DownloadState extends DownloadOptions {
  readonly result: PartialResult
  readonly separate: FileJob[]
}

async function downloadSmall(jobs: readonly FileJob[], work: DownloadState): Promise<void> {
  const { context, options } = work
  const pipeline = work.openPipeline()
  const queue = createQueue(jobs)
  const most = options.parallel * 32
  let active = 0
  let failures = 0
  let waiting: Promise<void> | null = null
  try {
    await new Promise<void>((resolve, reject) => {
      const onOutcome = (job: FileJob, outcome: FileOutcome) => {
        active--
        try {
          const again = recordOutcome(job, outcome, work)
          failures = outcome.is === 'failed' && again !== 'no' ? failures + 1 : 0
          if (failures > FAILURES_MAX && outcome.is === 'failed') throw networkFailure(outcome.error)
          if (again !== 'no' && queue.retry(job, failureOf(outcome, context), work)) {
            if (again !== 'now')
              waiting ??= context
                .pause(again)
                .then(() => void (waiting = null))
                .then(pump)
          }
          pump()
        } catch (error) {
          reject(error)
        }
      }
      const pump = () => {
        if (context.signal.aborted) return reject(context.signal.reason)
        while (active < most && !waiting) {
          const job = queue.next()
          if (!job) break
          active++
          pipeline.send(
            createFileRequest({
              job,
              folder: work.folder,
              options,
              headers: work.headers,
              pageExpected: (path) => isPage(join(context.tree.published, path)),
              onBytes: (bytes) => void (work.result.bytes += bytes),
              onDone: (outcome) => onOutcome(job, outcome),
            }),
          )
        }
        if (active === 0 && !waiting && queue.empty()) resolve()
      }
      pump()
    })
  } finally {
    pipeline.close()
  }
}

interface Queue {
  next(): FileJob | undefined
  empty(): boolean
  /** Puts a job back, or records its failure after enough tries. Returns whether it was put back. */
  retry(job: FileJob, failure: Unread, work: DownloadState): boolean
}

function createQueue(jobs: readonly FileJob[]): Queue {
  const tries = new Map<FileJob, number>()
  const back: FileJob[] = []
  let at = 0
  return {
    next: () => (at < jobs.length ? jobs[at++] : back.shift()),
    empty: () => at >= jobs.length && back.length === 0,
    retry(job, failure, { result }) {
      const count = (tries.get(job) ?? 1) + 1
      tries.set(job, count)
      if (count > TRIES) result.failed.push({ ...failure, path: job.remote.path })
      else back.push(job)
      return count <= TRIES
    },
  }
}

/**
 * Records the outcome of a file. Returns when it is tried again: never, now, or after so many seconds. Throws what ends
 * the run.
 */
function recordOutcome(job: FileJob, outcome: FileOutcome, work: DownloadState): 'no' | 'now' | number {
  const { result, memory, context, separate: alone } = work
  const { path } = job.remote
  switch (outcome.is) {
    case 'fetched':
      result.fetched.set(path, outcome.known)
      if (outcome.unverified) result.unverified++
      memory.note(path, outcome.known)
      reportProgress(work)
      return 'no'
    case 'unchanged':
      result.unchanged.set(path, outcome.known)
      reportProgress(work)
      return 'no'
    case 'vanished':
      result.vanished.push(path)
      return 'no'
    case 'alone':
      alone.push(job)
      return 'no'
    case 'status': {
      const busy = outcome.status === 429 || outcome.status >= 500
      const seconds = retryAfterSeconds(outcome.retryAfter)
      if (busy && (seconds ?? 0) <= PATIENCE_SECONDS) return seconds ?? 'now'
      result.failed.push({
        path,
        why: statusFailure(outcome.status, context.auth !== null, outcome.retryAfter).message,
        transient: busy,
      })
      return 'no'
    }
    case 'failed': {
      const failure = networkFailure(outcome.error)
      if (!(failure instanceof SyncFailure)) throw outcome.error
      // A cut connection may succeed the next time; wrong content that came whole stays wrong.
      if (failure !== outcome.error) return 'now'
      if (!OF_ONE_FILE.has(failure.reason)) throw failure
      result.failed.push({ path, why: failure.message, transient: false })
      return 'no'
    }
  }
}

function failureOf(outcome: FileOutcome, { auth }: SyncContext): Unread {
  if (outcome.is === 'status')
    return { path: '', why: statusFailure(outcome.status, auth !== null, outcome.retryAfter).message, transient: true }
  const failure = outcome.is === 'failed' ? networkFailure(outcome.error) : null
  return { path: '', why: failure instanceof Error ? failure.message : 'it could not be read', transient: true }
}

function reportProgress({ context, result, expected }: DownloadState): void {
  const files = result.fetched.size + result.unchanged.size
  if (files % 8 === 0)
    context.progress({ phase: 'transferring', files, bytes: result.bytes, percent: percentOf(result.bytes, expected) })
}

const percentOf = (bytes: number, expected: number | null) =>
  expected ? Math.min(100, Math.floor((bytes / expected) * 100)) : null

async function downloadSeparately(job: FileJob, work: DownloadState): Promise<void> {
  const { context, options, base, home, folder, memory, result, expected } = work
  const { remote, known } = job
  const state = join(memory.partsFolder, createHash('sha256').update(remote.path).digest('hex').slice(0, 32))
  const parts = createMemory(state)
  await mkdir(state, { recursive: true })
  const before = result.bytes
  try {
    const fetched = await downloadFile({
      context,
      options,
      url: new URL(remote.request, base),
      home,
      file: remote.name,
      memory: parts,
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
    if (!fetched) return void result.unchanged.set(remote.path, { ...known!, stamp: remote.stamp })
    const { etag, modified } = fetched.validators
    const noted = knownOf(remote, fetched.size, { etag: etag ?? '', 'last-modified': modified ?? '' })
    await utimes(fetched.part, noted.mtime, noted.mtime)
    clearPath(folder, remote.path)
    await rename(fetched.part, join(folder, remote.path))
    await rm(state, { recursive: true, force: true })
    result.bytes += fetched.received
    result.fetched.set(remote.path, noted)
    memory.note(remote.path, noted)
    if (fetched.unverified) result.unverified++
  } catch (error) {
    const failure = networkFailure(error)
    if (!(failure instanceof SyncFailure) || context.signal.aborted) throw error
    if (failure.reason === 'upstream_missing') return void result.vanished.push(remote.path)
    const ofNetwork = failure !== error
    if (!ofNetwork && !OF_ONE_FILE.has(failure.reason)) throw failure
    result.failed.push({
      path: remote.path,
      why: failure.message,
      transient: ofNetwork || failure.reason === 'stalled',
    })
  }
}
