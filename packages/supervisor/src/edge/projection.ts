// projection.ts — Keeps the bucket equal to the database: each worker's document, written again until it is there.
import { JetStreamApiError } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import { checkFor, Desired, parseUntrusted } from '@kagami/protocol'
import { pause, type Logger } from '@kagami/runtime'
import type { WorkerRecord } from '../store/store.ts'

const WRONG_LAST_SEQUENCE = 10_071
const RETRY_MS = 1000
const PARALLEL = 32

export interface Projection {
  /** Writes this document soon; only the last one of a worker counts. */
  put(document: Desired): void
  /** The bucket to write to; null while there is none. */
  use(bucket: KV | null): void
  /**
   * Writes the documents of these workers where the bucket does not hold them. `current` gives one as it is at that
   * moment: it may change while the bucket is asked.
   */
  reconcile(workerIds: readonly string[], current: (workerId: string) => Desired | null): Promise<void>
  /** Documents that are not there yet. */
  readonly waiting: number
  stop(): void
}

/** The document of a worker's record. */
export function documentOf(record: WorkerRecord, term: number): Desired {
  return {
    worker_id: record.worker_id,
    rev: record.rev,
    term,
    admission: record.admission,
    reason: record.reason,
    terminate: false,
    instance: record.instance,
    replicas: [...record.replicas],
    removed: [...record.removed],
    syncs: [...record.syncs],
    paused: record.paused.map((paused) => paused.replica_id),
  }
}

interface Shared {
  readonly logger: Logger
  readonly onSent: (document: Desired) => void
  readonly waiting: Map<string, Desired>
  /** Revisions of the keys as last seen, for compare-and-set. */
  readonly revisions: Map<string, number>
  bucket: KV | null
  stopped: boolean
}

/** Starts with no bucket: what is put waits. `onSent` is told when a document leaves. */
export function createProjection(logger: Logger, onSent: (document: Desired) => void): Projection {
  const shared: Shared = { logger, onSent, waiting: new Map(), revisions: new Map(), bucket: null, stopped: false }
  let working = false
  const work = () => {
    if (working) return
    working = true
    void writeAll(shared).finally(() => {
      working = false
      // What was put between the last look and now would otherwise wait for the next put.
      if (shared.waiting.size > 0 && shared.bucket && !shared.stopped) work()
    })
  }
  const put = (document: Desired) => {
    shared.waiting.set(document.worker_id, document)
    work()
  }
  return {
    put,
    use(bucket) {
      shared.bucket = bucket
      shared.revisions.clear()
      work()
    },
    async reconcile(workerIds, current) {
      for (let start = 0; start < workerIds.length && shared.bucket; start += PARALLEL) {
        await Promise.all(
          workerIds.slice(start, start + PARALLEL).map(async (workerId) => {
            const held = await textOf(shared, workerId)
            const document = current(workerId)
            // What a supervisor of a later term wrote is not ours to change.
            if (document && held !== JSON.stringify(document) && (held === null || termOf(held) <= document.term))
              put(document)
          }),
        )
      }
    },
    get waiting() {
      return shared.waiting.size
    },
    stop() {
      shared.stopped = true
    },
  }
}

async function writeAll(shared: Shared): Promise<void> {
  while (shared.waiting.size > 0 && shared.bucket && !shared.stopped) {
    const batch = [...shared.waiting.values()].slice(0, PARALLEL)
    const outcomes = await Promise.allSettled(batch.map((document) => write(shared, document)))
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    if (!refused || outcomes.some((outcome) => outcome.status === 'fulfilled')) continue
    shared.logger.debug({ reason: String(refused.reason) }, 'the bucket takes no documents just now; trying again')
    await pause(RETRY_MS)
  }
}

/** What the bucket holds for a worker; null when it holds nothing. */
async function textOf({ bucket, revisions }: Shared, workerId: string): Promise<string | null> {
  const entry = await bucket!.get(workerId)
  if (entry) revisions.set(workerId, entry.revision)
  return entry?.operation === 'PUT' ? entry.string() : null
}

async function write(shared: Shared, document: Desired): Promise<void> {
  const { worker_id: id } = document
  const { waiting, revisions } = shared
  shared.onSent(document)
  try {
    const known = revisions.get(id)
    const revision =
      known === undefined
        ? await shared.bucket!.create(id, JSON.stringify(document))
        : await shared.bucket!.update(id, JSON.stringify(document), known)
    revisions.set(id, revision)
    if (waiting.get(id) === document) waiting.delete(id)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== WRONG_LAST_SEQUENCE) throw error
    await yieldOrLearn(shared, document)
    throw error
  }
}

/** Somebody else wrote: a supervisor of a later term wins, anything else is overwritten at the next try. */
async function yieldOrLearn({ bucket, waiting, revisions, logger }: Shared, document: Desired): Promise<void> {
  const { worker_id: id } = document
  const entry = await bucket!.get(id)
  const present = entry?.operation === 'PUT' ? read(entry.string()) : null
  if (checkFor(Desired).ok(present) && present.term > document.term) {
    const next = waiting.get(id)
    if (next === document) {
      waiting.delete(id)
      logger.error(
        { worker_id: id, term: present.term },
        'another supervisor of a later term writes to this bucket; this one does not overwrite it',
      )
    } else if (entry && next && next.term >= present.term) {
      // We have taken a later term meanwhile: what waits now is what counts, and may follow what stands there.
      revisions.set(id, entry.revision)
    }
    return
  }
  if (entry) revisions.set(id, entry.revision)
  else revisions.delete(id)
}

/** The highest term among the documents of a bucket; 0 when it is empty. */
export async function highestTerm(bucket: KV): Promise<number> {
  const keys: string[] = []
  for await (const key of await bucket.keys()) keys.push(key)
  let highest = 0
  for (let start = 0; start < keys.length; start += PARALLEL) {
    const entries = await Promise.all(keys.slice(start, start + PARALLEL).map((key) => bucket.get(key)))
    for (const entry of entries) highest = Math.max(highest, entry?.operation === 'PUT' ? termOf(entry.string()) : 0)
  }
  return highest
}

function termOf(text: string): number {
  try {
    const { term } = JSON.parse(text) as { term?: unknown }
    return typeof term === 'number' ? term : 0
  } catch {
    return 0
  }
}

/** What stands in the bucket; null when it is no JSON: on an open NATS anybody may have written it. */
function read(text: string): unknown {
  try {
    return parseUntrusted(text)
  } catch {
    return null
  }
}
