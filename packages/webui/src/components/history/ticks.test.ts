// ticks.test.ts — The marks of an axis include every value, are few, and read differently.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bytes, took } from '../../format.ts'
import { byteSteps, durationSteps, ticksOf } from './ticks.ts'

it('marks round sizes and times', () => {
  expect(ticksOf(0, 2.5 * 1024 ** 3, byteSteps).map(bytes)).toEqual(['0 B', '1.00 GiB', '2.00 GiB', '3.00 GiB'])
  expect(ticksOf(611 * 1024 ** 3, 612 * 1024 ** 3, byteSteps).map(bytes)).toEqual(['608 GiB', '616 GiB'])
  expect(ticksOf(0, 8 * 60_000, durationSteps).map(took)).toEqual(['0 ms', '2 m', '4 m', '6 m', '8 m'])
  expect(ticksOf(0, 0, durationSteps).map(took)).toEqual(['0 ms', '1 ms'])
})

it.each([
  ['sizes', byteSteps, bytes, fc.boolean()],
  ['durations', durationSteps, took, fc.constant(true)],
] as const)('has few marks around all %s, each with another text', (_, steps, format, fromZero) => {
  const anyNumber = fc.oneof(fc.nat(2000), fc.nat(2 ** 31), fc.maxSafeNat())
  fc.assert(
    fc.property(anyNumber, anyNumber, fromZero, (a, b, zero) => {
      const [low, high] = [zero ? 0 : Math.min(a, b), Math.max(a, b)]
      const ticks = ticksOf(low, high, steps)
      expect(ticks[0]).toBeLessThanOrEqual(low)
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(high)
      expect(ticks.length).toBeLessThanOrEqual(6)
      expect(new Set(ticks.map((tick) => format(tick))).size).toBe(ticks.length)
    }),
  )
})
