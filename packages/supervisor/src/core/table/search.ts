// search.ts — One page of the list of replicas: what a filter lets through, in an order, from a place on. It costs
// little more in a fleet of a million than in one of a thousand: totals come from counters, or from what is remembered
// of a filter, and a page is read from an order that is kept. Pure.
import { healthOrder, isChosen } from '@kagami/protocol'
import { positionOf } from '../health.ts'
import { createFilter, isCause, isSet, type Asked, type FilterParts } from './filter.ts'
import type { Matches } from './matches.ts'
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
  readonly matches: Matches
  /** How many matches are sorted when they are found; more are read from the order. */
  readonly few: number | undefined
}

/** Rows that are looked at in one step. */
const STEP = 32_768
/** Rows that are walked in one step: these are all over the memory. */
const WALKED = 8192
const FEW = 2048

/** With more combinations of settings their counters are no faster than a look at all. */
const SETTINGS_MAX = 4096

/** Begins a search. */
export function startSearch(parts: SearchParts, search: Search): Searching {
  if (search.among) return lookAmong(parts, search, search.among)
  const { orders, matches, few = FEW } = parts
  // Where the total is known and large, nothing has to be looked at.
  const counted = countOf(parts, search)
  const isMany = counted !== null && (counted > few || createFilter(parts, search).isEmpty)
  const matching = isMany ? null : matches.of(search)
  let isWalk = isMany
  const walked: { rows: number[]; from: readonly Key[] | null } = { rows: [], from: search.after }

  function walk(total: number, isIn: (row: number) => boolean): FoundPage | null {
    let steps = 0
    for (const row of orders.walk(search.sort, walked.from, search.backwards)) {
      if (isIn(row)) walked.rows.push(row)
      if (walked.rows.length > search.limit) return { rows: walked.rows, total }
      if (++steps < WALKED) continue
      walked.from = orders.keysOf(search.sort, row)
      return null
    }
    return { rows: walked.rows, total }
  }
  return {
    step() {
      if (!matching) return walk(counted!, createFilter(parts, search).test())
      if (!matching.look()) return null
      if (matching.count > few) {
        if (isWalk) return walk(matching.count, matching.has)
        isWalk = true
        return null
      }
      const best = createBest(parts, search)
      matching.forEach(best.offer)
      return { rows: best.rows, total: matching.count }
    },
    get needsOrder() {
      return isWalk
    },
  }
}

/** A search among some rows, without an order. */
function lookAmong(parts: SearchParts, search: Search, among: Uint32Array): Searching {
  const best = createBest(parts, search)
  let [at, total] = [0, 0]
  return {
    step() {
      const until = Math.min(among.length, at + STEP)
      createFilter(parts, search).look(among, { from: at, until }, (row) => {
        total++
        best.offer(row)
      })
      at = until
      return at === among.length ? { rows: best.rows, total } : null
    },
    needsOrder: false,
  }
}

/** How many match, where counters say it: those of one filter alone; null where only a look at all says it. */
function countOf({ rows }: SearchParts, search: Search): number | null {
  const { healths, causes, kinds, labels, hosts, names, notOn, lastOk, part } = search
  const all = [healths, causes, kinds ?? labels, hosts, names, notOn, lastOk, part]
  const filters = all.filter((one) => one !== null).length
  if (filters === 0) return rows.ids.size
  if (filters > 1) return null
  const sum = (counts: Uint32Array, isIt: (number: number) => boolean) =>
    counts.reduce((total, count, number) => (isIt(number) ? total + count : total), 0)
  if (healths) return sum(rows.counts.verdict, (number) => isChosen(healths, healthOrder[positionOf(number)]!))
  if (causes) return sum(rows.counts.cause, (number) => isCause(rows, causes, number))
  if (!kinds && !labels) return null
  const { settings } = rows
  return settings.end > SETTINGS_MAX ? null : settings.count((setting) => isSet(setting, kinds, labels))
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
