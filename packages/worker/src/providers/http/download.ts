// download.ts — Fetches many files into one folder: small ones pipelined, large ones over connections of their own.
// Says what came, deletes nothing.
import { createHash } from 'node:crypto'
import { rename, rm, utimes, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createCatch, knownOf, LARGE_BYTES, makeRoom, type Catch, type Job } from './receive.ts'
import { isPage } from '../../http/content.ts'
import { networkFailure, retryAfterSeconds, statusFailure } from '../../http/errors.ts'
import { fetchFile } from '../../http/fetch.ts'
import type { Lanes } from '../../http/pipeline.ts'
import { createMemory } from '../../http/memory.ts'
import type { HttpOptions } from '../../http/options.ts'
import { PATIENCE_SECONDS } from '../../http/rate.ts'
import type { Known, TreeMemory } from './tree-memory.ts'
import type { Unread } from './walk.ts'
import { SyncFailure, type SyncContext } from '../../provider.ts'

const TRIES = 3
/** Network failures in a row after which the upstream is given up for this run. */
const FAILURES_MAX = 40
/** Reasons that are about one file, not about the run. */
const OF_ONE_FILE = new Set(['content_invalid', 'upstream_refused', 'upstream_missing', 'auth_rejected', 'stalled'])

export interface DownloadOptions {
  readonly context: SyncContext
  readonly options: HttpOptions
  readonly lanes: () => Lanes
  readonly base: URL
  /** The origin credentials are for. */
  readonly home: string
  readonly headers: Readonly<Record<string, string>>
  readonly folder: string
  readonly memory: TreeMemory
  /** Bytes that will come; null when not known. */
  readonly expected: number | null
}

export interface Haul {
  readonly fetched: ReadonlyMap<string, Known>
  readonly unchanged: ReadonlyMap<string, Known>
  readonly vanished: readonly string[]
  readonly failed: readonly Unread[]
  readonly unverified: number
  readonly bytes: number
}

type Growing = {
  -readonly [Key in keyof Haul]: Haul[Key] extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : Haul[Key] extends readonly (infer T)[]
      ? T[]
      : Haul[Key]
}

/**
 * Fetches every job. Throws SyncFailure when the upstream cannot be reached any more, and when the disk or the quota
 * ends; what came by then is noted.
 */
export async function download(jobs: readonly Job[], parts: DownloadOptions): Promise<Haul> {
  const { context, memory } = parts
  const haul: Growing = { fetched: new Map(), unchanged: new Map(), vanished: [], failed: [], unverified: 0, bytes: 0 }
  const alone: Job[] = jobs.filter(({ remote }) => (remote.size ?? 0) > LARGE_BYTES)
  const small = jobs.filter(({ remote }) => (remote.size ?? 0) <= LARGE_BYTES)
  try {
    if (small.length > 0) await downloadSmall(small, { ...parts, haul, alone })
    await Promise.all(
      Array.from({ length: Math.min(parts.options.parallel, alone.length) }, async () => {
        for (let job = alone.shift(); job; job = alone.shift()) await downloadAlone(job, { ...parts, haul, alone })
      }),
    )
  } finally {
    memory.flush()
  }
  context.signal.throwIfAborted()
  return haul
}

interface Work extends DownloadOptions {
  readonly haul: Growing
  readonly alone: Job[]
}

async function downloadSmall(jobs: readonly Job[], work: Work): Promise<void> {
  const { context, options } = work
  const lanes = work.lanes()
  const queue = createQueue(jobs)
  const most = options.parallel * 32
  let under = 0
  let failures = 0
  let waiting: Promise<void> | null = null
  try {
    await new Promise<void>((resolve, reject) => {
      const settled = (job: Job, caught: Catch) => {
        under--
        try {
          const again = settle(job, caught, work)
          failures = caught.is === 'failed' && again !== 'no' ? failures + 1 : 0
          if (failures > FAILURES_MAX && caught.is === 'failed') throw networkFailure(caught.error)
          if (again !== 'no' && queue.again(job, giveUp(caught, context), work)) {
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
        while (under < most && !waiting) {
          const job = queue.next()
          if (!job) break
          under++
          lanes.send(
            createCatch({
              job,
              folder: work.folder,
              options,
              headers: work.headers,
              pageExpected: (path) => isPage(join(context.tree.published, path)),
              moved: (bytes) => void (work.haul.bytes += bytes),
              done: (caught) => settled(job, caught),
            }),
          )
        }
        if (under === 0 && !waiting && queue.empty()) resolve()
      }
      pump()
    })
  } finally {
    lanes.close()
  }
}

interface Queue {
  next(): Job | undefined
  empty(): boolean
  /** Puts a job back, or notes its failure once it was tried often enough. Whether it was put back. */
  again(job: Job, failure: Unread, work: Work): boolean
}

function createQueue(jobs: readonly Job[]): Queue {
  const tries = new Map<Job, number>()
  const back: Job[] = []
  let at = 0
  return {
    next: () => (at < jobs.length ? jobs[at++] : back.shift()),
    empty: () => at >= jobs.length && back.length === 0,
    again(job, failure, { haul }) {
      const count = (tries.get(job) ?? 1) + 1
      tries.set(job, count)
      if (count > TRIES) haul.failed.push({ ...failure, path: job.remote.path })
      else back.push(job)
      return count <= TRIES
    },
  }
}

/**
 * Notes what came of a file. Says whether it is tried again: not, at once, or after so many seconds. Throws what ends
 * the run.
 */
function settle(job: Job, caught: Catch, work: Work): 'no' | 'now' | number {
  const { haul, memory, context, alone } = work
  const { path } = job.remote
  switch (caught.is) {
    case 'fetched':
      haul.fetched.set(path, caught.known)
      if (caught.unverified) haul.unverified++
      memory.note(path, caught.known)
      tell(work)
      return 'no'
    case 'unchanged':
      haul.unchanged.set(path, caught.known)
      tell(work)
      return 'no'
    case 'vanished':
      haul.vanished.push(path)
      return 'no'
    case 'alone':
      alone.push(job)
      return 'no'
    case 'status': {
      const busy = caught.status === 429 || caught.status >= 500
      const seconds = retryAfterSeconds(caught.retryAfter)
      if (busy && (seconds ?? 0) <= PATIENCE_SECONDS) return seconds ?? 'now'
      haul.failed.push({
        path,
        why: statusFailure(caught.status, context.auth !== null, caught.retryAfter).message,
        transient: busy,
      })
      return 'no'
    }
    case 'failed': {
      const failure = networkFailure(caught.error)
      if (!(failure instanceof SyncFailure)) throw caught.error
      // A cut connection may be whole the next time; wrong content that came whole is wrong.
      if (failure !== caught.error) return 'now'
      if (!OF_ONE_FILE.has(failure.reason)) throw failure
      haul.failed.push({ path, why: failure.message, transient: false })
      return 'no'
    }
  }
}

function giveUp(caught: Catch, { auth }: SyncContext): Unread {
  if (caught.is === 'status')
    return { path: '', why: statusFailure(caught.status, auth !== null, caught.retryAfter).message, transient: true }
  const failure = caught.is === 'failed' ? networkFailure(caught.error) : null
  return { path: '', why: failure instanceof Error ? failure.message : 'it could not be read', transient: true }
}

function tell({ context, haul, expected }: Work): void {
  const files = haul.fetched.size + haul.unchanged.size
  if (files % 8 === 0)
    context.progress({ phase: 'transferring', files, bytes: haul.bytes, percent: percentOf(haul.bytes, expected) })
}

const percentOf = (bytes: number, expected: number | null) =>
  expected ? Math.min(100, Math.floor((bytes / expected) * 100)) : null

async function downloadAlone(job: Job, work: Work): Promise<void> {
  const { context, options, base, home, folder, memory, haul, expected } = work
  const { remote, known } = job
  const state = join(memory.partsFolder, createHash('sha256').update(remote.path).digest('hex').slice(0, 32))
  const parts = createMemory(state)
  await mkdir(state, { recursive: true })
  const before = haul.bytes
  try {
    const fetched = await fetchFile({
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
      moved: (received) =>
        context.progress({
          phase: 'transferring',
          files: haul.fetched.size,
          bytes: before + received,
          percent: percentOf(before + received, expected),
        }),
    })
    if (!fetched) return void haul.unchanged.set(remote.path, { ...known!, stamp: remote.stamp })
    const { etag, modified } = fetched.validators
    const noted = knownOf(remote, fetched.size, { etag: etag ?? '', 'last-modified': modified ?? '' })
    await utimes(fetched.part, noted.mtime, noted.mtime)
    makeRoom(folder, remote.path)
    await rename(fetched.part, join(folder, remote.path))
    await rm(state, { recursive: true, force: true })
    haul.bytes += fetched.received
    haul.fetched.set(remote.path, noted)
    memory.note(remote.path, noted)
    if (fetched.unverified) haul.unverified++
  } catch (error) {
    const failure = networkFailure(error)
    if (!(failure instanceof SyncFailure) || context.signal.aborted) throw error
    if (failure.reason === 'upstream_missing') return void haul.vanished.push(remote.path)
    const ofNetwork = failure !== error
    if (!ofNetwork && !OF_ONE_FILE.has(failure.reason)) throw failure
    haul.failed.push({ path: remote.path, why: failure.message, transient: ofNetwork || failure.reason === 'stalled' })
  }
}
