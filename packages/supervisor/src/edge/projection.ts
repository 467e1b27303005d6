// projection.ts — Keeps the bucket equal to the database: each worker's document, written again until it is there.
import { JetStreamApiError } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import { checkFor, Desired } from '@kagami/protocol'
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
  /** Writes those of `documents` the bucket does not hold. */
  reconcile(documents: readonly Desired[]): Promise<void>
  /** Documents that are not there yet. */
  readonly waiting: number
  stop(): void
}

/** The document of a worker's record. */
export function documentOf(record: WorkerRecord, term: number): Desired {
  return {
    worker_id: record.worker_id, rev: record.rev, term, admission: record.admission, reason: record.reason, terminate: false, instance: record.instance,
    replicas: [...record.replicas], removed: [...record.removed], syncs: [...record.syncs],
  }
}

/** Starts with no bucket: what is put waits. `onSent` is told when a document left. */
export function createProjection(logger: Logger, onSent: (document: Desired) => void): Projection {
  const waiting = new Map<string, Desired>()
  const revisions = new Map<string, number>()
  let bucket: KV | null = null
  let working = false
  let stopped = false

  async function work() {
    if (working) return
    working = true
    while (waiting.size > 0 && bucket && !stopped) {
      const batch = [...waiting.values()].slice(0, PARALLEL)
      const outcomes = await Promise.allSettled(batch.map((document) => write(bucket!, document)))
      if (outcomes.every((outcome) => outcome.status === 'rejected')) {
        const [first] = outcomes
        logger.debug({ reason: String(first?.status === 'rejected' && first.reason) }, 'the bucket takes no documents just now; trying again')
        await pause(RETRY_MS)
      }
    }
    working = false
  }

  async function write(into: KV, document: Desired) {
    const id = document.worker_id
    onSent(document)
    try {
      const known = revisions.get(id)
      const revision = known === undefined ? await into.put(id, JSON.stringify(document)) : await into.update(id, JSON.stringify(document), known)
      revisions.set(id, revision)
      if (waiting.get(id) === document) waiting.delete(id)
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== WRONG_LAST_SEQUENCE) throw error
      // Somebody else wrote: a supervisor of a later term wins, anything else is overwritten.
      const entry = await into.get(id)
      const present: unknown = entry?.operation === 'PUT' ? entry.json() : null
      if (checkFor(Desired).ok(present) && present.term > document.term) {
        waiting.delete(id)
        logger.error({ worker_id: id, term: present.term }, 'another supervisor of a later term writes to this bucket; this one does not overwrite it')
        return
      }
      if (entry) revisions.set(id, entry.revision)
      else revisions.delete(id)
      throw error
    }
  }

  return {
    put(document) {
      waiting.set(document.worker_id, document)
      void work()
    },
    use(next) {
      bucket = next
      revisions.clear()
      void work()
    },
    async reconcile(documents) {
      for (let start = 0; start < documents.length && bucket; start += PARALLEL) {
        await Promise.all(documents.slice(start, start + PARALLEL).map(async (document) => {
          const entry = await bucket!.get(document.worker_id)
          if (entry) revisions.set(document.worker_id, entry.revision)
          if (entry?.operation !== 'PUT' || entry.string() !== JSON.stringify(document)) this.put(document)
        }))
      }
    },
    get waiting() {
      return waiting.size
    },
    stop() {
      stopped = true
    },
  }
}
