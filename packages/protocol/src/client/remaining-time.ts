// remaining-time.ts — What a running sync still needs, by how long such syncs usually take and by its progress. Pure.
import type { Progress } from '../model.ts'
import type { TypicalDuration } from '../views/history.ts'

const MINUTE_MS = 60_000

/** What a running sync still needs: between two lengths of time, ms; or longer than usual. */
export type RemainingTime = { readonly fromMs: number; readonly toMs: number } | 'longer'

/**
 * What a sync that has run for so long still needs, by what is usual: from the median to the 95th percentile, in whole
 * steps of 5 seconds, a minute or 10 minutes. Null: nothing is usual yet. Milliseconds.
 */
export function remainingTime(typical: TypicalDuration | null, elapsedMs: number): RemainingTime | null {
  if (!typical || typical.p50_ms === null || typical.p95_ms === null) return null
  if (elapsedMs > typical.p95_ms) return 'longer'
  const most = typical.p95_ms - elapsedMs
  const step = stepOf(most)
  const least = Math.max(0, typical.p50_ms - elapsedMs)
  return { fromMs: Math.floor(least / step) * step, toMs: roundUp(most) }
}

/** A length of time in whole steps of 5 seconds, a minute or 10 minutes, never less than it is. Milliseconds. */
export const roundUp = (ms: number): number => Math.max(1, Math.ceil(ms / stepOf(ms))) * stepOf(ms)

const stepOf = (ms: number): number => (ms <= MINUTE_MS ? 5000 : ms <= 60 * MINUTE_MS ? MINUTE_MS : 10 * MINUTE_MS)

/**
 * What a sync that has run for so long still needs by the part that its tool says is done, as if the rest went as fast.
 * Null: nothing is said to be done. Milliseconds.
 */
export function remainingByProgress(progress: Progress | null, elapsedMs: number): number | null {
  const percent = progress?.percent ?? 0
  return percent > 0 ? (Math.max(0, elapsedMs) * (100 - percent)) / percent : null
}

/**
 * One number for what a running sync still needs, to tell which ends first: by its progress, else the middle between
 * median and 95th percentile of what is usual. Null: nobody can tell, or it takes longer than usual. Milliseconds.
 */
export function estimateRemaining(
  { progress, typical }: { progress: Progress | null; typical: TypicalDuration | null },
  elapsedMs: number,
): number | null {
  const byProgress = remainingByProgress(progress, elapsedMs)
  if (byProgress !== null || !typical || typical.p50_ms === null || typical.p95_ms === null) return byProgress
  if (elapsedMs > typical.p95_ms) return null
  return (Math.max(0, typical.p50_ms - elapsedMs) + typical.p95_ms - elapsedMs) / 2
}
