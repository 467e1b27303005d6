// changes.ts — What an event changed in the fleet.
import type { StoredReplica } from '../store/store.ts'
import type { ReplicaEntry, WorkerEntry } from './entries.ts'

/** What an event changed: to be stored, and published to the live stream. */
export interface Changes {
  readonly replicas: Set<ReplicaEntry>
  readonly removed: ReplicaEntry[]
  readonly workers: Set<WorkerEntry>
}

/** An event that changed nothing so far. */
export const noChanges = (): Changes => ({ replicas: new Set(), removed: [], workers: new Set() })

/** The changed replicas as the store takes them. */
export function storedChanges({ replicas, removed }: Changes): {
  replicas: StoredReplica[]
  removed: { worker_id: string; replica_id: string }[]
} {
  const workerId = (entry: ReplicaEntry) => entry.worker.record.worker_id
  return {
    replicas: Array.from(replicas, (entry) => ({ worker_id: workerId(entry), state: entry.state })),
    removed: removed.map((entry) => ({ worker_id: workerId(entry), replica_id: entry.state.replica_id })),
  }
}
