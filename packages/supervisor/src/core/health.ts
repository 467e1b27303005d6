// health.ts — The health of a replica for people: one word, one sentence, and until when it holds if nothing happens.
// Pure.
import type { Health, Hold, Presence, ReplicaState } from '@kagami/protocol'

/** A sync without progress for this long, ms, … */
const SILENT_MS = 15 * 60_000
/** … that has also run for this long, ms, is stuck. */
const STUCK_MS = 60 * 60_000
/** Shortest delay after the interval before a replica is late, ms. */
const GRACE_MS = 5 * 60_000

/** The health of a replica, why, and until when. */
export interface Verdict {
  readonly health: Health
  readonly detail: string
  /** Unix ms when time alone may change it; Infinity when time cannot. */
  readonly until: number
}

/** Assesses one replica. `progressAt`: Unix ms of the last progress of its running sync. */
export function assessHealth(
  replica: ReplicaState,
  presence: Presence,
  progressAt: number | null,
  now: number,
): Verdict {
  if (presence === 'lost')
    return { health: 'unknown', detail: 'its worker is lost; what is shown is the last known state', until: Infinity }
  const last = replica.last_sync
  if (replica.failures > 0) {
    return {
      health: 'failed',
      detail:
        (replica.failures === 1 ? 'failed once: ' : `failed ${replica.failures} times: `) +
        (last?.message ?? last?.reason ?? 'no reason given'),
      until: Infinity,
    }
  }
  if (replica.hold) return { health: 'held', detail: heldDetail(replica.hold), until: Infinity }
  const age = ageOf(replica)
  if (age && now >= age.staleAt)
    return { health: 'stale', detail: 'the last good sync is more than three intervals ago', until: Infinity }
  const oldAt = contentOldAt(replica)
  if (now >= oldAt)
    return {
      health: 'stale',
      detail: `the upstream's own content is from ${replica.content_at}; syncs succeed but bring nothing newer`,
      until: Infinity,
    }
  const stuckAt = replica.current
    ? Math.max(
        Date.parse(replica.current.started_at) + STUCK_MS,
        (progressAt ?? Date.parse(replica.current.started_at)) + SILENT_MS,
      )
    : Infinity
  if (now >= stuckAt)
    return { health: 'stuck', detail: 'its sync runs, but nothing has moved for 15 minutes', until: Infinity }
  const until = Math.min(stuckAt, oldAt, age ? (now >= age.lateAt ? age.staleAt : age.lateAt) : Infinity)
  if (age && now >= age.lateAt)
    return { health: 'late', detail: 'the last good sync is more than one interval ago', until }
  if (replica.activity === 'syncing') return { health: 'syncing', detail: 'a sync is running', until }
  if (replica.activity === 'queued')
    return { health: 'queued', detail: replica.queue?.reason ?? 'waiting for a slot', until }
  if (replica.activity === 'paused')
    return { health: 'paused', detail: 'paused by an operator; it syncs only on request', until }
  // Taken over from the original Kagami, which does not tell when a sync ended.
  if (!replica.last_success_at && replica.status === 'success')
    return { health: 'fresh', detail: 'its last sync succeeded; when is not known', until }
  if (!replica.last_success_at)
    return {
      health: 'new',
      detail: replica.kind === 'unknown' ? 'declared without a kind, so it cannot be synced' : 'never synced yet',
      until,
    }
  return {
    health: 'fresh',
    detail: replica.interval_secs ? 'synced within its interval' : 'synced; it syncs again only on request',
    until,
  }
}

function heldDetail({ reason, removed, total, rejected }: Hold): string {
  if (reason === 'missing_disk')
    return (
      `its disk is missing, none of its ${total} files are there; ` +
      (rejected ? 'nothing is fetched until it is back' : 'nothing was fetched or deleted')
    )
  if (reason === 'foreign_files')
    return (
      `its folder has ${total} entries of something else, of which a sync would delete ${removed}; ` +
      (rejected ? 'they are not taken over' : 'it waits for a decision, and nothing was changed')
    )
  const deletes =
    removed > 0 ? `a sync would delete ${removed} of ${total} entries` : 'a sync would make the copy much smaller'
  const what = reason === 'upstream_empty' ? `the upstream is empty, the copy has ${total} entries` : deletes
  return rejected
    ? `${what}; this was rejected, so nothing is deleted until the upstream changes`
    : `${what}; it waits for a decision, and nothing was deleted`
}

/** When the content becomes older than the replica's options allow; Infinity when that is not known. */
function contentOldAt({ content_at, options }: ReplicaState): number {
  const hours = options['max_content_age_hours']
  return content_at && typeof hours === 'number' && hours > 0 ? Date.parse(content_at) + hours * 3_600_000 : Infinity
}

/** When a replica becomes late and stale; null when it has no interval, or no copy yet. */
function ageOf(replica: ReplicaState): { lateAt: number; staleAt: number } | null {
  if (!replica.interval_secs || !replica.last_success_at) return null
  const interval = replica.interval_secs * 1000
  const grace = Math.max(GRACE_MS, interval / 10)
  const syncedAt = Date.parse(replica.last_success_at)
  return { lateAt: syncedAt + interval + grace, staleAt: syncedAt + 3 * interval + grace }
}
