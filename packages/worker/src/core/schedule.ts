// schedule.ts — Decides when a replica is next due. Knows intervals, jitter and back-off; knows no timers.
import { failures, type FailureReason, type Outcome } from '@kagami/protocol'

/** Longest wait before a first sync, seconds: enough to spread a fleet's start, short enough to see something happen. */
const SPREAD_MAX_SECONDS = 30
/** First pause after a failure that is worth an early retry, seconds; doubles each time. */
const RETRY_FIRST_SECONDS = 15
/** Longest pause between early retries, seconds. */
const RETRY_MAX_SECONDS = 3600

/** A number in [0, 1) that is always the same for the same text: spreads replicas without randomness. */
export function fraction(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  // A last mix, since FNV's low bits follow the last characters closely.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}

/** When a replica is due after the worker started: soon when overdue or new, spread so that a fleet does not start at once. Null: only when asked. */
export function dueAtStart(replica: { id: string; intervalSeconds: number | null; nextDueAt: Date | null }, now: Date): Date | null {
  if (!replica.intervalSeconds) return null
  const spread = fraction(replica.id) * Math.min(SPREAD_MAX_SECONDS, replica.intervalSeconds / 10)
  const soon = later(now, spread)
  if (!replica.nextDueAt) return soon
  // A clock that was wrong when it was written must not postpone a sync for ever.
  const latest = later(now, replica.intervalSeconds * 1.1)
  const due = replica.nextDueAt > latest ? latest : replica.nextDueAt
  return due > soon ? due : soon
}

/** When a replica is next due after a sync. Failures worth it are retried earlier, with growing pauses. Null: only when asked. */
export function dueAfter(
  sync: { id: string; intervalSeconds: number | null; startedAt: Date; endedAt: Date; outcome: Outcome; reason: FailureReason | null; failures: number },
  round: string,
): Date | null {
  if (!sync.intervalSeconds) return null
  // Five per cent either way, another each round, so that replicas of one interval drift apart.
  const jitter = 0.95 + 0.1 * fraction(`${sync.id}/${round}`)
  const regular = atLeast(later(sync.startedAt, sync.intervalSeconds * jitter), later(sync.endedAt, 1))
  if (sync.outcome === 'success' || sync.outcome === 'cancelled') return regular
  const retry = sync.reason ? failures[sync.reason].retry : 'soon'
  if (retry === 'never') return null
  if (retry === 'interval') return regular
  const pause = Math.min(RETRY_MAX_SECONDS, RETRY_FIRST_SECONDS * 2 ** Math.max(0, Math.min(12, sync.failures - 1)))
  const early = later(sync.endedAt, pause * (0.5 + fraction(`${sync.id}/${round}/retry`)))
  return early < regular ? early : regular
}

function later(date: Date, seconds: number): Date {
  return new Date(date.getTime() + Math.round(seconds * 1000))
}

function atLeast(date: Date, floor: Date): Date {
  return date > floor ? date : floor
}
