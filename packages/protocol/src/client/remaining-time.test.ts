// remaining-time.test.ts — What a running sync still needs, by how long such syncs usually take.
import { expect, it } from 'vitest'
import { remainingTime } from './remaining-time.ts'

const typical = (p50: number | null, p95: number | null) => ({ syncs: 20, p50_ms: p50, p95_ms: p95 })
const MINUTE = 60_000

it('is a range from the median to the 95th percentile, in whole minutes', () => {
  expect(remainingTime(typical(8 * MINUTE, 10 * MINUTE), 4.5 * MINUTE)).toEqual({
    fromMs: 3 * MINUTE,
    toMs: 6 * MINUTE,
  })
  expect(remainingTime(typical(20_000, 41_000), 3000)).toEqual({ fromMs: 15_000, toMs: 40_000 })
  expect(remainingTime(typical(300 * MINUTE, 405 * MINUTE), 0)).toEqual({ fromMs: 300 * MINUTE, toMs: 410 * MINUTE })
})
it('begins at nothing once the median is past', () => {
  expect(remainingTime(typical(8 * MINUTE, 10 * MINUTE), 9 * MINUTE)).toEqual({ fromMs: 0, toMs: MINUTE })
  expect(remainingTime(typical(8 * MINUTE, 10 * MINUTE), 10 * MINUTE)).toEqual({ fromMs: 0, toMs: 5000 })
})
it('is longer than usual past the 95th percentile, and unknown while nothing is usual', () => {
  expect(remainingTime(typical(8 * MINUTE, 10 * MINUTE), 10 * MINUTE + 1)).toBe('longer')
  expect(remainingTime(typical(null, null), 0)).toBeNull()
  expect(remainingTime(null, 0)).toBeNull()
})
