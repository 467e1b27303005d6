// backoff.test.ts — Browsers do not all reconnect at once to a supervisor that comes back.
import { expect, it } from 'vitest'
import { backOff } from './backoff.ts'

it('waits longer each time, from one second up to thirty', () => {
  expect([0, 1, 2, 3, 4, 5, 50].map((tries) => backOff(tries, 0.5))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
  ])
})
it('spreads the attempts', () => expect([backOff(0, 0), backOff(0, 0.999)]).toEqual([750, 1250]))
