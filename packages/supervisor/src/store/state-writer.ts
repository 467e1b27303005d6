// state-writer.ts — Writes the last known states of replicas to the store, in batches: soon after a change, and nothing
// while nothing changes.
import type { Clock, Logger } from '@kagami/runtime'
import { every, pause } from '@kagami/runtime'
import type { Store, StoredReplica } from './store.ts'

/** What a crash loses of the last half second, the next heartbeats bring again. */
const FLUSH_MS = 500
/** Replicas of one transaction: everything else waits for it. */
const AT_ONCE = 500

/** The primary key of a stored replica. */
export interface ReplicaKey {
  readonly worker_id: string
  readonly replica_id: string
}

/** A replica whose state has changed. The state is read when it is written. */
export interface ChangedReplica {
  readonly replicaId: string
  /** Its number in the fleet. */
  readonly row: number
}

/** Collects what has changed, and writes it in batches. */
export interface StateWriter {
  /** Queues replicas to write, and replicas to forget. */
  record(changes: { replicas: Iterable<ChangedReplica>; removed: readonly ReplicaKey[] }): void
  /** Queues the time a worker was last heard from. */
  recordLastSeen(workerId: string, at: string): void
  /** Writes what is queued. When the store fails, everything stays queued for the next flush. */
  flush(): Promise<void>
  stop(): Promise<void>
}

/** What a writer needs. */
export interface StateWriterParts {
  readonly store: Pick<Store, 'saveStates'>
  readonly clock: Clock
  readonly logger: Logger
  /** The present state of a replica; null when it is gone. */
  readonly read: (row: number) => StoredReplica | null
}

/** What is queued: rows of replicas, and the rest by replica id and by worker id. */
interface Queue {
  readonly rows: Set<number>
  readonly removed: Map<string, ReplicaKey>
  readonly seen: Map<string, string>
}

const emptyQueue = (): Queue => ({ rows: new Set(), removed: new Map(), seen: new Map() })
const sizeOf = ({ rows, removed, seen }: Queue) => rows.size + removed.size + seen.size

/** Starts writing. */
export function createStateWriter({ store, clock, logger, read }: StateWriterParts): StateWriter {
  let queue = emptyQueue()
  let failing = false
  let writing: Promise<void> = Promise.resolve()

  /** Returns false when the store failed. */
  async function writePart(part: Queue): Promise<boolean> {
    const replicas = [...part.rows].map(read).filter((replica) => replica !== null)
    const removed = [...part.removed.values()]
    const seen = [...part.seen].map(([worker_id, at]) => ({ worker_id, at }))
    if (replicas.length + removed.length + seen.length === 0) return true
    try {
      await store.saveStates({ replicas, removed, seen })
      if (failing) logger.info('the database takes writes again')
      failing = false
      return true
    } catch (error) {
      if (!failing)
        logger.error(
          { reason: (error as Error).message },
          'the database takes no writes; the last known states stay in memory and are written later',
        )
      failing = true
      return false
    }
  }

  async function write() {
    const batch = queue
    queue = emptyQueue()
    while (sizeOf(batch) > 0) {
      const part = takePart(batch)
      const began = performance.now()
      if (!(await writePart(part))) {
        queue = merged([part, batch, queue], (row) => read(row)?.state.replica_id)
        return
      }
      // Of a fleet that comes all at once: heartbeats and requests have as much of the time.
      if (sizeOf(batch) > 0) await pause(performance.now() - began)
    }
  }
  const flush = () => (writing = writing.then(write))
  const stopTimer = every(clock, FLUSH_MS, () => void flush())

  return {
    record({ replicas, removed }) {
      for (const { row, replicaId } of replicas) {
        queue.rows.add(row)
        queue.removed.delete(replicaId)
      }
      for (const key of removed) queue.removed.set(key.replica_id, key)
    },
    recordLastSeen: (workerId, at) => void queue.seen.set(workerId, at),
    flush,
    async stop() {
      stopTimer()
      await flush()
    },
  }
}

/** Takes the next part out of a queue. All that is forgotten is in the first: its ids may be used again. */
function takePart(queue: Queue): Queue {
  const part: Queue = { rows: new Set(), removed: new Map(queue.removed), seen: new Map(queue.seen) }
  queue.removed.clear()
  queue.seen.clear()
  for (const row of queue.rows) {
    part.rows.add(row)
    queue.rows.delete(row)
    if (part.rows.size === AT_ONCE) break
  }
  return part
}

/** Queues as one, the earliest first; what is there now is not forgotten. */
function merged(queues: readonly Queue[], idOf: (row: number) => string | undefined): Queue {
  const whole = emptyQueue()
  for (const { rows, removed, seen } of queues) {
    for (const row of rows) whole.rows.add(row)
    for (const [id, key] of removed) whole.removed.set(id, key)
    for (const [workerId, at] of seen) whole.seen.set(workerId, at)
  }
  for (const row of whole.rows) {
    const id = idOf(row)
    if (id !== undefined) whole.removed.delete(id)
  }
  return whole
}
