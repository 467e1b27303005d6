// sample-writer.ts — Writes how full the disks of workers are to the store: behind, in batches, of each worker the
// first value of a part of 6 hours soon, then one an hour, and the last. Silence of a worker writes nothing.
import { diskPartOf, type Storage } from '@kagami/protocol'
import type { Clock, Logger } from '@kagami/runtime'
import { every } from '@kagami/runtime'
import type { DiskSample, Store } from './store.ts'

/** One batch is written at most this often, ms. */
const SWEEP_MS = 1000
/** Samples of one batch: everything else waits for it. */
const AT_ONCE = 500
/** A worker's present part is written again after this long, ms: what a crash loses is no older. */
const AGAIN_MS = 3_600_000

/** Collects what was measured, and writes it. */
export interface SampleWriter {
  /** Takes what a worker has just measured. */
  record(workerId: string, measured: Storage): void
  /** Writes one batch of what is due. When the store fails, it stays due. */
  flush(): Promise<void>
  /** Writes all that is not written yet. */
  stop(): Promise<void>
}

/** The last value of a worker. */
interface Held {
  sample: DiskSample
  isWritten: boolean
  /** When it may be written, monotonic ms. */
  dueMs: number
}

/** What a writer needs. */
export interface SampleWriterParts {
  readonly store: Pick<Store, 'saveDiskSamples'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Starts writing. */
export function createSampleWriter({ store, clock, logger }: SampleWriterParts): SampleWriter {
  const held = new Map<string, Held>()
  /** Last values of parts that are over, and not written. */
  const ended = new Map<string, DiskSample>()
  const save = createSave(store, logger)
  let writing: Promise<unknown> = Promise.resolve()

  /** Returns how many were written. */
  async function write(nowMs: number): Promise<number> {
    const batch = new Map([...ended].slice(0, AT_ONCE))
    const now = diskPartOf(clock.now().getTime())
    for (const [workerId, one] of held) {
      if (one.isWritten && diskPartOf(one.sample.measured_at) !== now) held.delete(workerId)
      if (batch.size < AT_ONCE && !one.isWritten && one.dueMs <= nowMs) batch.set(keyOf(one.sample), one.sample)
    }
    if (batch.size === 0 || !(await save([...batch.values()]))) return 0
    for (const [key, sample] of batch) {
      if (ended.get(key) === sample) ended.delete(key)
      const one = held.get(sample.worker_id)
      if (!one || keyOf(one.sample) !== key) continue
      one.isWritten = one.sample === sample
      one.dueMs = clock.monotonicMs() + AGAIN_MS
    }
    return batch.size
  }
  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const run = writing.then(task)
    writing = run
    return run
  }
  const flush = async () => void (await inTurn(() => write(clock.monotonicMs())))
  const stopTimer = every(clock, SWEEP_MS, () => void flush())

  return {
    record(workerId, { total_bytes, used_bytes, available_bytes = null }) {
      const measured_at = clock.now().getTime()
      const sample = { worker_id: workerId, measured_at, total_bytes, used_bytes, available_bytes }
      const one = held.get(workerId)
      if (!one || diskPartOf(one.sample.measured_at) !== diskPartOf(sample.measured_at)) {
        if (one && !one.isWritten) ended.set(keyOf(one.sample), one.sample)
        // A clock went back: what is measured now is the last value of that part.
        ended.delete(keyOf(sample))
        held.set(workerId, { sample, isWritten: false, dueMs: clock.monotonicMs() })
      } else if (!isAlike(one.sample, sample)) {
        one.sample = sample
        one.isWritten = false
      }
    },
    flush,
    async stop() {
      stopTimer()
      while ((await inTurn(() => write(Infinity))) > 0);
    },
  }
}

/** Saves samples; returns false when the store failed, and says so once. */
function createSave(
  store: SampleWriterParts['store'],
  logger: Logger,
): (batch: readonly DiskSample[]) => Promise<boolean> {
  let failing = false
  return async (batch) => {
    try {
      await store.saveDiskSamples(batch)
      if (failing) logger.info('the database takes measured disks again')
      failing = false
    } catch (error) {
      if (!failing)
        logger.error(
          { reason: (error as Error).message },
          'the database takes no writes; how full disks are stays in memory and is written later',
        )
      failing = true
    }
    return !failing
  }
}

const isAlike = (a: DiskSample, b: DiskSample) =>
  a.used_bytes === b.used_bytes && a.total_bytes === b.total_bytes && a.available_bytes === b.available_bytes

const keyOf = ({ worker_id, measured_at }: DiskSample) => `${worker_id}/${diskPartOf(measured_at)}`
