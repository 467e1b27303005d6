import { describe, expect, test } from 'vitest'
import { createTraffic } from './telemetry.ts'

const now = Date.parse('2026-01-01T00:00:30Z')

describe('telemetry', () => {
  test('begins with zeros and no sample', () => {
    const view = createTraffic().view(now)
    expect(view.traffic).toHaveLength(24)
    expect(view.traffic.every((point) => point.value === 0)).toBe(true)
    expect(view).toMatchObject({ messageRate: 0, latency: { p50: 0, p95: 0, p99: 0, samples: 0 }, lastSampleMs: null })
  })

  test('counts heartbeats by minute and forgets them after 24', () => {
    const traffic = createTraffic()
    for (let minute = 0; minute < 60; minute++)
      for (let i = 0; i <= minute; i++) traffic.countHeartbeat(now + minute * 60_000)
    expect(traffic.view(now + 59 * 60_000).traffic.map((point) => point.value)).toEqual(
      Array.from({ length: 24 }, (_, i) => 37 + i),
    )
  })

  test('gives quantiles of the last quarter of an hour', () => {
    const traffic = createTraffic()
    traffic.recordLatency(99_999, now - 16 * 60_000)
    for (let ms = 1; ms <= 100; ms++) traffic.recordLatency(ms, now)
    expect(traffic.view(now).latency).toEqual({ p50: 50, p95: 95, p99: 99, samples: 100 })
  })

  test('the message rate is that of the last full minute', () => {
    const traffic = createTraffic()
    for (let second = 1; second <= 60; second++) for (let i = 0; i < 3; i++) traffic.countMessage(now - second * 1000)
    expect(traffic.view(now).messageRate).toBe(3)
  })
})
