// patches.ts — Applies events of the stream to rows on screen. Pure.
import {
  syncLooks,
  type DayStrip,
  type ListedReplica,
  type Replica,
  type StreamEvent,
  type Sync,
  type SyncState,
  type Worker,
} from '@kagami/protocol'

/** A replica after an event about it. */
export function patchReplica(row: Replica, event: StreamEvent): Replica | undefined {
  if (event.type === 'replica' && event.replica.replica_id === row.replica_id) return event.replica
  if (event.type === 'progress' && event.replica_id === row.replica_id) return { ...row, progress: event.progress }
  return undefined
}

/** A replica of a list after an event about it, which says nothing of what the list has asked for beside it. */
export function patchListed(row: ListedReplica, event: StreamEvent): ListedReplica | undefined {
  const now: ListedReplica | undefined = patchReplica(row, event)
  if (!now || now.strip === row.strip) return now && { ...now, usual: row.usual }
  return { ...now, usual: row.usual, strip: row.strip && withSync(row.strip, row, now) }
}

/** The strip with the sync that has ended since, on its day. */
function withSync(strip: DayStrip, before: Replica, { last_sync: last }: Replica): DayStrip {
  if (!last || last.sync_id === before.last_sync?.sync_id) return strip
  const day = Math.floor((Date.parse(last.ended_at) - Date.parse(strip.from)) / 86_400_000)
  const known = strip.worst[day]
  if (known === undefined || (known !== null && rankOf(known) <= rankOf(last.outcome))) return strip
  const known_since = strip.known_since ?? new Date(Date.parse(strip.from) + day * 86_400_000).toISOString()
  return { ...strip, known_since, worst: strip.worst.with(day, last.outcome) }
}

/** How bad an outcome is: the lowest is worst. */
const rankOf = (outcome: SyncState): number => Object.keys(syncLooks).indexOf(outcome)

/** A worker after an event about it. */
export function patchWorker(row: Worker, event: StreamEvent): Worker | undefined {
  return event.type === 'worker' && event.worker.worker_id === row.worker_id ? event.worker : undefined
}

/** A sync after an event about it. */
export function patchSync(row: Sync, event: StreamEvent): Sync | undefined {
  if (event.type === 'sync' && event.sync.sync_id === row.sync_id) return event.sync
  if (event.type === 'progress' && event.sync_id === row.sync_id && row.state === 'running')
    return { ...row, progress: event.progress }
  if (event.type === 'replica' && event.replica.replica_id === row.replica_id && row.state === 'running')
    return withSilence(row, event.replica.worker_silent_since)
  return undefined
}

/** The running sync when its worker is silent since then; undefined: it is not. */
function withSilence(row: Sync, since: Sync['worker_silent_since']): Sync | undefined {
  if (row.worker_silent_since === since) return undefined
  const { worker_silent_since: _before, ...heard } = row
  return since === undefined ? heard : { ...heard, worker_silent_since: since }
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
