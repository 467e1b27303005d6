// actor.test.ts — Events in order, effects carried out, faults survived.
import { describe, expect, test } from 'vitest'
import { createActor } from './actor.ts'
import { createManualClock } from './testing/manual-clock.ts'

describe('an actor', () => {
  type Event = { type: 'add'; n: number } | { type: 'twice'; n: number }
  const anActor = (effects: (n: number) => void | Promise<void>, onFault = () => {}) =>
    createActor<number, Event, { type: 'report'; n: number }>({
      state: 0,
      clock: createManualClock(),
      onFault,
      effects: { report: ({ n }) => effects(n) },
      advance: (state, event) => ({ state: state + event.n, effects: [{ type: 'report', n: state + event.n }] }),
    })

  test('handles one event at a time: an event that an effect sends comes after the present one', () => {
    const reported: number[] = []
    const actor = anActor((n) => {
      reported.push(n)
      if (n === 1) {
        actor.send({ type: 'add', n: 10 })
        reported.push(-1)
      }
    })
    actor.send({ type: 'add', n: 1 })
    expect(reported).toEqual([1, -1, 11])
  })

  test('a handler that throws is a fault, and the actor continues', async () => {
    const faults: unknown[] = []
    const actor = createActor<number, Event, { type: 'report'; n: number }>({
      state: 0,
      clock: createManualClock(),
      onFault: (fault) => faults.push(fault),
      advance: (state, event) => ({ state: state + event.n, effects: [{ type: 'report', n: event.n }] }),
      effects: {
        report: async ({ n }) => {
          if (n === 1) throw new Error('one')
        },
      },
    })
    actor.send({ type: 'add', n: 1 })
    actor.send({ type: 'add', n: 2 })
    await actor.idle()
    expect([actor.state, faults.length]).toEqual([3, 1])
    actor.stop()
    actor.send({ type: 'add', n: 5 })
    expect(actor.state).toBe(3)
  })
})
