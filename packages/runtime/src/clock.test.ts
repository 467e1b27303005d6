// clock.test.ts — Long timers, and a wall clock that is set.
import { describe, expect, test } from 'vitest'
import { onClockJump, systemClock } from './clock.ts'

describe('the clock', () => {
  test('a wait longer than a timer can hold does not fire at once', async () => {
    let fired = false
    const cancel = systemClock.after(2_147_484_000, () => (fired = true))
    await new Promise((resolve) => setImmediate(resolve))
    cancel()
    expect(fired).toBe(false)
  })

  test('tells when it was set, once and by how much, and leaves small corrections alone', () => {
    let [wall, steady] = [1_000_000, 0]
    const tasks: (() => void)[] = []
    const clock = {
      now: () => new Date(wall),
      monotonicMs: () => steady,
      after: (_: number, task: () => void) => (tasks.push(task), () => {}),
    }
    const jumps: number[] = []
    onClockJump(clock, (byMs) => jumps.push(byMs))
    const second = (setBy: number) => {
      wall += 1000 + setBy
      steady += 1000
      tasks.shift()?.()
    }
    for (const setBy of [0, 500, 0, 31_536_000_000, 0, -63_072_000_000, 0]) second(setBy)
    expect(jumps).toEqual([31_536_000_500, -63_072_000_000])
  })
})
