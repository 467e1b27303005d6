// remaining-time.test.ts — What a running sync still needs, by how long such syncs usually take.
import { expect, it } from 'vitest'
import { estimateRemaining, remainingByProgress, remainingTime } from './remaining-time.ts'

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
it('goes by the progress of a sync, as far as its tool says one', () => {
  const at = (percent: number | null) =>
    ({ phase: 'transferring', percent, bytes: 1, files: null, bytes_per_second: null }) as const
  expect(remainingByProgress(at(75), 3 * MINUTE)).toBe(MINUTE)
  expect(remainingByProgress(at(100), 3 * MINUTE)).toBe(0)
  for (const nothing of [at(0), at(null), null]) expect(remainingByProgress(nothing, MINUTE)).toBeNull()
})
it('is told apart by one number: progress first, then what is usual, and nothing past that', () => {
  const progress = { phase: 'transferring', percent: 50, bytes: 1, files: null, bytes_per_second: null } as const
  const usual = typical(8 * MINUTE, 10 * MINUTE)
  expect(estimateRemaining({ progress, typical: usual }, MINUTE)).toBe(MINUTE)
  expect(estimateRemaining({ progress: null, typical: usual }, 4 * MINUTE)).toBe(5 * MINUTE)
  expect(estimateRemaining({ progress: null, typical: usual }, 9 * MINUTE)).toBe(MINUTE / 2)
  expect(estimateRemaining({ progress: null, typical: usual }, 11 * MINUTE)).toBeNull()
  expect(estimateRemaining({ progress: null, typical: typical(null, null) }, 0)).toBeNull()
  expect(estimateRemaining({ progress: null, typical: null }, 0)).toBeNull()
})
