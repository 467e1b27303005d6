// rate.ts — Notices a download that is too slow, and says how long an upstream may ask to wait. The connection itself
// notices silence.
import type { FetchOptions } from './options.ts'
import { SyncFailure } from '../provider.ts'

/**
 * Returns a function to call with each number of received bytes. It throws SyncFailure stalled when too few came for
 * too long.
 */
export function createRateWatch({
  min_rate_bps,
  timeout_secs,
}: Pick<FetchOptions, 'min_rate_bps' | 'timeout_secs'>): (bytes: number) => void {
  const windowMs = timeout_secs * 1000
  let since = performance.now()
  let came = 0
  return (bytes) => {
    came += bytes
    if (min_rate_bps === 0) return
    const now = performance.now()
    if (now - since < windowMs) return
    if (came < (min_rate_bps * (now - since)) / 1000)
      throw new SyncFailure(
        'stalled',
        `the upstream sent ${came} bytes in ${Math.round((now - since) / 1000)} s, less than ${min_rate_bps} ` +
          'a second (min_rate_bps)',
      )
    since = now
    came = 0
  }
}

/** Longest wait an upstream may ask for within a run, seconds. */
export const PATIENCE_SECONDS = 30
