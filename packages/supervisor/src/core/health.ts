// health.ts — The health of a replica for people: one word, one sentence, and until when it holds if nothing happens.
// Pure.
import { healthOrder, type Health, type Hold, type Presence, type ReplicaState } from '@kagami/protocol'

/** A sync without progress for this long, ms, … */
const SILENT_MS = 15 * 60_000
/** … that has also run for this long, ms, is stuck. */
const STUCK_MS = 60 * 60_000
/** Shortest delay after the interval before a replica is late, ms. */
const GRACE_MS = 5 * 60_000

/** The health of a replica, and why. */
export interface Verdict {
  readonly health: Health
  readonly detail: string
}

/** What the health of a replica depends on, besides its worker and the time. */
export interface Judged {
  readonly failing: boolean
  readonly held: boolean
  readonly intervalSeconds: number | null
  /** Unix ms of the last success; null: none. */
  readonly succeededMs: number | null
  /** Unix ms when its content becomes older than its options allow; Infinity when that is not known. */
  readonly contentOldMs: number
  /** Unix ms when its running sync started; null: none runs. */
  readonly startedMs: number | null
  readonly activity: string
  readonly status: string
}

/** What is asked of the health of a state. */
export function judgedOf(replica: ReplicaState): Judged {
  return {
    failing: replica.failures > 0,
    held: Boolean(replica.hold),
    intervalSeconds: replica.interval_secs,
    succeededMs: replica.last_success_at ? Date.parse(replica.last_success_at) : null,
    contentOldMs: contentOldAt(replica),
    startedMs: replica.current ? Date.parse(replica.current.started_at) : null,
    activity: replica.activity,
    status: replica.status,
  }
}

/** The number of a verdict: the position of its health, or this one: stale, as its content is old. */
const CONTENT_OLD = healthOrder.length
const NUMBERS = new Map(healthOrder.map((health, number) => [health, number]))
const numberOf = (health: Health) => NUMBERS.get(health)!

/** How many verdicts there are. */
export const VERDICTS = CONTENT_OLD + 1

/** The health of a verdict, by its number. */
export function healthOf(verdict: number): Health {
  return healthOrder[verdict] ?? 'stale'
}

/** The position of its health among all, worst first. */
export function positionOf(verdict: number): number {
  return verdict === CONTENT_OLD ? numberOf('stale') : verdict
}

/** Judges one replica. `progressAt`: Unix ms of the last progress of its running sync. */
export function judge(
  replica: Judged,
  presence: Presence,
  progressAt: number | null,
  now: number,
): { verdict: number; until: number } {
  const forNow = (health: Health) => ({ verdict: numberOf(health), until: Infinity })
  if (presence === 'lost') return forNow('unknown')
  if (replica.failing) return forNow('failed')
  if (replica.held) return forNow('held')
  const age = ageOf(replica)
  if (age && now >= age.staleAt) return forNow('stale')
  if (now >= replica.contentOldMs) return { verdict: CONTENT_OLD, until: Infinity }
  const { startedMs } = replica
  const stuckAt = startedMs === null ? Infinity : Math.max(startedMs + STUCK_MS, (progressAt ?? startedMs) + SILENT_MS)
  if (now >= stuckAt) return forNow('stuck')
  const ages = age ? (now >= age.lateAt ? age.staleAt : age.lateAt) : Infinity
  const until = Math.min(stuckAt, replica.contentOldMs, ages)
  if (age && now >= age.lateAt) return { verdict: numberOf('late'), until }
  if (replica.activity === 'syncing' || replica.activity === 'queued' || replica.activity === 'paused')
    return { verdict: numberOf(replica.activity), until }
  // Taken over from the original Kagami, which does not tell when a sync ended.
  if (replica.succeededMs === null && replica.status !== 'success') return { verdict: numberOf('new'), until }
  return { verdict: numberOf('fresh'), until }
}

/** The reason of a verdict, in one sentence. */
export function detailOf(verdict: number, replica: ReplicaState): string {
  if (verdict === CONTENT_OLD)
    return `the upstream's own content is from ${replica.content_at}; syncs succeed but bring nothing newer`
  switch (healthOf(verdict)) {
    case 'unknown':
      return 'its worker is silent; what is shown is the last known state'
    case 'failed':
      return failedDetail(replica)
    case 'held':
      return replica.hold ? heldDetail(replica.hold) : ''
    case 'stale':
      return 'the last good sync is more than three intervals ago'
    case 'stuck':
      return 'its sync runs, but nothing has moved for 15 minutes'
    case 'late':
      return 'the last good sync is more than one interval ago'
    case 'syncing':
      return 'a sync is running'
    case 'queued':
      return replica.queue?.reason ?? 'waiting for a slot'
    case 'paused':
      return 'paused by an operator; it syncs only on request'
    case 'new':
      return replica.kind === 'unknown' ? 'declared without a kind, so it cannot be synced' : 'never synced yet'
    case 'fresh':
      if (!replica.last_success_at) return 'its last sync succeeded; when is not known'
      return replica.interval_secs ? 'synced within its interval' : 'synced; it syncs again only on request'
  }
}

/** Judges a state as a whole. */
export function assessHealth(
  replica: ReplicaState,
  presence: Presence,
  progressAt: number | null,
  now: number,
): Verdict & { readonly until: number } {
  const { verdict, until } = judge(judgedOf(replica), presence, progressAt, now)
  return { health: healthOf(verdict), detail: detailOf(verdict, replica), until }
}

function failedDetail({ failures, last_sync: last }: ReplicaState): string {
  return (
    (failures === 1 ? 'failed once: ' : `failed ${failures} times: `) +
    (last?.message ?? last?.reason ?? 'no reason given')
  )
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
function ageOf({ intervalSeconds, succeededMs }: Judged): { lateAt: number; staleAt: number } | null {
  if (!intervalSeconds || succeededMs === null) return null
  const interval = intervalSeconds * 1000
  const grace = Math.max(GRACE_MS, interval / 10)
  return { lateAt: succeededMs + interval + grace, staleAt: succeededMs + 3 * interval + grace }
}
