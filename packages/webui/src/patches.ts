// patches.ts — Applies events of the stream to rows on screen. Pure.
import { healthRank, type Replica, type StreamEvent, type Sync, type Worker } from '@kagami/protocol'

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

/** Whether an event changes which replicas a list shows, or their order: one is gone, new, or has another health. */
export function replicaMoves(
  event: StreamEvent,
  rows: readonly Replica[],
  complete: boolean,
  matches: (replica: Replica) => boolean,
): boolean {
  if (event.type === 'replica_gone') return rows.some((row) => row.replica_id === event.replica_id)
  if (event.type !== 'replica') return false
  const shown = rows.find((row) => row.replica_id === event.replica.replica_id)
  if (shown) return shown.health !== event.replica.health
  if (!matches(event.replica)) return false
  const last = rows.at(-1)
  return complete || last === undefined || healthRank(event.replica.health) < healthRank(last.health)
}
