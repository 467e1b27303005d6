// health.ts — What an operator should think of a replica now: one word and one sentence. Pure; also says when time
// alone may change it.
import { healthOrder, type Health, type Hold, type Presence, type ReplicaState } from '@kagami/protocol'

/** A sync without a sign of progress for this long, ms, … */
const SILENT_MS = 15 * 60_000
/** … that has run for at least this long, ms, is called stuck. */
const STUCK_MS = 60 * 60_000
/** Least grace after a missed interval, ms. */
const GRACE_MS = 5 * 60_000

/** Worst first: lists sort by this, and a mirror is as bad as its worst replica. */
export const HEALTH_ORDER = healthOrder

export interface Verdict {
  readonly health: Health
  readonly detail: string
  /** Unix ms when it may change though nothing happens; Infinity when it cannot. */
  readonly until: number
}

/** Judges one replica. `progressAt`: Unix ms of the last sign of life of its running sync. */
export function judge(replica: ReplicaState, presence: Presence, progressAt: number | null, now: number): Verdict {
  const forever = Infinity
  if (presence === 'lost')
    return { health: 'unknown', detail: 'its worker is silent; what is shown is its last word', until: forever }
  const last = replica.last_sync
  if (replica.failures > 0 && last) {
    return {
      health: 'failed',
      detail:
        `failed ${replica.failures === 1 ? 'once' : `${replica.failures} times`}: ` +
        `${last.message ?? last.reason ?? 'no reason given'}`,
      until: forever,
    }
  }
  if (replica.hold) return { health: 'held', detail: heldDetail(replica.hold), until: forever }
  const age = ageOf(replica)
  if (age && now >= age.staleAt)
    return { health: 'stale', detail: 'the last good sync is more than three intervals ago', until: forever }
  const oldAt = contentOldAt(replica)
  if (now >= oldAt)
    return {
      health: 'stale',
      detail: `the upstream's own content is from ${replica.content_at}; syncs succeed, but bring nothing newer`,
      until: forever,
    }
  const stuckAt = replica.current
    ? Math.max(
        Date.parse(replica.current.started_at) + STUCK_MS,
        (progressAt ?? Date.parse(replica.current.started_at)) + SILENT_MS,
      )
    : forever
  if (now >= stuckAt)
    return { health: 'stuck', detail: 'its sync runs, but nothing has moved for 15 minutes', until: forever }
  const until = Math.min(stuckAt, oldAt, age ? (now >= age.lateAt ? age.staleAt : age.lateAt) : forever)
  if (age && now >= age.lateAt)
    return { health: 'late', detail: 'the last good sync is more than one interval ago', until }
  if (replica.activity === 'syncing') return { health: 'syncing', detail: 'a sync is running', until }
  if (replica.activity === 'queued')
    return { health: 'queued', detail: replica.queue?.reason ?? 'waiting for a slot', until }
  if (replica.activity === 'paused')
    return { health: 'paused', detail: 'somebody paused it; it syncs only when asked', until }
  if (!replica.last_success_at)
    return {
      health: 'new',
      detail: replica.kind === 'unknown' ? 'declared without a kind, so it is never synced' : 'never synced yet',
      until,
    }
  return {
    health: 'fresh',
    detail: replica.interval_secs ? 'synced within its interval' : 'synced; further syncs only when asked',
    until,
  }
}

function heldDetail({ reason, removed, total, rejected }: Hold): string {
  const deletes =
    removed > 0 ? `a sync would delete ${removed} of ${total} entries` : 'a sync would make the copy much smaller'
  const what = reason === 'upstream_empty' ? `the upstream is empty, the copy has ${total} entries` : deletes
  return rejected
    ? `${what}; it was rejected, so nothing is deleted until the upstream changes`
    : `${what}; it waits for a decision, nothing was deleted`
}

/** When the content itself is older than its replica allows; Infinity when that cannot be told. */
function contentOldAt({ content_at, options }: ReplicaState): number {
  const hours = options['max_content_age_hours']
  return content_at && typeof hours === 'number' && hours > 0 ? Date.parse(content_at) + hours * 3_600_000 : Infinity
}

/** When a replica with an interval becomes late and stale; null when it has none, or no copy yet. */
function ageOf(replica: ReplicaState): { lateAt: number; staleAt: number } | null {
  if (!replica.interval_secs || !replica.last_success_at) return null
  const interval = replica.interval_secs * 1000
  const grace = Math.max(GRACE_MS, interval / 10)
  const ok = Date.parse(replica.last_success_at)
  return { lateAt: ok + interval + grace, staleAt: ok + 3 * interval + grace }
}

/** The worse of two. */
export function worse(a: Health, b: Health): Health {
  return HEALTH_ORDER.indexOf(a) <= HEALTH_ORDER.indexOf(b) ? a : b
}
