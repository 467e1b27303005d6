import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignSlots, type Waiting } from './slots.ts'

const at = (second: number) => new Date(second * 1000)
const waiting = (id: string, host: string, since: number, asked = false): Waiting => ({
  id,
  host,
  since: at(since),
  asked,
})

describe('slots', () => {
  test('the oldest goes first, but what people ask for goes before what the schedule wants', () => {
    const turn = assignSlots([waiting('late', 'a', 3), waiting('early', 'b', 1), waiting('asked', 'c', 9, true)], [], {
      perWorker: 2,
      perHost: 2,
    })
    expect(turn.start).toEqual(['asked', 'early'])
    expect(turn.wait).toEqual([{ id: 'late', position: 1, reason: '2 of 2 slots are in use' }])
  })

  test('one slow upstream does not take every slot', () => {
    const turn = assignSlots([waiting('1', 'slow', 1), waiting('2', 'slow', 2), waiting('3', 'other', 3)], ['slow'], {
      perWorker: 4,
      perHost: 2,
    })
    expect(turn.start).toEqual(['1', '3'])
    expect(turn.wait).toEqual([{ id: '2', position: 1, reason: '2 of 2 syncs from slow are running' }])
  })

  test('whatever waits, limits hold, nobody is forgotten and no slot stays empty for nothing', () => {
    const host = fc.constantFrom('a', 'b', 'c')
    const queue = fc.array(fc.record({ host, since: fc.nat(100), asked: fc.boolean() }), { maxLength: 40 })
    fc.assert(
      fc.property(
        queue,
        fc.array(host, { maxLength: 4 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 4 }),
        (entries, running, perWorker, perHost) => {
          const all = entries.map((entry, i) => waiting(`${i}`, entry.host, entry.since, entry.asked))
          const turn = assignSlots(all, running, { perWorker, perHost })
          expect([...turn.start, ...turn.wait.map((entry) => entry.id)].sort()).toEqual(
            all.map((entry) => entry.id).sort(),
          )
          const busy = (name: string) =>
            running.filter((one) => one === name).length +
            turn.start.filter((id) => all[Number(id)]!.host === name).length
          expect(running.length + turn.start.length).toBeLessThanOrEqual(Math.max(perWorker, running.length))
          for (const id of turn.start) expect(busy(all[Number(id)]!.host)).toBeLessThanOrEqual(perHost)
          if (running.length + turn.start.length < perWorker)
            for (const { id } of turn.wait) expect(busy(all[Number(id)]!.host)).toBeGreaterThanOrEqual(perHost)
        },
      ),
    )
  })
})
