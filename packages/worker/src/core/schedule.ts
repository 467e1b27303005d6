// schedule.ts — Decides when a replica is next due. Knows intervals, jitter and back-off; knows no timers.
import {
  CRON_SPREAD_SECONDS,
  failures,
  INTERVAL_JITTER,
  nextCron,
  opensAt,
  policyOf,
  type FailureReason,
  type Outcome,
  type ReplicaSpec,
} from '@kagami/protocol'

/**
 * Longest wait before a first sync, seconds: enough to spread a fleet's start, short enough to see something happen.
 */
const SPREAD_MAX_SECONDS = 30
/** First pause after a sync that was interrupted, seconds: that is nobody's failure. */
const INTERRUPTED_SECONDS = 15
/** Longest pause between early retries, seconds, unless the first one is longer. */
const RETRY_MAX_SECONDS = 3600

/** When a replica wants to be synced. */
export interface Timing {
  /** Seconds; null or 0: no interval. */
  readonly intervalSeconds: number | null
  /** Five fields; empty: none. Takes precedence over the interval. */
  readonly cron: string
  readonly timezone: string
  readonly windows: readonly string[]
  /** First pause after a failure that is worth an early retry; doubles each time. 0: no early retries. */
  readonly retrySeconds: number
}

/** The timing a spec asks for. */
export function timingOf(spec: Pick<ReplicaSpec, 'interval_secs' | 'options'>): Timing {
  const { cron, timezone, windows, retry_secs } = policyOf(spec.options)
  return { intervalSeconds: spec.interval_secs, cron, timezone, windows, retrySeconds: retry_secs }
}

/** A number in [0, 1) that is always the same for the same text: spreads replicas without randomness. */
export function fraction(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  // A final mix, because the low bits of FNV follow the last characters closely.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}

/**
 * When a replica is due after the worker started: soon when overdue or new, spread so that a fleet does not start at
 * once. Null: only on request.
 */
export function dueAtStart(replica: { id: string; timing: Timing; nextDueAt: Date | null }, now: Date): Date | null {
  const { id, timing, nextDueAt } = replica
  if (timing.cron)
    return nextDueAt && nextDueAt <= now
      ? allowed(soonAfter(id, SPREAD_MAX_SECONDS, now), replica)
      : cronAfter(replica, now)
  if (!timing.intervalSeconds) return null
  const soon = soonAfter(id, Math.min(SPREAD_MAX_SECONDS, timing.intervalSeconds / 10), now)
  if (!nextDueAt) return allowed(soon, replica)
  const due = withinInterval(nextDueAt, replica, now)
  return allowed(due > soon ? due : soon, replica)
}

/**
 * When a replica is due after the wall clock was set by so many ms: an interval continues where it was, a time of day
 * is computed anew.
 */
export function dueAfterJump(
  replica: { id: string; timing: Timing; nextDueAt: Date },
  byMs: number,
  now: Date,
): Date | null {
  if (replica.timing.cron) return dueAtStart({ ...replica, nextDueAt: null }, now)
  // Of a sync that ended after the clock was set, and before that was noticed, the due time was right already.
  return withinInterval(new Date(replica.nextDueAt.getTime() + byMs), replica, now)
}

/**
 * When a replica is due whose timing was edited: an interval counts from its last sync. One that is failing keeps an
 * early retry.
 */
export function dueAfterEdit(
  replica: { id: string; before: Timing; timing: Timing; nextDueAt: Date | null },
  { lastStartedAt, failing }: { lastStartedAt: Date | null; failing: boolean },
  now: Date,
): Date | null {
  const { before, timing, nextDueAt } = replica
  if (JSON.stringify(before) === JSON.stringify(timing)) return nextDueAt
  const counted = timing.cron || !lastStartedAt ? null : later(lastStartedAt, timing.intervalSeconds ?? 0)
  const due = dueAtStart({ ...replica, nextDueAt: counted }, now)
  return failing && due && nextDueAt && nextDueAt < due ? allowed(nextDueAt, replica) : due
}

/** A due time that was computed while a clock was wrong must not postpone a sync for ever. */
function withinInterval(due: Date, replica: { id: string; timing: Timing }, now: Date): Date {
  const latest = allowed(later(now, (replica.timing.intervalSeconds ?? 0) * 1.1), replica)
  return due > latest ? latest : due
}

/**
 * When a replica is next due after a sync. Some failures are retried earlier, with growing pauses. Null: only on
 * request.
 */
export function dueAfter(
  sync: {
    id: string
    timing: Timing
    startedAt: Date
    endedAt: Date
    outcome: Outcome
    reason: FailureReason | null
    failures: number
  },
  round: string,
): Date | null {
  const { id, timing } = sync
  if (!timing.cron && !timing.intervalSeconds) return null
  const regular = timing.cron
    ? cronAfter(sync, sync.endedAt)
    : allowed(intervalAfter(sync, timing.intervalSeconds ?? 0, round), sync)
  if (sync.outcome === 'success' || sync.outcome === 'cancelled') return regular
  const retry = sync.reason ? failures[sync.reason].retry : 'soon'
  if (retry === 'never') return null
  if (retry === 'interval') return regular
  const first = sync.outcome === 'interrupted' ? INTERRUPTED_SECONDS : timing.retrySeconds
  if (first === 0) return regular
  const longest = Math.max(RETRY_MAX_SECONDS, first)
  const wait = Math.min(longest, first * 2 ** Math.max(0, Math.min(12, sync.failures - 1)))
  const early = allowed(later(sync.endedAt, wait * (0.5 + fraction(`${id}/${round}/retry`))), sync)
  return regular === null || early < regular ? early : regular
}

function intervalAfter(sync: { id: string; startedAt: Date; endedAt: Date }, seconds: number, round: string): Date {
  // Different each round.
  const jitter = 1 - INTERVAL_JITTER + 2 * INTERVAL_JITTER * fraction(`${sync.id}/${round}`)
  return atLeast(later(sync.startedAt, seconds * jitter), later(sync.endedAt, 1))
}

function cronAfter(replica: { id: string; timing: Timing }, after: Date): Date | null {
  const { cron, timezone } = replica.timing
  const at = nextCron(cron, timezone, after)
  return at && allowed(later(at, fraction(replica.id) * CRON_SPREAD_SECONDS), replica)
}

/** The instant itself while a window is open, otherwise a moment after the next opening. */
function allowed(at: Date, { id, timing }: { id: string; timing: Timing }): Date {
  const opening = opensAt(timing.windows, timing.timezone, at)
  return opening > at ? soonAfter(id, CRON_SPREAD_SECONDS, opening) : at
}

function soonAfter(id: string, seconds: number, at: Date): Date {
  return later(at, fraction(id) * seconds)
}

function later(date: Date, seconds: number): Date {
  return new Date(date.getTime() + Math.round(seconds * 1000))
}

function atLeast(date: Date, floor: Date): Date {
  return date > floor ? date : floor
}
