// forecast.test.ts — When a disk is full: of random disks that grow steadily, with noise, wrong values, gaps, a
// clean-up or an enlargement; and nothing is said before a week was measured.
import { DISK_PART_MS, FORECAST_DAYS_MIN } from '@kagami/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { forecastOf, growthOf, isFullSoon } from './forecast.ts'

const GIB = 2 ** 30
const DAY_MS = 86_400_000
const PARTS = 57
const START_MS = Date.UTC(2026, 10, 1)

interface Sample {
  readonly measured_at: number
  readonly used_bytes: number
}

/** One value in each part of 14 days, at the beginning of the part. */
function samplesOf(usedAt: (day: number, part: number) => number, parts = PARTS): Sample[] {
  return Array.from({ length: parts }, (_, part) => ({
    measured_at: START_MS + part * DISK_PART_MS,
    used_bytes: Math.round(usedAt((part * DISK_PART_MS) / DAY_MS, part)),
  }))
}

const diskOf = (samples: readonly Sample[], freeBytes: number) => {
  const { used_bytes } = samples.at(-1)!
  return { used_bytes, total_bytes: used_bytes + freeBytes }
}
const forecast = (samples: readonly Sample[], freeBytes: number) =>
  forecastOf(growthOf(samples), diskOf(samples, freeBytes))

const perDay = fc.integer({ min: GIB, max: 500 * GIB })
const start = fc.integer({ min: 0, max: 50_000 * GIB })
const daysLeft = fc.integer({ min: 0, max: 1000 })
/** Of each part, how far a value is off: -1 to 1. */
const noise = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: PARTS, maxLength: PARTS })

describe('the forecast of a disk', () => {
  it('says the day on which one that grows evenly is full', () =>
    fc.assert(
      fc.property(perDay, start, daysLeft, (rate, first, days) => {
        const said = forecast(
          samplesOf((day) => first + rate * day),
          rate * days + rate / 2,
        )
        expect(said).toMatchObject({ verdict: 'full', days, from_days: days, to_days: days, known_days: 14 })
        // A sample is a whole number of bytes.
        expect(Math.abs(said.bytes_per_day! - rate)).toBeLessThanOrEqual(4)
      }),
    ))

  it('is near that day with noise, and with wrong values in a tenth of the parts', () =>
    fc.assert(
      fc.property(
        perDay,
        start,
        noise,
        fc.uniqueArray(fc.integer({ min: 0, max: PARTS - 2 }), { maxLength: 5 }),
        (...[rate, first, off, wrong]) => {
          const samples = samplesOf((day, part) =>
            wrong.includes(part) ? first + 40 * rate : first + rate * day + off[part]! * rate * 0.5,
          )
          const { verdict, from_days, days, to_days } = forecast(samples, rate * 100)
          expect(verdict).toBe('full')
          expect(days).toBeGreaterThan(80)
          expect(days).toBeLessThan(125)
          expect(from_days).toBeLessThanOrEqual(days!)
          expect(to_days ?? Infinity).toBeGreaterThanOrEqual(days!)
        },
      ),
    ))

  it('takes a tenth, the half and nine tenths of the slopes of all pairs, whatever was used', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 * GIB }), { minLength: PARTS, maxLength: PARTS }), (used) => {
        const samples = samplesOf((_, part) => used[part]!)
        const slopes = samples.flatMap((one, index) =>
          samples
            .slice(0, index)
            .map((before) => (one.used_bytes - before.used_bytes) / ((one.measured_at - before.measured_at) / DAY_MS)),
        )
        const { slow, median, fast } = growthOf(samples).rates!
        const shareUpTo = (limit: number) => slopes.filter((slope) => slope <= limit).length / slopes.length
        for (const [rate, share] of [
          [slow, 0.1],
          [median, 0.5],
          [fast, 0.9],
        ] as const) {
          // Divided in another order, a slope may differ in its last digit.
          const digit = Math.abs(rate) * 1e-9 + 1e-3
          expect(shareUpTo(rate + digit)).toBeGreaterThanOrEqual(share)
          expect(shareUpTo(rate - digit)).toBeLessThan(share)
        }
      }),
    ))

  it('has the truth in its band when something was deleted in between', () =>
    fc.assert(
      fc.property(perDay, fc.integer({ min: 4, max: PARTS - 4 }), fc.integer({ min: 1, max: 60 }), (rate, at, gone) => {
        const samples = samplesOf((day, part) => 100 * rate + rate * day - (part >= at ? gone * rate : 0))
        const { verdict, from_days, to_days } = forecast(samples, rate * 30 + rate / 2)
        // Only what outweighs most of the growth of that time hides it.
        if (verdict === 'not_growing') expect(gone).toBeGreaterThan(10)
        else expect(from_days).toBeLessThanOrEqual(30)
        expect(to_days ?? Infinity).toBeGreaterThanOrEqual(30)
      }),
    ))

  it('counts no gap as measured, and does not let it change the day', () =>
    fc.assert(
      fc.property(
        perDay,
        fc.uniqueArray(fc.integer({ min: 0, max: PARTS - 2 }), { maxLength: PARTS - 1 }),
        (rate, missing) => {
          const samples = samplesOf((day) => rate * day).filter((_, part) => !missing.includes(part))
          const { verdict, days, known_days } = forecast(samples, rate * 50 + rate / 2)
          expect(known_days).toBeLessThanOrEqual(samples.length / 4)
          if (known_days < FORECAST_DAYS_MIN) expect([verdict, days]).toEqual(['not_enough_data', null])
          else expect([verdict, days]).toEqual(['full', 50])
        },
      ),
    ))

  it('never appears before seven days were measured, whatever was', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: PARTS - 1 }), { maxLength: 4 * FORECAST_DAYS_MIN }),
        fc.array(fc.integer({ min: 0, max: 1000 * GIB }), { minLength: PARTS, maxLength: PARTS }),
        (parts, used) => {
          const samples = samplesOf((_, part) => used[part]!).filter((_, part) => parts.includes(part))
          const week = samples.filter((one) => one.measured_at - samples[0]!.measured_at < 7 * DAY_MS)
          for (const few of [samples.slice(0, 27), week]) {
            const said = forecastOf(growthOf(few), { total_bytes: 1000 * GIB, used_bytes: 0 })
            expect(said).toMatchObject({ verdict: 'not_enough_data', days: null, from_days: null, to_days: null })
            expect(said.known_days).toBeLessThan(said.needed_days)
          }
        },
      ),
    ))

  it('appears with the sample that makes it seven days', () => {
    const samples = samplesOf((day) => day * GIB)
    expect(forecast(samples.slice(0, 28), GIB)).toMatchObject({ verdict: 'not_enough_data', known_days: 6 })
    expect(forecast(samples.slice(0, 29), GIB)).toMatchObject({ verdict: 'full', known_days: 7, days: 1 })
    expect(forecastOf(growthOf([]), { total_bytes: GIB, used_bytes: 0 })).toMatchObject({ known_days: 0 })
  })

  it('takes the room of a disk that was enlarged as it is now', () => {
    const samples = samplesOf((day) => 100 * GIB + day * GIB)
    const used_bytes = samples.at(-1)!.used_bytes
    const growth = growthOf(samples)
    expect(forecastOf(growth, { used_bytes, total_bytes: used_bytes + 5 * GIB }).days).toBe(5)
    expect(forecastOf(growth, { used_bytes, total_bytes: used_bytes + 500 * GIB }).days).toBe(500)
  })

  it('has only the room that a worker may use, where some is reserved', () => {
    const samples = samplesOf((day) => 100 * GIB + day * GIB)
    const now = { used_bytes: samples.at(-1)!.used_bytes, total_bytes: 1000 * GIB, available_bytes: 20 * GIB }
    const said = forecastOf(growthOf(samples), now)
    expect(said.days).toBe(20)
    expect(isFullSoon(said, { ...now, available_bytes: 5 * GIB })).toBe(true)
  })

  it.each([
    ['stays the same', () => 100 * GIB, 0],
    ['shrinks', (day: number) => 100 * GIB - day * GIB, -GIB],
    ['would take more than a century', (day: number) => 100 * GIB + day * 1024, 1024],
  ])('says of one that %s that it does not grow', (_, usedAt, rate) =>
    expect(forecast(samplesOf(usedAt), 100 * GIB)).toMatchObject({
      verdict: 'not_growing',
      days: null,
      from_days: null,
      to_days: null,
      bytes_per_day: rate,
    }),
  )

  it('has no end of the band where a tenth of the time it did not grow', () => {
    const samples = samplesOf((day) => (day < 11 ? 100 * GIB : 100 * GIB + (day - 11) * GIB))
    const often = samplesOf((day) => 100 * GIB + (day < 6 ? 0 : (day - 6) * GIB))
    expect(forecast(samples, 10 * GIB).to_days).toBeNull()
    expect(forecast(often, 10 * GIB)).toMatchObject({ verdict: 'full', to_days: null })
  })

  it('is zero days for one that is full, or over-full', () => {
    const samples = samplesOf((day) => day * GIB)
    expect(forecast(samples, 0)).toMatchObject({ verdict: 'full', days: 0, from_days: 0, to_days: 0 })
    expect(forecast(samples, -GIB)).toMatchObject({ verdict: 'full', days: 0, from_days: 0, to_days: 0 })
  })
})

describe('a disk needs attention', () => {
  const growing = samplesOf((day) => 1000 * GIB + day * 100 * GIB)
  const needsIt = (samples: readonly Sample[], free: number) =>
    isFullSoon(forecast(samples, free), diskOf(samples, free))

  it.each([
    [13.5, true],
    [14.5, false],
  ])('when it is full in %d days: %s', (days, soon) => expect(needsIt(growing, days * 100 * GIB)).toBe(soon))

  it.each([
    [49, true],
    [51, false],
  ])('when it does not grow, and %d of 1000 GiB are free: %s', (free, soon) =>
    expect(
      needsIt(
        samplesOf(() => (1000 - free) * GIB),
        free * GIB,
      ),
    ).toBe(soon),
  )

  it('when almost all is used, also before a week was measured', () =>
    expect(needsIt(growing.slice(0, 3), GIB)).toBe(true))
})
