// telemetry.ts — Measured traffic and latency of the last minutes. Zeros until something is measured.

const MINUTES = 24
const LATENCY_WINDOW_MS = 15 * 60_000
const LATENCY_MAX_SAMPLES = 5000

/** Counts messages and measures latency. */
export interface Traffic {
  countHeartbeat(nowMs: number): void
  countMessage(nowMs: number): void
  /** Round trip of a command, ms. */
  recordLatency(ms: number, nowMs: number): void
  view(nowMs: number): TrafficView
}

/** The measurements at one moment. */
export interface TrafficView {
  /** Heartbeats of the last 24 minutes, oldest first. */
  readonly traffic: { label: string; value: number }[]
  /** Messages per second, over the last minute. */
  readonly messageRate: number
  /** Round trips of commands over the last 15 minutes, ms; zeros without a sample. */
  readonly latency: { p50: number; p95: number; p99: number; samples: number }
  readonly lastSampleMs: number | null
}

/** All times are Unix ms. */
export function createTraffic(): Traffic {
  const heartbeats = new Map<number, number>()
  const seconds = new Map<number, number>()
  let latencies: { at: number; ms: number }[] = []
  let lastSampleMs: number | null = null
  return {
    countHeartbeat(nowMs) {
      increment(heartbeats, Math.floor(nowMs / 60_000), MINUTES)
      lastSampleMs = nowMs
    },
    countMessage: (nowMs) => increment(seconds, Math.floor(nowMs / 1000), 61),
    recordLatency(ms, nowMs) {
      latencies.push({ at: nowMs, ms })
      if (latencies.length > LATENCY_MAX_SAMPLES) latencies = latencies.slice(-LATENCY_MAX_SAMPLES / 2)
    },
    view(nowMs) {
      const minute = Math.floor(nowMs / 60_000)
      const traffic = Array.from({ length: MINUTES }, (_, i) => ({
        label: `${MINUTES - 1 - i}m`,
        value: heartbeats.get(minute - (MINUTES - 1 - i)) ?? 0,
      }))
      const second = Math.floor(nowMs / 1000)
      let messages = 0
      for (const [at, n] of seconds) if (at >= second - 60 && at < second) messages += n
      latencies = latencies.filter((sample) => sample.at >= nowMs - LATENCY_WINDOW_MS)
      const sorted = latencies.map((sample) => sample.ms).sort((a, b) => a - b)
      const quantile = (q: number) =>
        sorted.length === 0 ? 0 : round(sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!)
      return {
        traffic,
        messageRate: round(messages / 60),
        latency: { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), samples: sorted.length },
        lastSampleMs,
      }
    },
  }
}

function increment(counts: Map<number, number>, key: number, keep: number) {
  counts.set(key, (counts.get(key) ?? 0) + 1)
  if (counts.size > keep * 2) for (const old of counts.keys()) if (old < key - keep) counts.delete(old)
}

const round = (value: number) => Math.round(value * 100) / 100
