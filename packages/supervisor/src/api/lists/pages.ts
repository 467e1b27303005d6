// pages.ts — Lists in pages: filters, order, cursors. A page is chosen in one walk over what is in memory, in pieces;
// its cursor names the last item, so that what comes and goes meanwhile moves no other item to another page.
import { Refusal, type Page } from '@kagami/protocol'
import { inPieces } from '../../pieces.ts'

/** How many items are looked at before the clock is asked. */
const LOOKED_AT_ONCE = 256

/** The query of a list: where the page starts, and how long it is. */
export interface PageQuery {
  cursor?: string | undefined
  limit?: number | undefined
}

type Key = string | number

/** The order of a list by the first column that differs. The last ones make every item different from all others. */
export interface Order<T> {
  readonly columns: readonly ((item: T) => Key)[]
  readonly descending?: boolean
}

/** What a list shows, and in which order. */
export interface Listing<T> {
  readonly matches: (item: T) => boolean
  readonly order: Order<T>
  readonly query: PageQuery
}

/** One page of the items that match. Throws Refusal invalid_request for a cursor of another list. */
export async function pageOf<T>(items: Iterable<T>, { matches, order, query }: Listing<T>): Promise<Page<T>> {
  const after = query.cursor ? readCursor(query.cursor, (keys) => keysOf(order, keys)) : null
  const limit = query.limit ?? 100
  const kept: T[] = []
  const pieces = inPieces(LOOKED_AT_ONCE)
  let total = 0
  for (const item of items) {
    const turn = pieces.next()
    if (turn) await turn
    if (!matches(item)) continue
    total++
    if (after && compareTo(order, item, after) <= 0) continue
    if (kept.length > limit && compare(order, item, kept[limit]!) >= 0) continue
    kept.splice(placeOf(order, item, kept), 0, item)
    if (kept.length > limit + 1) kept.pop()
  }
  const last = kept.length > limit ? kept[limit - 1] : undefined
  return {
    items: kept.slice(0, limit),
    next_cursor: last === undefined ? null : cursorFrom(order.columns.map((column) => column(last))),
    total,
  }
}

/** The page with other items in it, made in pieces; one whose view is null is left out. */
export async function showPage<T, V>(page: Page<T>, view: (item: T) => V | null): Promise<Page<V>> {
  const pieces = inPieces()
  const items: V[] = []
  for (const item of page.items) {
    const shown = view(item)
    if (shown !== null) items.push(shown)
    const turn = pieces.next()
    if (turn) await turn
  }
  return { ...page, items }
}

/** Where an item belongs among sorted ones. */
function placeOf<T>(order: Order<T>, item: T, sorted: readonly T[]): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (compare(order, item, sorted[middle]!) < 0) to = middle
    else from = middle + 1
  }
  return from
}

function compare<T>({ columns, descending }: Order<T>, a: T, b: T): number {
  for (const column of columns) {
    const order = compareKeys(column(a), column(b))
    if (order !== 0) return descending ? -order : order
  }
  return 0
}

function compareTo<T>({ columns, descending }: Order<T>, item: T, keys: readonly Key[]): number {
  for (const [index, column] of columns.entries()) {
    const order = compareKeys(column(item), keys[index]!)
    if (order !== 0) return descending ? -order : order
  }
  return 0
}

/** The cursor that names an item by its keys. */
export function cursorFrom(keys: readonly Key[]): string {
  return Buffer.from(JSON.stringify(keys)).toString('base64url')
}

/** The keys in a cursor as `read` understands them. Throws Refusal invalid_request where it returns null. */
export function readCursor(cursor: string, read: (keys: readonly unknown[]) => Key[] | null): Key[] {
  const parsed = parse(Buffer.from(cursor, 'base64url').toString())
  const keys = Array.isArray(parsed) ? read(parsed) : null
  if (keys) return keys
  throw new Refusal('invalid_request', 'cursor is not the next_cursor of a page of this list', 'cursor')
}

/** As many keys as an order has columns. */
function keysOf<T>({ columns }: Order<T>, keys: readonly unknown[]): Key[] | null {
  const isKey = (key: unknown): key is Key => typeof key === 'string' || typeof key === 'number'
  return keys.length === columns.length && keys.every(isKey) ? [...keys] : null
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The words of a comma-separated filter; null when there is none. */
export function wordsOf(text: string | undefined): Set<string> | null {
  const words = (text ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
  return words.length > 0 ? new Set(words) : null
}

/** Whether one of the texts contains what was typed, ignoring case; true when nothing was typed. */
export function mentions(typed: string | undefined, ...texts: (string | null)[]): boolean {
  if (!typed) return true
  const needle = typed.toLowerCase()
  return texts.some((text) => text?.toLowerCase().includes(needle))
}

/** Orders texts by their code units, numbers by size. */
export function compareKeys<K extends Key>(a: K, b: K): number {
  return a < b ? -1 : a > b ? 1 : 0
}
