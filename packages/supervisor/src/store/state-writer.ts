// state-writer.ts — Writes the fleet's last words to the store in batches: what changed, soon, and nothing when nothing
// changed.
import type { Clock, Logger } from '@kagami/runtime'
import { every } from '@kagami/runtime'
import type { Changes, ReplicaEntry } from '../core/entries.ts'
import type { Store } from './store.ts'

/** What a crash loses of this, the next heartbeats say again. */
const FLUSH_MS = 500

export interface Keeper {
  note(changes: Changes): void
  /** This worker was heard of at this time; written when its presence changes and at the end. */
  seen(workerId: string, at: string): void
  /** Writes what is waiting. Keeps it and tries again later when the store refuses. */
  flush(): Promise<void>
  stop(): Promise<void>
}

/** What waits to be written. */
interface Waiting {
  readonly replicas: Map<string, ReplicaEntry>
  readonly removed: Map<string, { worker_id: string; replica_id: string }>
  readonly seen: Map<string, string>
}

const nothing = (): Waiting => ({ replicas: new Map(), removed: new Map(), seen: new Map() })

/** Starts writing. */
export function createKeeper(store: Store, clock: Clock, logger: Logger): Keeper {
  let waiting = nothing()
  let failing = false
  let writing: Promise<void> = Promise.resolve()

  async function write() {
    if (waiting.replicas.size + waiting.removed.size + waiting.seen.size === 0) return
    const batch = waiting
    waiting = nothing()
    try {
      await store.saveStates(statesOf(batch))
      if (failing) logger.info('the database takes writes again')
      failing = false
    } catch (error) {
      waiting = merged(batch, waiting)
      if (!failing)
        logger.error(
          { reason: (error as Error).message },
          'the database takes no writes; the last words are kept in memory and tried again',
        )
      failing = true
    }
  }
  const flush = () => (writing = writing.then(write))
  const stopTimer = every(clock, FLUSH_MS, () => void flush())

  return {
    note: (changes) => add(waiting, changes),
    seen: (workerId, at) => void waiting.seen.set(workerId, at),
    flush,
    async stop() {
      stopTimer()
      await flush()
    },
  }
}

function add({ replicas, removed }: Waiting, changes: Changes) {
  for (const entry of changes.replicas) {
    replicas.set(entry.state.replica_id, entry)
    removed.delete(entry.state.replica_id)
  }
  for (const entry of changes.removed) {
    replicas.delete(entry.state.replica_id)
    removed.set(entry.state.replica_id, {
      worker_id: entry.worker.record.worker_id,
      replica_id: entry.state.replica_id,
    })
  }
}

/** What came meanwhile is newer and wins. */
function merged(old: Waiting, fresh: Waiting): Waiting {
  const whole: Waiting = {
    replicas: new Map([...old.replicas, ...fresh.replicas]),
    removed: new Map([...old.removed, ...fresh.removed]),
    seen: new Map([...old.seen, ...fresh.seen]),
  }
  for (const id of fresh.replicas.keys()) whole.removed.delete(id)
  for (const id of fresh.removed.keys()) whole.replicas.delete(id)
  return whole
}

function statesOf({ replicas, removed, seen }: Waiting): Parameters<Store['saveStates']>[0] {
  return {
    replicas: [...replicas.values()].map((entry) => ({ worker_id: entry.worker.record.worker_id, state: entry.state })),
    removed: [...removed.values()],
    seen: [...seen].map(([worker_id, at]) => ({ worker_id, at })),
  }
}
