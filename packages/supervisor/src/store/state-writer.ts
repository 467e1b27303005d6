// state-writer.ts — Writes the last known states of replicas to the store, in batches: soon after a change, and nothing
// while nothing changes.
import type { Clock, Logger } from '@kagami/runtime'
import { every } from '@kagami/runtime'
import type { Store, StoredReplica } from './store.ts'

/** What a crash loses of the last half second, the next heartbeats bring again. */
const FLUSH_MS = 500

/** The primary key of a stored replica. */
export interface ReplicaKey {
  readonly worker_id: string
  readonly replica_id: string
}

/** Collects states, and writes them in batches. */
export interface StateWriter {
  /** Queues new states, and replicas to forget. */
  record(changes: { replicas: readonly StoredReplica[]; removed: readonly ReplicaKey[] }): void
  /** Queues the time a worker was last heard from. */
  recordLastSeen(workerId: string, at: string): void
  /** Writes what is queued. When the store fails, everything stays queued for the next flush. */
  flush(): Promise<void>
  stop(): Promise<void>
}

/** What is queued, by replica id and by worker id. */
interface Queue {
  readonly replicas: Map<string, StoredReplica>
  readonly removed: Map<string, ReplicaKey>
  readonly seen: Map<string, string>
}

const emptyQueue = (): Queue => ({ replicas: new Map(), removed: new Map(), seen: new Map() })

/** Starts writing. */
export function createStateWriter(store: Pick<Store, 'saveStates'>, clock: Clock, logger: Logger): StateWriter {
  let queue = emptyQueue()
  let failing = false
  let writing: Promise<void> = Promise.resolve()

  async function write() {
    if (queue.replicas.size + queue.removed.size + queue.seen.size === 0) return
    const batch = queue
    queue = emptyQueue()
    try {
      await store.saveStates(changesOf(batch))
      if (failing) logger.info('the database takes writes again')
      failing = false
    } catch (error) {
      queue = merged(batch, queue)
      if (!failing)
        logger.error(
          { reason: (error as Error).message },
          'the database takes no writes; the last known states stay in memory and are written later',
        )
      failing = true
    }
  }
  const flush = () => (writing = writing.then(write))
  const stopTimer = every(clock, FLUSH_MS, () => void flush())

  return {
    record: (changes) => enqueue(queue, changes),
    recordLastSeen: (workerId, at) => void queue.seen.set(workerId, at),
    flush,
    async stop() {
      stopTimer()
      await flush()
    },
  }
}

function enqueue({ replicas, removed }: Queue, changes: Parameters<StateWriter['record']>[0]) {
  for (const replica of changes.replicas) {
    replicas.set(replica.state.replica_id, replica)
    removed.delete(replica.state.replica_id)
  }
  for (const key of changes.removed) {
    replicas.delete(key.replica_id)
    removed.set(key.replica_id, key)
  }
}

/** Two queues as one; the later one wins. */
function merged(earlier: Queue, later: Queue): Queue {
  const whole: Queue = {
    replicas: new Map([...earlier.replicas, ...later.replicas]),
    removed: new Map([...earlier.removed, ...later.removed]),
    seen: new Map([...earlier.seen, ...later.seen]),
  }
  for (const id of later.replicas.keys()) whole.removed.delete(id)
  for (const id of later.removed.keys()) whole.replicas.delete(id)
  return whole
}

function changesOf({ replicas, removed, seen }: Queue): Parameters<Store['saveStates']>[0] {
  return {
    replicas: [...replicas.values()],
    removed: [...removed.values()],
    seen: [...seen].map(([worker_id, at]) => ({ worker_id, at })),
  }
}
