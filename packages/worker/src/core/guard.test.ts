import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { objectionTo } from './guard.ts'

const limits = { max_delete_percent: 25, max_shrink_percent: 50 }
const plan = (removed: number, total: number, sizes: [number | null, number | null] = [null, null]) => ({
  removed,
  total,
  sizeBeforeBytes: sizes[0],
  sizeAfterBytes: sizes[1],
})
const ask = (what: ReturnType<typeof plan>, approved: number | null = null, change: Partial<typeof limits> = {}) =>
  objectionTo(what, { ...limits, ...change }, { approved, noun: 'files' })

describe('the deletion guard', () => {
  test.each([
    [0, 0],
    [0, 10],
    [1, 3],
    [25, 100],
    [1, 2],
  ])('lets %i of %i go', (removed, total) => expect(ask(plan(removed, total))).toBeNull())

  test.each([
    [26, 100],
    [2, 3],
    [1, 1],
    [100, 100],
    [3, 11],
  ])('holds %i of %i', (removed, total) =>
    expect(ask(plan(removed, total))).toMatchObject({ reason: 'too_many_deletions' }),
  )

  test('compares what the upstream decides about, whatever stays beside it', () => {
    const large = { ...plan(0, 10, [1_010_000, 1_001_000]), stayingBytes: 1_000_000 }
    expect(objectionTo(large, limits, { approved: null, noun: 'files' })?.message).toBe(
      'the copy would shrink from 10000 to 1000 bytes, besides 1000000 bytes that stay, by more than 50 %',
    )
    const empty = { ...plan(10, 10, [1_010_000, 1_000_000]), stayingBytes: 1_000_000 }
    const all = { max_delete_percent: 100, max_shrink_percent: 100 }
    expect(objectionTo(empty, all, { approved: null, noun: 'files' })?.reason).toBe('upstream_empty')
  })

  test('lets refs go whose commits stay, however many, and holds a loss of commits', () => {
    const of = (removed: number, total: number, history: { lost: number; of: number; refs: number }) =>
      objectionTo({ ...plan(removed, total), history }, limits, { approved: null, noun: 'refs' })
    expect(of(1, 1, { lost: 0, of: 0, refs: 0 })).toBeNull()
    expect(of(90, 100, { lost: 0, of: 0, refs: 0 })).toBeNull()
    expect(of(90, 100, { lost: 5, of: 100, refs: 5 })).toBeNull()
    expect(of(1, 4, { lost: 19, of: 20, refs: 1 })).toBeNull()
    expect(of(1, 1, { lost: 1, of: 1, refs: 1 })).not.toBeNull()
    expect(of(1, 100, { lost: 20, of: 50, refs: 1 })).not.toBeNull()
    expect(of(4, 5, { lost: 7, of: 90, refs: 3 })).toEqual({
      reason: 'too_many_deletions',
      message: '4 of 5 refs would be deleted, and with them 7 of 90 commits that no other ref has, more than 25 %',
    })
  })

  test('calls an empty upstream by its name, whatever the limit is', () => {
    expect(ask(plan(5, 5, [100, 0]), null, { max_delete_percent: 100, max_shrink_percent: 100 })).toMatchObject({
      reason: 'upstream_empty',
    })
  })

  test('asks for a folder that stays too, not only for the whole tree', () => {
    const of = (before: number, after: number) => ({
      ...plan(before - after, 100_000),
      shrinking: [{ path: 'pool', before, after }],
    })
    for (const [before, after] of [
      [3, 0],
      [20, 0],
      [40, 19],
      [1000, 400],
    ] as const)
      expect(ask(of(before, after)), `${before} to ${after}`).toMatchObject({
        reason: 'too_many_deletions',
        message: `the folder "pool" would have ${after} of its ${before} entries, though it is still there upstream`,
      })
    for (const [before, after] of [
      [2, 0],
      [12, 4],
      [40, 21],
      [1000, 500],
    ] as const)
      expect(ask(of(before, after)), `${before} to ${after}`).toBeNull()
    expect(ask(of(40, 0), 40)).toBeNull()
    expect(ask(of(40, 0), null, { max_delete_percent: 100 })).toBeNull()
  })

  test('holds a copy that would lose more than half of its bytes, though no file goes', () => {
    expect(ask(plan(0, 5, [100_000, 49_900]))).toMatchObject({
      reason: 'too_many_deletions',
      message: expect.stringContaining('shrink from 100000 to 49900'),
    })
    expect(ask(plan(0, 5, [100_000, 50_000]))).toBeNull()
    expect(ask(plan(0, 5, [100_000, 0]), null, { max_shrink_percent: 100 })).toBeNull()
    expect(ask(plan(0, 1, [4000, 10]))).toBeNull()
  })

  test('an approval covers what was looked at, and not one more', () => {
    expect(ask(plan(40, 51, [9, 0]), 40)).toBeNull()
    expect(ask(plan(41, 51), 40)).not.toBeNull()
  })

  test('never lets more go than its limit without an approval', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.integer({ min: 0, max: 99 }), (a, b, percent) => {
        const [removed, total] = [Math.min(a, b), Math.max(a, b)]
        const goes = ask(plan(removed, total, [null, 1]), null, { max_delete_percent: percent }) === null
        expect(goes).toBe(removed * 100 <= total * percent || (removed === 1 && total > 1))
      }),
    )
  })
})
