// grouped.test.ts — Writes that come in a burst share transactions, and each caller hears of its own.
import { describe, expect, it } from 'vitest'
import { groupWrites } from './grouped.ts'

describe('writes in a group', () => {
  it('are done in a few transactions, in the order in which they came, and answered after them', async () => {
    const transactions: (readonly number[])[] = []
    let committed = 0
    const write = groupWrites<number>(async (group) => {
      transactions.push(group)
      await Promise.resolve()
      committed += group.length
    })
    await write(0)
    expect(transactions).toEqual([[0]])
    const seen = Array.from({ length: 600 }, (_, n) => write(n + 1).then(() => committed > n))
    expect(await Promise.all(seen)).toEqual(seen.map(() => true))
    expect(transactions.flat()).toEqual(Array.from({ length: 601 }, (_, n) => n))
    expect(transactions.length).toBeLessThanOrEqual(4)
  })

  it('fail alone: what one of them cannot write does not keep the others from the database', async () => {
    const done: number[] = []
    const write = groupWrites<number>(async (group) => {
      if (group.includes(2)) throw new Error('cannot write 2')
      done.push(...group)
    })
    const outcomes = await Promise.allSettled([1, 2, 3].map(write))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(done).toEqual([1, 3])
  })
})
