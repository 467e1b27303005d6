// backoff.test.ts — A supervisor that comes back is not met by all browsers at once.
import { expect, it } from 'vitest'
import { backOff } from './backoff.ts'

it('waits longer each time, from one second up to thirty', () => {
  expect([0, 1, 2, 3, 4, 5, 50].map((tries) => backOff(tries, 0.5))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
  ])
})
it('spreads the tries', () => expect([backOff(0, 0), backOff(0, 0.999)]).toEqual([750, 1250]))
