// api.test.ts — Lists are read page by page, as far as somebody wants them.
import { describe, expect, it } from 'vitest'
import { allPages, collect, limitOf } from './api.ts'

/** A list of the numbers below `total`, in pages of `size`; the cursor is where a page begins. */
function pagesOf(total: number, asked: (number | undefined)[] = []) {
  return async (cursor: string | undefined, size = 3) => {
    asked.push(size)
    const from = Number(cursor ?? 0)
    const items = Array.from({ length: Math.min(size, total - from) }, (_, index) => from + index)
    const next = from + items.length
    return { items, next_cursor: next < total ? String(next) : null, total }
  }
}

describe('a list', () => {
  it('is read to its end when there is no limit', async () => {
    expect(await collect(null, pagesOf(1200))).toMatchObject({ total: 1200, items: { length: 1200 } })
    expect(await collect(null, pagesOf(0))).toEqual({ total: 0, items: [] })
  })
  it('is read no further than the limit, and no page is larger', async () => {
    const asked: (number | undefined)[] = []
    const { items, total } = await collect(2, pagesOf(10, asked))
    expect([items, total, asked]).toEqual([[0, 1], 10, [2]])
  })
  it('asks the server for at most 500 at once', async () => {
    const asked: (number | undefined)[] = []
    expect((await collect(700, pagesOf(2000, asked))).items).toHaveLength(700)
    expect(asked).toEqual([500, 500])
  })
  it('comes page by page, in order', async () => {
    const all: number[] = []
    for await (const item of allPages(pagesOf(7))) all.push(item)
    expect(all).toEqual([0, 1, 2, 3, 4, 5, 6])
  })
})

describe('the limit of a list', () => {
  it('is what was asked for, at least one, and 100 for what is no number', () =>
    expect([limitOf('25'), limitOf('-3'), limitOf('many')]).toEqual([25, 1, 100]))
  it('is none for programs', () => {
    const { isTTY } = process.stdout
    try {
      process.stdout.isTTY = false
      expect(limitOf(undefined)).toBeNull()
      process.stdout.isTTY = true
      expect(limitOf(undefined)).toBe(100)
    } finally {
      process.stdout.isTTY = isTTY
    }
  })
})
