// keeper.ts — Writes the fleet's last words to the store in batches: what changed, soon, and nothing when nothing changed.
import type { Clock, Logger } from '@kagami/runtime'
import { every } from '@kagami/runtime'
import type { Changes, ReplicaEntry } from './core/fleet.ts'
import type { Store } from './store/store.ts'

const FLUSH_MS = 500

export interface Keeper {
  note(changes: Changes): void
  /** This worker was heard of at this time; written when its presence changes and at the end. */
  seen(workerId: string, at: string): void
  /** Writes what is waiting. Keeps it and tries again later when the store refuses. */
  flush(): Promise<void>
  stop(): Promise<void>
}

/** Starts writing. */
export function createKeeper(store: Store, clock: Clock, logger: Logger): Keeper {
  let replicas = new Map<string, ReplicaEntry>()
  let removed = new Map<string, { worker_id: string; replica_id: string }>()
  let seen = new Map<string, string>()
  let failing = false
  let writing: Promise<void> = Promise.resolve()

  async function write() {
    if (replicas.size + removed.size + seen.size === 0) return
    const batch = { replicas, removed, seen }
    replicas = new Map()
    removed = new Map()
    seen = new Map()
    try {
      await store.saveStates({
        replicas: [...batch.replicas.values()].map((entry) => ({ worker_id: entry.worker.record.worker_id, state: entry.state })),
        removed: [...batch.removed.values()],
        seen: [...batch.seen].map(([worker_id, at]) => ({ worker_id, at })),
      })
      if (failing) logger.info('the database takes writes again')
      failing = false
    } catch (error) {
      // What came meanwhile is newer and wins.
      replicas = new Map([...batch.replicas, ...replicas])
      removed = new Map([...batch.removed, ...removed])
      seen = new Map([...batch.seen, ...seen])
      if (!failing) logger.error({ reason: (error as Error).message }, 'the database takes no writes; the last words are kept in memory and tried again')
      failing = true
    }
  }
  const flush = () => (writing = writing.then(write))
  const stopTimer = every(clock, FLUSH_MS, () => void flush())

  return {
    note(changes) {
      for (const entry of changes.replicas) {
        replicas.set(entry.state.replica_id, entry)
        removed.delete(entry.state.replica_id)
      }
      for (const entry of changes.removed) {
        replicas.delete(entry.state.replica_id)
        removed.set(entry.state.replica_id, { worker_id: entry.worker.record.worker_id, replica_id: entry.state.replica_id })
      }
    },
    seen: (workerId, at) => void seen.set(workerId, at),
    flush,
    async stop() {
      stopTimer()
      await flush()
    },
  }
}
