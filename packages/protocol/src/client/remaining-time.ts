// remaining-time.ts — What a running sync still needs, by how long such syncs usually take. Pure.
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
  const step = most <= MINUTE_MS ? 5000 : most <= 60 * MINUTE_MS ? MINUTE_MS : 10 * MINUTE_MS
  const least = Math.max(0, typical.p50_ms - elapsedMs)
  return { fromMs: Math.floor(least / step) * step, toMs: Math.max(1, Math.ceil(most / step)) * step }
}
