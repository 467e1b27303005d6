// changes.ts — What an event changed in the fleet.
import type { StoredReplica } from '../store/store.ts'
import type { Fleet, GoneReplica, ReplicaEntry, WorkerEntry } from './entries.ts'

/** What an event changed: to be stored, and published to the live stream. */
export interface Changes {
  /** By id. */
  readonly replicas: Map<string, ReplicaEntry>
  readonly removed: GoneReplica[]
  readonly workers: Set<WorkerEntry>
}

/** An event that changed nothing so far. */
export const noChanges = (): Changes => ({ replicas: new Map(), removed: [], workers: new Set() })

/** Adds a replica to what has changed. */
export function noteChanged({ replicas }: Changes, entry: ReplicaEntry, replicaId: string = entry.replicaId): void {
  replicas.set(replicaId, entry)
}

/** The changes as the writer of states takes them. */
export function changesToStore({ replicas, removed }: Changes): {
  replicas: { replicaId: string; row: number }[]
  removed: { worker_id: string; replica_id: string }[]
} {
  return {
    replicas: Array.from(replicas, ([replicaId, { row }]) => ({ replicaId, row })),
    removed: removed.map(({ worker, replicaId }) => ({ worker_id: worker.record.worker_id, replica_id: replicaId })),
  }
}

/** Reads what the store has of a replica, by its row; null when there is none in it. */
export function storedReader({ replicas }: Fleet): (row: number) => StoredReplica | null {
  return (row) => {
    const entry = replicas.entryOf(row)
    return entry.gone ? null : { worker_id: entry.worker.record.worker_id, state: entry.state }
  }
}
