// keeper.test.ts — What the disk refuses is said once, waits, and is on the disk once it takes it again.
import fc from 'fast-check'
import { createManualClock } from '@kagami/runtime/testing/manual-clock'
import { describe, expect, it } from 'vitest'
import { createKeeper } from './keeper.ts'

function createStage() {
  const clock = createManualClock()
  const said: string[] = []
  const disk = new Map<string, number>()
  const stage = { refuses: null as string | null }
  const say = (first: unknown, second?: unknown) => void said.push(String(second ?? first))
  const logger = { error: say, info: say } as unknown as Parameters<typeof createKeeper>[0]['logger']
  const keeper = createKeeper({ clock, logger, folder: '/data/.kagami' })
  const write = (key: string, value: number) =>
    keeper.write(key, () => {
      if (stage.refuses)
        throw Object.assign(new Error(stage.refuses), { code: stage.refuses, path: `/data/.kagami/${key}.json.7.tmp` })
      disk.set(key, value)
    })
  return { clock, said, disk, stage, keeper, write }
}

describe('state that the disk refuses', () => {
  it('is said once for each kind of trouble, with path and cure, and once when it is over', () => {
    const { clock, said, disk, stage, keeper, write } = createStage()
    stage.refuses = 'EROFS'
    for (let n = 0; n < 5; n++) write('a', n)
    write('b', 9)
    clock.advance(60_000)
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(/^\/data\/\.kagami\/a\.json cannot be written: .*read-only.*remount,rw/)
    expect([keeper.waiting, keeper.waits('b'), disk.size]).toEqual([2, true, 0])
    stage.refuses = 'ENOSPC'
    clock.advance(60_000)
    expect(said).toHaveLength(2)
    stage.refuses = null
    clock.advance(60_000)
    expect([...disk]).toEqual([
      ['a', 4],
      ['b', 9],
    ])
    expect([said.length, said[2]]).toEqual([3, expect.stringMatching(/can be written again/)])
    expect(keeper.waiting).toBe(0)
  })

  it('has the newest value of each key on the disk in the end, whenever the disk refused', () => {
    const event = fc.oneof(
      fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.nat() }),
      fc.constantFrom('EROFS', 'ENOSPC', 'EIO', 'EDQUOT', 'EACCES'),
      fc.constant(null),
      fc.integer({ min: 1, max: 20_000 }),
    )
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const { clock, disk, stage, keeper, write } = createStage()
        const newest = new Map<string, number>()
        for (const one of events) {
          if (typeof one === 'number') clock.advance(one)
          else if (one === null || typeof one === 'string') stage.refuses = one
          else {
            write(one.key, one.value)
            newest.set(one.key, one.value)
          }
          expect(keeper.waiting).toBeLessThanOrEqual(3)
        }
        stage.refuses = null
        clock.advance(10_000)
        expect(new Map([...disk].sort())).toEqual(new Map([...newest].sort()))
      }),
    )
  })

  it('is no excuse for a fault in Kagami', () => {
    const { keeper } = createStage()
    expect(() =>
      keeper.write('a', () => {
        throw new TypeError('a bug')
      }),
    ).toThrow('a bug')
  })
})
