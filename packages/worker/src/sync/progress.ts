// progress.ts — Limits the progress reports of a run to one a second; the last one is always delivered. Knows no
// provider.
import type { Progress } from '@kagami/protocol'

const EVERY_MS = 1000

export interface ProgressThrottle {
  report(progress: Partial<Progress> & Pick<Progress, 'phase'>): void
  /** Delivers what is held back and reports nothing afterwards. */
  end(): void
}

/**
 * Merges partial progress of one phase and passes it on at most once a second; a new phase is passed on as soon as a
 * second is over.
 */
export function createProgressThrottle(deliver: (progress: Progress) => void): ProgressThrottle {
  let current: Progress | null = null
  let waiting = false
  let ended = false
  let timer: NodeJS.Timeout | undefined
  const rate = createRate()
  const flush = () => {
    timer = undefined
    if (!waiting || !current || ended) return
    waiting = false
    deliver(current)
    timer = setTimeout(flush, EVERY_MS)
  }
  return {
    report(next) {
      if (ended) return
      const base =
        current?.phase === next.phase
          ? current
          : { percent: null, bytes: current?.bytes ?? null, files: current?.files ?? null, bytes_per_second: null }
      const merged = { ...base, ...next }
      current = { ...merged, bytes_per_second: next.bytes_per_second ?? rate(merged.bytes) }
      waiting = true
      if (!timer) flush()
    },
    end() {
      clearTimeout(timer)
      flush()
      clearTimeout(timer)
      ended = true
    },
  }
}

/** Bytes per second over the last few seconds; null until two readings are half a second apart. */
function createRate(): (bytes: number | null) => number | null {
  let from = { at: 0, bytes: 0 }
  let rate: number | null = null
  return (bytes) => {
    if (bytes === null) return null
    const at = performance.now()
    if (from.at === 0 || bytes < from.bytes) from = { at, bytes }
    const elapsed = at - from.at
    if (elapsed >= 500) {
      rate = Math.round(((bytes - from.bytes) * 1000) / elapsed)
      if (elapsed > 5000) from = { at, bytes }
    }
    return rate
  }
}
