// search.ts — One page of the list of replicas: what a filter lets through, in an order, from a place on. It costs
// little more in a fleet of a million than in one of a thousand: totals come from counters or from one look at numbers,
// and a page is read from an order that is kept. Pure.
import { healthOrder } from '@kagami/protocol'
import { positionOf } from '../health.ts'
import { createFilter, isSet, type Asked, type FilterParts } from './filter.ts'
import type { Key, Orders, Sort } from './orders.ts'

/** What is asked for. */
export interface Search extends Asked {
  /** Rows to look among. */
  readonly among: Uint32Array | null
  readonly sort: Sort
  readonly backwards: boolean
  /** Keys of the last row of the page before. */
  readonly after: readonly Key[] | null
  readonly limit: number
}

/** The rows of a page, one more when there is another page, and how many there are in all. */
export interface FoundPage {
  readonly rows: readonly number[]
  readonly total: number
}

/** A search that goes on from step to step. */
export interface Searching {
  /** Looks for a short while; null: not done yet. */
  step(): FoundPage | null
  /** Whether the next step reads the order, which then has to be made and settled. */
  readonly needsOrder: boolean
}

/** What a search reads. */
export interface SearchParts extends FilterParts {
  readonly orders: Orders
  /** How many matches are sorted when they are found; more are read from the order. */
  readonly few: number | undefined
}

/** Rows that are looked at in one step. */
const STEP = 32_768
/** Rows that are walked in one step: these are all over the memory. */
const WALKED = 8192
const FEW = 2048

/** With more combinations of settings their counters are no faster than a look at all. */
const SETTINGS_MAX = 20_000

/** Begins a search. */
export function startSearch(parts: SearchParts, search: Search): Searching {
  const { rows, orders, few = FEW } = parts
  const { among } = search
  const filter = createFilter(parts, search)
  const counted = among ? null : countOf(parts, search)
  // Where the total is known and large, nothing has to be looked at.
  const state = { isWalk: counted !== null && (counted > few || filter.isEmpty), at: 0, total: counted ?? 0 }
  let seen = 0
  const best = createBest(parts, search)
  const walked: { rows: number[]; from: readonly Key[] | null } = { rows: [], from: search.after }
  const found = (row: number) => {
    seen++
    if (among || seen <= few) best.offer(row)
  }

  function look(): FoundPage | null {
    const end = among?.length ?? rows.ids.end
    const until = Math.min(end, state.at + STEP)
    filter.look(among, { from: state.at, until }, found)
    state.at = until
    const isAll = state.at === end || seen === counted
    if (!isAll) return null
    state.total = seen
    if (among || seen <= few) return { rows: best.rows, total: seen }
    state.isWalk = true
    return null
  }
  function walk(): FoundPage | null {
    const matches = filter.test()
    let steps = 0
    for (const row of orders.walk(search.sort, walked.from, search.backwards)) {
      if (matches(row)) walked.rows.push(row)
      if (walked.rows.length > search.limit) return { rows: walked.rows, total: state.total }
      if (++steps < WALKED) continue
      walked.from = orders.keysOf(search.sort, row)
      return null
    }
    return { rows: walked.rows, total: state.total }
  }
  return {
    step: () => (state.isWalk ? walk() : look()),
    get needsOrder() {
      return state.isWalk
    },
  }
}

/** How many match, where counters say it: those of one filter alone; null where only a look at all says it. */
function countOf({ rows }: SearchParts, { healths, causes, kinds, label, name, part }: Search): number | null {
  const filters = [healths, causes, kinds ?? label, name, part].filter((one) => one !== null).length
  if (filters === 0) return rows.ids.size
  if (filters > 1) return null
  const sum = (counts: Uint32Array, isIt: (number: number) => boolean) =>
    counts.reduce((total, count, number) => (isIt(number) ? total + count : total), 0)
  if (healths) return sum(rows.counts.verdict, (number) => healths.has(healthOrder[positionOf(number)]!))
  if (causes) return sum(rows.counts.cause, (number) => number > 0 && causes.has(rows.words.wordOf(number - 1)))
  if (!kinds && !label) return null
  const { settings } = rows
  return settings.end > SETTINGS_MAX ? null : settings.count((setting) => isSet(setting, kinds, label))
}

/** The first rows after the place, of those that are offered. */
function createBest({ orders }: SearchParts, { sort, backwards, after, limit }: Search) {
  const rows: number[] = []
  const compare = (a: number, b: number) => (backwards ? orders.compare(sort, b, a) : orders.compare(sort, a, b))
  const isBehind = (row: number) => {
    if (!after) return true
    const place = orders.compareTo(sort, row, after)
    return backwards ? place < 0 : place > 0
  }
  return {
    rows,
    offer(row: number): void {
      if (!isBehind(row) || (rows.length > limit && compare(row, rows[limit]!) >= 0)) return
      let [from, to] = [0, rows.length]
      while (from < to) {
        const middle = (from + to) >> 1
        if (compare(row, rows[middle]!) < 0) to = middle
        else from = middle + 1
      }
      rows.splice(from, 0, row)
      if (rows.length > limit + 1) rows.pop()
    },
  }
}
