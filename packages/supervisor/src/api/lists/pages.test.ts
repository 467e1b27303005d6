// pages.test.ts — Pages in any order are those of the sorted list; what comes and goes between two pages moves no other
// item to another page; no walk keeps the loop from everything else; lists in pieces are the same JSON.
import { text } from 'node:stream/consumers'
import type { Page } from '@kagami/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pageOf, type Order } from './pages.ts'
import { inPieces, partsOf, sendInPieces, sortInPieces } from '../../pieces.ts'

interface Item {
  readonly id: string
  readonly rank: number
  readonly name: string
}

const items = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 4, unit: 'binary' }),
    rank: fc.constantFrom(0, 1, 2),
    name: fc.constantFrom('', 'a', 'b', 'B', 'é', '"', '\u{1f427}'),
  }),
  { selector: ({ id }) => id, maxLength: 40 },
)
const orders = fc.record({
  columns: fc
    .shuffledSubarray<(item: Item) => string | number>([({ rank }) => rank, ({ name }) => name])
    .map((columns) => [...columns, ({ id }: Item) => id]),
  descending: fc.boolean(),
})

function sorted(all: readonly Item[], { columns, descending }: Order<Item>): Item[] {
  const compare = (a: Item, b: Item) =>
    columns.map((key) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)).find((one) => one !== 0) ?? 0
  return all.toSorted((a, b) => (descending ? -compare(a, b) : compare(a, b)))
}

/** Every page of a list that `between` changes after each. */
async function readAll(
  list: () => readonly Item[],
  order: Order<Item>,
  { limit, between = () => {} }: { limit: number; between?: (page: number) => void },
): Promise<{ seen: Item[]; totals: number[] }> {
  const [seen, totals] = [[] as Item[], [] as number[]]
  let cursor: string | null = ''
  for (let page = 0; cursor !== null; page++) {
    const found: Page<Item> = await pageOf<Item>(list(), {
      matches: ({ rank }) => rank < 2,
      order,
      query: { cursor, limit },
    })
    seen.push(...found.items)
    totals.push(found.total)
    cursor = found.next_cursor
    between(page)
  }
  return { seen, totals }
}

describe('pages of a list', () => {
  it('are, one after the other, the sorted list', () =>
    fc.assert(
      fc.asyncProperty(items, orders, fc.integer({ min: 1, max: 9 }), async (all, order, limit) => {
        const expected = sorted(all, order).filter(({ rank }) => rank < 2)
        const { seen, totals } = await readAll(() => all, order, { limit })
        expect(seen).toEqual(expected)
        expect(new Set(totals)).toEqual(new Set([expected.length]))
      }),
    ))

  it('show each item that stays once, whatever comes and goes between them', () =>
    fc.assert(
      fc.asyncProperty(items, items, orders, fc.integer({ min: 1, max: 5 }), async (before, after, order, limit) => {
        let list = before
        const { seen } = await readAll(() => list, order, { limit, between: () => void (list = after) })
        const ids = seen.map(({ id }) => id)
        expect(ids).toEqual([...new Set(ids)])
        const stays = before.filter((item) => after.some((other) => JSON.stringify(other) === JSON.stringify(item)))
        expect(ids).toEqual(expect.arrayContaining(stays.filter(({ rank }) => rank < 2).map(({ id }) => id)))
      }),
      { examples: [[[{ id: 'a', rank: 0, name: '' }], [], { columns: [({ id }: Item) => id], descending: false }, 1]] },
    ))

  it.each(['5', 'nonsense', Buffer.from('[1]').toString('base64url'), Buffer.from('[{},1,2]').toString('base64url')])(
    'refuse the cursor %s, which is of no page of the list',
    async (cursor) => {
      const order: Order<Item> = { columns: [({ rank }) => rank, ({ id }) => id] }
      await expect(pageOf([], { matches: () => true, order, query: { cursor } })).rejects.toMatchObject({
        code: 'invalid_request',
        field: 'cursor',
      })
    },
  )

  it('of a million items leave everything else its turn', async () => {
    const many = Array.from({ length: 1_000_000 }, (_, index) => ({ id: `${index}`, rank: index % 2, name: 'x' }))
    const order: Order<Item> = { columns: [({ rank }) => rank, ({ name }) => name, ({ id }) => id], descending: true }
    let turns = 0
    const others = setInterval(() => turns++, 0)
    const page = await pageOf(many, { matches: () => true, order, query: { limit: 50 } })
    clearInterval(others)
    expect([page.total, page.items.length, page.items[0]?.id]).toEqual([1_000_000, 50, '999999'])
    expect(turns).toBeGreaterThan(1)
  })
})

describe('work in pieces', () => {
  it('sorts as sort does, also those that are equal', async () => {
    const all = Array.from({ length: 20_000 }, (_, index) => ({ id: `${index}`, rank: (index * 7919) % 500, name: '' }))
    const byRank = (a: Item, b: Item) => a.rank - b.rank
    expect(await sortInPieces(all, byRank)).toEqual(all.toSorted(byRank))
    expect(await sortInPieces([], byRank)).toEqual([])
  })

  it('writes the JSON that JSON.stringify writes', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.string(), fc.array(fc.jsonValue()))), async (all) => {
        const sent = sendInPieces(all.map(([name, list]) => partsOf({ name, n: 1 }, 'list', list)))
        expect(await text(sent)).toBe(JSON.stringify(all.map(([name, list]) => ({ name, n: 1, list }))))
      }),
    ))

  it('asks for a turn only when a piece has lasted', () => {
    const pieces = inPieces()
    expect(pieces.next()).toBe(null)
    const until = performance.now() + 10
    while (performance.now() < until);
    expect(pieces.next()).toBeInstanceOf(Promise)
  })
})
