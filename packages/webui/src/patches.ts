// patches.ts — Applies events of the stream to rows on screen. Pure.
import { type Replica, type StreamEvent, type Sync, type Worker } from '@kagami/protocol'

/** A replica after an event about it. */
export function patchReplica(row: Replica, event: StreamEvent): Replica | undefined {
  if (event.type === 'replica' && event.replica.replica_id === row.replica_id) return event.replica
  if (event.type === 'progress' && event.replica_id === row.replica_id) return { ...row, progress: event.progress }
  return undefined
}

/** A worker after an event about it. */
export function patchWorker(row: Worker, event: StreamEvent): Worker | undefined {
  return event.type === 'worker' && event.worker.worker_id === row.worker_id ? event.worker : undefined
}

/** A sync after an event about it. */
export function patchSync(row: Sync, event: StreamEvent): Sync | undefined {
  if (event.type === 'sync' && event.sync.sync_id === row.sync_id) return event.sync
  if (event.type === 'progress' && event.sync_id === row.sync_id && row.state === 'running')
    return { ...row, progress: event.progress }
  return undefined
}

/** Whether an event changes which replicas a list shows, or their order: one is gone, or has another health. */
export function replicaMoves(event: StreamEvent, rows: readonly Replica[]): boolean {
  if (event.type === 'replica_gone') return rows.some((row) => row.replica_id === event.replica_id)
  if (event.type !== 'replica') return false
  const shown = rows.find((row) => row.replica_id === event.replica.replica_id)
  return shown !== undefined && shown.health !== event.replica.health
}

/** Whether an event changes which syncs a list shows, or their order: one of what it is about has begun or ended. */
export function syncMoves(
  event: StreamEvent,
  rows: readonly Sync[],
  isAbout: (of: Pick<Sync, 'replica_id' | 'worker_id' | 'name'>) => boolean,
): boolean {
  if (event.type === 'progress') return isAbout(event) && !rows.some((row) => row.sync_id === event.sync_id)
  if (event.type !== 'sync' || !isAbout(event.sync)) return false
  return rows.find((row) => row.sync_id === event.sync.sync_id)?.state !== event.sync.state
}

/** The topic of the events about a replica, and about its syncs. */
export const topicOfReplica = ({ replica_id }: Pick<Replica, 'replica_id'>): string => `replica:${replica_id}`

/** The topic of the events about a worker alone. */
export const topicOfWorker = ({ worker_id }: Pick<Worker, 'worker_id'>): string => `worker:${worker_id}`
