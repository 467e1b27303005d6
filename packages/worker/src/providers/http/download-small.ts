// download-small.ts — Downloads many small files over a few pipelined connections, as fast as the upstream allows.
import { join } from 'node:path'
import { isPage } from '../../http/content.ts'
import { networkFailure, retryAfterSeconds, statusFailure } from '../../http/errors.ts'
import { isRefusal } from '../../http/pace.ts'
import type { Pipeline } from '../../http/pipeline-request.ts'
import { createQueue, type Queue } from '../../http/queue.ts'
import { PATIENCE_SECONDS } from '../../http/rate.ts'
import { OF_ONE_FILE, reportProgress, type DownloadState } from './download-state.ts'
import { createFileRequest, type FileJob, type FileOutcome } from './receive.ts'
import type { Leave, Pace } from '../../paces.ts'
import { SyncFailure } from '../../provider.ts'

/** Network failures in a row after which the upstream is given up for this run. */
const FAILURES_MAX = 40
/** Before a file is asked for again that the upstream could not serve, seconds. */
const RETRY_SECONDS = 0.5

interface SmallState extends DownloadState {
  readonly queue: Queue<FileJob>
  readonly pace: Pace
  readonly pipeline: Pipeline
  active: number
  failures: number
  /** Nothing is sent: the upstream could not serve a file. */
  held: boolean
  /** Somebody will look again when the pace may allow the next request. */
  waking: boolean
  resolve(): void
  reject(error: unknown): void
}

/** Downloads the files, as downloadFiles says. */
export async function downloadSmall(jobs: readonly FileJob[], work: DownloadState): Promise<void> {
  const pipeline = work.openPipeline()
  const queue = createQueue(jobs)
  const pace = work.context.paces.of(work.base.host)
  try {
    await new Promise<void>((resolve, reject) =>
      sendNext({ ...work, queue, pace, pipeline, active: 0, failures: 0, held: false, waking: false, resolve, reject }),
    )
  } finally {
    pipeline.close()
  }
}

/** Sends as much as may be under way; ends when there is nothing more to do. */
function sendNext(small: SmallState): void {
  const { context, options, queue, pace } = small
  if (context.signal.aborted) return small.reject(context.signal.reason)
  while (small.active < options.parallel * 32 && !small.held && !queue.empty()) {
    const leave = pace.take()
    if (typeof leave !== 'object') {
      wakeLater(small, leave)
      break
    }
    small.active++
    sendOne(small, queue.next()!, leave)
  }
  if (small.active === 0 && !small.held && queue.empty()) small.resolve()
}

function wakeLater(small: SmallState, wait: number | 'full'): void {
  if (small.waking) return
  small.waking = true
  const waited = wait === 'full' ? small.pace.freed() : small.context.pause(wait / 1000)
  waited.then(() => {
    small.waking = false
    sendNext(small)
  }, small.reject)
}

function sendOne(small: SmallState, job: FileJob, leave: Leave): void {
  const { context, pipeline, folder, options, headers, result } = small
  pipeline.send(
    createFileRequest({
      job,
      folder,
      options,
      headers,
      pageExpected: (path) => isPage(join(context.tree.published, path)),
      onBytes: (bytes) => void (result.bytes += bytes),
      onDone(outcome) {
        const refused = outcome.is === 'status' && isRefusal(outcome.status)
        leave.done(
          refused ? 'refused' : outcome.is === 'failed' ? 'failed' : 'served',
          outcome.is === 'status' ? retryAfterSeconds(outcome.retryAfter) : null,
        )
        goOn(small, job, outcome)
      },
    }),
  )
}

function goOn(small: SmallState, job: FileJob, outcome: FileOutcome): void {
  small.active--
  try {
    const next = recordOutcome(job, outcome, small)
    small.failures = outcome.is === 'failed' && next !== 'done' ? small.failures + 1 : 0
    if (small.failures > FAILURES_MAX && outcome.is === 'failed') throw networkFailure(outcome.error)
    if (typeof next === 'number' && !small.held) {
      small.held = true
      small.context.pause(next).then(() => {
        small.held = false
        sendNext(small)
      }, small.reject)
    }
    sendNext(small)
  } catch (error) {
    small.reject(error)
  }
}

/**
 * Records the outcome of a file, which is put back when it is tried again. Returns the seconds to wait before anything
 * is sent; otherwise whether the file is done. Throws what ends the run.
 */
function recordOutcome(job: FileJob, outcome: FileOutcome, work: SmallState): 'done' | 'again' | number {
  const { result, memory, separate } = work
  const { path } = job.remote
  switch (outcome.is) {
    case 'fetched':
      result.fetched.set(path, outcome.known)
      if (outcome.unverified) result.unverified++
      memory.note(path, outcome.known)
      reportProgress(work)
      return 'done'
    case 'unchanged':
      result.unchanged.set(path, outcome.known)
      reportProgress(work)
      return 'done'
    case 'vanished':
      result.vanished.push(path)
      return 'done'
    case 'alone':
      separate.push(job)
      return 'done'
    case 'folder':
      result.folders.push(path)
      return 'done'
    case 'page':
      result.pages.push(job)
      return 'done'
    case 'status':
      return recordStatus(job, outcome, work)
    case 'failed': {
      const failure = networkFailure(outcome.error)
      if (!(failure instanceof SyncFailure)) throw outcome.error
      // A cut connection may succeed the next time; wrong content that came whole stays wrong.
      const ofNetwork = failure !== outcome.error
      if (ofNetwork && work.queue.retry(job)) return 'again'
      if (!ofNetwork && !OF_ONE_FILE.has(failure.reason)) throw failure
      result.failed.push({ path, why: failure.message, transient: ofNetwork })
      return 'done'
    }
  }
}

function recordStatus(
  job: FileJob,
  { status, retryAfter }: Extract<FileOutcome, { is: 'status' }>,
  { context, options, result, queue, pace }: SmallState,
): 'done' | 'again' | number {
  const failAs = (one: FileJob, transient: boolean) =>
    result.failed.push({
      path: one.remote.path,
      why: statusFailure(status, context.auth !== null, retryAfter).message,
      transient,
    })
  const patient = (retryAfterSeconds(retryAfter) ?? 0) <= PATIENCE_SECONDS
  if (isRefusal(status)) {
    if (pace.closed() || !patient) {
      // All the others would be refused too.
      for (const one of [job, ...queue.drain()]) failAs(one, true)
      return 'done'
    }
    const served = result.fetched.size + result.unchanged.size + result.vanished.length
    if (queue.postpone(job, served)) return 'again'
    failAs(job, true)
    return 'done'
  }
  if (status >= 500) {
    if (patient && queue.retry(job)) return retryAfterSeconds(retryAfter) ?? RETRY_SECONDS
    failAs(job, true)
    return 'done'
  }
  if (status === 403) {
    context.leaveOut(job.remote.path, 'the upstream lists it and answers 403: it may not be read')
    // What the copy has of it stays: it is listed.
    if (options.skip_forbidden) return 'done'
  }
  failAs(job, false)
  return 'done'
}
