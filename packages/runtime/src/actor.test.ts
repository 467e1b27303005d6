// actor.test.ts — Events in order, effects carried out, faults survived.
import { describe, expect, test } from 'vitest'
import { createActor } from './actor.ts'
import { createManualClock } from './testing/manual-clock.ts'

describe('an actor', () => {
  type Event = { type: 'add'; n: number } | { type: 'twice'; n: number }
  const anActor = (effects: (n: number) => void | Promise<void>, onFault = () => {}) =>
    createActor<number, Event, { type: 'say'; n: number }>({
      state: 0,
      clock: createManualClock(),
      onFault,
      effects: { say: ({ n }) => effects(n) },
      advance: (state, event) => ({ state: state + event.n, effects: [{ type: 'say', n: state + event.n }] }),
    })

  test('handles one event at a time: what an effect tells comes after what is being handled', () => {
    const said: number[] = []
    const actor = anActor((n) => {
      said.push(n)
      if (n === 1) {
        actor.tell({ type: 'add', n: 10 })
        said.push(-1)
      }
    })
    actor.tell({ type: 'add', n: 1 })
    expect(said).toEqual([1, -1, 11])
  })

  test('a handler that throws is a fault, and the actor goes on', async () => {
    const faults: unknown[] = []
    const actor = createActor<number, Event, { type: 'say'; n: number }>({
      state: 0,
      clock: createManualClock(),
      onFault: (fault) => faults.push(fault),
      advance: (state, event) => ({ state: state + event.n, effects: [{ type: 'say', n: event.n }] }),
      effects: {
        say: async ({ n }) => {
          if (n === 1) throw new Error('one')
        },
      },
    })
    actor.tell({ type: 'add', n: 1 })
    actor.tell({ type: 'add', n: 2 })
    await actor.idle()
    expect([actor.state, faults.length]).toEqual([3, 1])
    actor.stop()
    actor.tell({ type: 'add', n: 5 })
    expect(actor.state).toBe(3)
  })
})
