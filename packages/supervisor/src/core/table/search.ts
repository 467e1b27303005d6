// search.ts — One page of the list of replicas: what a filter lets through, in an order, from a place on. It costs
// little more in a fleet of a million than in one of a thousand: totals come from counters or from one look at numbers,
// and a page is read from an order that is kept. Pure.
import { healthOrder } from '@kagami/protocol'
import { positionOf, VERDICTS } from '../health.ts'
import type { Key, Orders, Sort } from './orders.ts'
import type { Names } from './names.ts'
import type { Rows } from './rows.ts'
import type { Setting } from './settings.ts'

/** What is asked for. */
export interface Search {
  /** Null: any, as everywhere here. */
  readonly healths: ReadonlySet<string> | null
  readonly kinds: ReadonlySet<string> | null
  /** Reasons of the last sync. */
  readonly causes: ReadonlySet<string> | null
  /** A label; its value null: any. */
  readonly label: { readonly key: string; readonly value: string | null } | null
  /** Part of name, upstream or name of the worker, in small letters. */
  readonly part: string | null
  readonly name: string | null
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
export interface SearchParts {
  readonly rows: Rows
  readonly names: Names
  readonly orders: Orders
  readonly workerName: (number: number) => string
  readonly workerNumberOf: (row: number) => number
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

type Test = (row: number) => boolean
/** Makes a test of the columns of this moment, which is used up before they grow. */
type Filter = () => Test

/** Begins a search. */
export function startSearch(parts: SearchParts, search: Search): Searching {
  const { rows, orders, few = FEW } = parts
  const filters = filtersOf(parts, search)
  const { among } = search
  const counted = among ? null : countOf(parts, search, filters.length)
  // Where the total is known and large, nothing has to be looked at.
  const state = { isWalk: counted !== null && (counted > few || filters.length === 0), at: 0, total: counted ?? 0 }
  let seen = 0
  const best = createBest(parts, search)
  const walked: { rows: number[]; from: readonly Key[] | null } = { rows: [], from: search.after }

  function look(): FoundPage | null {
    const end = among?.length ?? rows.ids.end
    const until = Math.min(end, state.at + STEP)
    const matches = matchOf(filters)
    const kept = rows.ids.kept()
    for (; state.at < until; state.at++) {
      const row = among ? among[state.at]! : state.at
      if (kept[row] === 0 || !matches(row)) continue
      seen++
      if (among || seen <= few) best.offer(row)
    }
    const isAll = state.at === end || seen === counted
    if (!isAll) return null
    state.total = seen
    if (among || seen <= few) return { rows: best.rows, total: seen }
    state.isWalk = true
    return null
  }
  function walk(): FoundPage | null {
    const matches = matchOf(filters)
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

/** Whether a row matches every filter, by the columns of this moment. */
function matchOf(filters: readonly Filter[]): Test {
  const [first, second, ...more] = filters.map((filter) => filter())
  if (!first) return () => true
  if (!second) return first
  return (row) => first(row) && second(row) && more.every((test) => test(row))
}

/** How many match, where counters say it: those of one filter alone; null where only a look at all says it. */
function countOf({ rows }: SearchParts, { healths, causes, kinds, label }: Search, filters: number): number | null {
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

/** One for each part of the search. */
function filtersOf(parts: SearchParts, search: Search): Filter[] {
  const { rows, names } = parts
  const { healths, kinds, causes, label, name } = search
  const filters: Filter[] = []
  if (healths) {
    const wanted = Uint8Array.from({ length: VERDICTS }, (_, number) =>
      Number(healths.has(healthOrder[positionOf(number)]!)),
    )
    filters.push(() => {
      const { verdict } = rows.of
      return (row) => wanted[verdict[row]!] === 1
    })
  }
  if (causes) {
    const wanted = Uint8Array.from({ length: 256 }, (_, number) =>
      Number(number > 0 && causes.has(rows.words.wordOf(number - 1))),
    )
    filters.push(() => {
      const { cause } = rows.of
      return (row) => wanted[cause[row]!] === 1
    })
  }
  if (name !== null)
    filters.push(() => {
      const [id, { name: column }] = [names.findName(name) ?? -1, rows.of]
      return (row) => column[row] === id
    })
  if (kinds || label) {
    const isWanted = remembered((id) => isSet(rows.settings.settingOf(id), kinds, label))
    filters.push(() => {
      const { setting } = rows.of
      return (row) => isWanted(setting[row]!)
    })
  }
  return search.part === null ? filters : [...filters, partFilter(parts, search.part)]
}

function partFilter({ rows, names, workerName, workerNumberOf }: SearchParts, part: string): Filter {
  const mentions = (text: string) => text.toLowerCase().includes(part)
  const byName = remembered((id) => mentions(names.nameOf(id)))
  const byUpstream = remembered((id) => mentions(rows.upstreams.textOf(id)))
  const byWorker = remembered((number) => mentions(workerName(number)))
  return () => {
    const { name, upstream } = rows.of
    return (row) => byName(name[row]!) || byUpstream(upstream[row]!) || byWorker(workerNumberOf(row))
  }
}

function isSet({ kind, labels }: Setting, kinds: Search['kinds'], label: Search['label']): boolean {
  return (!kinds || kinds.has(kind)) && (!label || hasLabel(labels, label))
}

function hasLabel(labels: Readonly<Record<string, string>>, { key, value }: NonNullable<Search['label']>): boolean {
  return value === null ? key in labels : labels[key] === value
}

/** The answer for each number, found out once. */
function remembered(isIt: (number: number) => boolean): (number: number) => boolean {
  let known = new Uint8Array(1024)
  return (number) => {
    if (number >= known.length) {
      const larger = new Uint8Array(number * 2)
      larger.set(known)
      known = larger
    }
    if (known[number] === 0) known[number] = isIt(number) ? 1 : 2
    return known[number] === 1
  }
}
