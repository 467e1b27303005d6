// ordered.test.ts — Orders that are kept are the sorted list, whatever comes, goes and changes.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOrdered } from './ordered.ts'
import { keysOfNumber, sortByKeys, sortInSteps, type Steps } from './sorting.ts'

function run<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

describe('sorting in steps', () => {
  it('sorts numbers of any size and sign as they are', () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constant(-0)), { maxLength: 300 }),
        (all) => {
          const keys = all.map((value) => keysOfNumber(value))
          const [low, high] = [Uint32Array.from(keys, ([one]) => one), Uint32Array.from(keys, ([, other]) => other)]
          const sorted = run(
            sortByKeys(
              Uint32Array.from(all, (_, at) => at),
              [low, high],
            ),
          )
          expect(Array.from(sorted, (at) => all[at]! + 0)).toEqual(
            all.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map((n) => n + 0),
          )
        },
      ),
    ))

  it('sorts many as sort does', () => {
    const all = Array.from({ length: 30_000 }, (_, index) => ({ index, rank: (index * 7919) % 500 }))
    const byRank = (a: { rank: number }, b: { rank: number }) => a.rank - b.rank
    expect(run(sortInSteps(all, byRank))).toEqual(all.toSorted(byRank))
  })
})

describe('an order that is kept', () => {
  it('is the sorted list, whatever comes, goes and changes', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(3000)), { maxLength: 3000, size: 'max' }), (steps) => {
        const keys = new Map(Array.from({ length: 2000 }, (_, row) => [row, (row * 7919) % 1000]))
        const compare = (a: number, b: number) => keys.get(a)! - keys.get(b)! || a - b
        const sorted = () => [...keys.keys()].sort(compare)
        const order = createOrdered(compare)
        order.begin()
        run(order.fill(Uint32Array.from(sorted())))
        for (const [kind, row] of steps) {
          order.touch(row)
          if (kind === 0) keys.delete(row)
          else keys.set(row, (row * kind) % 1000)
          if (kind === 3) run(order.settle((one) => keys.has(one)))
        }
        run(order.settle((one) => keys.has(one)))
        expect([...order.walk(null, false)]).toEqual(sorted())
        expect([...order.walk(null, true)]).toEqual(sorted().reverse())
        const place = sorted()[Math.floor(keys.size / 2)]!
        expect([...order.walk((one) => compare(one, place), false)]).toEqual(
          sorted().filter((one) => compare(one, place) >= 0),
        )
        expect([...order.walk((one) => compare(one, place), true)]).toEqual(
          sorted()
            .filter((one) => compare(one, place) < 0)
            .reverse(),
        )
      }),
      { numRuns: 30 },
    ))
})
