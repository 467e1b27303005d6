import { nextRuns } from '@kagami/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dueAfter, dueAtStart, fraction, type Timing } from './schedule.ts'

const now = new Date('2026-01-01T00:00:00Z')
const every = (intervalSeconds: number | null, change: Partial<Timing> = {}): Timing => ({
  intervalSeconds,
  cron: '',
  timezone: 'UTC',
  windows: [],
  retrySeconds: 15,
  ...change,
})
const seconds = (date: Date | null) => (date ? (date.getTime() - now.getTime()) / 1000 : null)
const ended = {
  id: 'r',
  timing: every(3600),
  startedAt: now,
  endedAt: now,
  outcome: 'success' as const,
  reason: null,
  failures: 0,
}
const failedOnce = { ...ended, outcome: 'failed' as const, reason: 'upstream_unreachable' as const, failures: 1 }

describe('when a replica is due', () => {
  test('a fleet of new replicas that starts at once is spread over half a minute', () => {
    const dues = Array.from({ length: 1000 }, (_, i) =>
      seconds(dueAtStart({ id: `r-${i}`, timing: every(86_400), nextDueAt: null }, now))!,
    )
    expect(Math.min(...dues)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...dues)).toBeLessThanOrEqual(30)
    // No second of the thirty gets more than twice its share.
    const busiest = Math.max(...Object.values(Object.groupBy(dues, Math.floor)).map((group) => group!.length))
    expect(busiest).toBeLessThan(70)
  })

  test('a replica with a short interval starts within a tenth of it', () => {
    expect(seconds(dueAtStart({ id: 'r', timing: every(30), nextDueAt: null }, now))).toBeLessThanOrEqual(3)
  })

  test('interval 0 means only when asked', () => {
    expect(dueAtStart({ id: 'r', timing: every(0), nextDueAt: null }, now)).toBeNull()
    expect(dueAfter({ ...ended, timing: every(null) }, 's')).toBeNull()
  })

  test('after a restart it keeps its time, unless that lies beyond one interval: then a clock was wrong', () => {
    const inTenMinutes = new Date(now.getTime() + 600_000)
    expect(dueAtStart({ id: 'r', timing: every(3600), nextDueAt: inTenMinutes }, now)).toEqual(inTenMinutes)
    const inAYear = new Date(now.getTime() + 365 * 86_400_000)
    expect(seconds(dueAtStart({ id: 'r', timing: every(3600), nextDueAt: inAYear }, now))).toBeLessThanOrEqual(3960)
  })

  test('a replica that succeeds comes again after its interval, five per cent either way', () => {
    for (let round = 0; round < 200; round++) {
      const due = seconds(dueAfter(ended, `s-${round}`))!
      expect(due).toBeGreaterThanOrEqual(3420)
      expect(due).toBeLessThanOrEqual(3780)
    }
  })

  test('the first pause after a failure is retry_secs, it doubles up to an hour, the interval is the bound', () => {
    const pauses = (retrySeconds: number, failures: number, interval = 1_000_000) =>
      Array.from({ length: 100 }, (_, round) => {
        const timing = every(interval, { retrySeconds })
        const failed = { ...failedOnce, timing, failures }
        return seconds(dueAfter(failed, `s-${round}`))!
      })
    const bounds = (list: number[]) => [Math.min(...list), Math.max(...list)]
    for (const [retry, failures, wait] of [
      [15, 1, 15],
      [15, 2, 30],
      [15, 99, 3600],
      [600, 1, 600],
      [600, 3, 2400],
      [600, 4, 3600],
      [7200, 1, 7200],
      [7200, 9, 7200],
    ] as const) {
      const [least, most] = bounds(pauses(retry, failures))
      expect(least).toBeGreaterThanOrEqual(wait * 0.5)
      expect(most).toBeLessThanOrEqual(wait * 1.5)
    }
    expect(bounds(pauses(86_400, 1, 3600))[1]).toBeLessThanOrEqual(3780)
  })

  test('retry_secs = 0 waits for the next interval or cron time, except after an interruption', () => {
    for (const timing of [every(3600, { retrySeconds: 0 }), every(null, { cron: '30 3 * * *', retrySeconds: 0 })])
      expect(dueAfter({ ...failedOnce, timing }, 's')).toEqual(dueAfter({ ...ended, timing }, 's'))
    const interrupted = { ...ended, outcome: 'interrupted' as const, reason: 'interrupted' as const }
    expect(seconds(dueAfter({ ...interrupted, timing: every(3600, { retrySeconds: 0 }) }, 's'))).toBeLessThan(30)
  })

  test('a replica that fails waits longer each time, and never longer than its interval', () => {
    const waits = Array.from({ length: 12 }, (_, i) => {
      const tries = Array.from({ length: 50 }, (_, round) =>
        seconds(
          dueAfter({ ...ended, outcome: 'failed', reason: 'upstream_unreachable', failures: i + 1 }, `s-${round}`),
        )!,
      )
      return tries.reduce((a, b) => a + b) / tries.length
    })
    for (let i = 1; i < 6; i++) expect(waits[i]!).toBeGreaterThan(waits[i - 1]! * 1.5)
    expect(Math.max(...waits)).toBeLessThanOrEqual(3780)
  })

  test('what will not heal by itself is not retried early, and a conflict on disk not at all', () => {
    expect(
      seconds(dueAfter({ ...ended, outcome: 'failed', reason: 'auth_rejected', failures: 1 }, 's')),
    ).toBeGreaterThan(3000)
    expect(dueAfter({ ...ended, outcome: 'failed', reason: 'local_conflict', failures: 1 }, 's')).toBeNull()
  })

  test('the same text always gives the same fraction, between 0 and 1', () => {
    expect(fraction('debian')).toBe(fraction('debian'))
    for (let i = 0; i < 1000; i++) expect(fraction(`x${i}`)).toSatisfy((value: number) => value >= 0 && value < 1)
  })
})

describe('a schedule of cron and windows', () => {
  const nightly = every(null, { cron: '30 3 * * *' })

  test('a new replica waits for its time, and a missed one is made up for soon', () => {
    expect(seconds(dueAtStart({ id: 'r', timing: nightly, nextDueAt: null }, now))).toBeGreaterThanOrEqual(3.5 * 3600)
    expect(seconds(dueAtStart({ id: 'r', timing: nightly, nextDueAt: null }, now))).toBeLessThanOrEqual(3.5 * 3600 + 30)
    expect(
      seconds(dueAtStart({ id: 'r', timing: nightly, nextDueAt: new Date(now.getTime() - 1) }, now)),
    ).toBeLessThanOrEqual(30)
  })

  test('after a success comes the next time, after a failure an early retry', () => {
    expect(seconds(dueAfter({ ...ended, timing: nightly }, 's'))).toBeGreaterThanOrEqual(3.5 * 3600)
    expect(
      seconds(
        dueAfter({ ...ended, timing: nightly, outcome: 'failed', reason: 'upstream_unreachable', failures: 1 }, 's'),
      ),
    ).toBeLessThanOrEqual(30)
  })

  test('nothing is due outside the windows, neither by interval nor as a retry', () => {
    const timing = every(600, { windows: ['02:00-05:00'] })
    for (const due of [
      dueAtStart({ id: 'r', timing, nextDueAt: null }, now),
      dueAfter({ ...ended, timing }, 's'),
      dueAfter({ ...ended, timing, outcome: 'failed', reason: 'stalled', failures: 3 }, 's'),
    ]) {
      expect(seconds(due)).toBeGreaterThanOrEqual(2 * 3600)
      expect(seconds(due)).toBeLessThanOrEqual(2 * 3600 + 30)
    }
  })

  test('a held sync is looked at again at its regular time, not earlier', () => {
    expect(seconds(dueAfter({ ...ended, outcome: 'held', reason: 'too_many_deletions' }, 's'))).toBeGreaterThan(3000)
  })
})

test('a sync starts when the next runs that people are shown say', () => {
  const timing = fc.record({
    cron: fc.constantFrom('', '*/20 * * * *', '30 3 * * Mon-Fri'),
    timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Shanghai'),
    windows: fc.constantFrom<string[]>([], ['22:00-06:00'], ['Sat 10:00-12:00']),
    intervalSeconds: fc.integer({ min: 60, max: 604_800 }),
  })
  const startedAt = fc.date({ min: now, max: new Date('2028-01-01T00:00:00Z'), noInvalidDate: true })
  fc.assert(
    fc.property(timing, startedAt, fc.uuid(), (shown, start, id) => {
      const sync = { ...ended, id, timing: every(shown.intervalSeconds, shown), startedAt: start, endedAt: start }
      const [run] = nextRuns(shown, start, 1)
      const due = dueAfter(sync, 'round')!
      expect(due.getTime()).toBeGreaterThanOrEqual(run!.from.getTime())
      // An interval has a second more, so that a sync does not follow at once.
      expect(due.getTime()).toBeLessThanOrEqual(run!.to.getTime() + 1000)
    }),
  )
})
