// search.ts — One page of the list of replicas: what a filter lets through, in an order, from a place on. It costs
// little more in a fleet of a million than in one of a thousand: totals come from counters or from one look at numbers,
// and a page is read from an order that is kept. Pure.
import { healthOrder } from '@kagami/protocol'
import { positionOf, VERDICTS } from '../health.ts'
import type { Key, Orders, Sort } from './orders.ts'
import type { Names } from './names.ts'
import type { Rows } from './rows.ts'

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

type Test = (row: number) => boolean

/** Begins a search. */
export function startSearch(parts: SearchParts, search: Search): Searching {
  const { rows, orders, few = FEW } = parts
  const tests = testsOf(parts, search)
  const matches: Test = (row) => tests.every((test) => test(row))
  const isListed = search.among !== null
  const state = { phase: tests.length === 0 && !isListed ? 'walk' : 'look', at: 0, total: 0 }
  if (state.phase === 'walk') state.total = rows.ids.size
  const best = createBest(parts, search)
  const walked: { rows: number[]; from: readonly Key[] | null } = { rows: [], from: search.after }

  function look(): FoundPage | null {
    const end = search.among?.length ?? rows.ids.end
    const until = Math.min(end, state.at + STEP)
    for (; state.at < until; state.at++) {
      const row = search.among ? search.among[state.at]! : state.at
      if (!rows.ids.isKept(row) || !matches(row)) continue
      state.total++
      if (isListed || state.total <= few) best.offer(row)
    }
    if (state.at < end) return null
    if (isListed || state.total <= few) return { rows: best.rows, total: state.total }
    state.phase = 'walk'
    return null
  }
  function walk(): FoundPage | null {
    let seen = 0
    for (const row of orders.walk(search.sort, walked.from, search.backwards)) {
      if (matches(row)) walked.rows.push(row)
      if (walked.rows.length > search.limit) return { rows: walked.rows, total: state.total }
      if (++seen < WALKED) continue
      walked.from = orders.keysOf(search.sort, row)
      return null
    }
    return { rows: walked.rows, total: state.total }
  }
  return {
    step: () => (state.phase === 'look' ? look() : walk()),
    get needsOrder() {
      return state.phase === 'walk'
    },
  }
}

/** The first rows after the place, of those that are offered. */
function createBest({ orders }: Pick<SearchParts, 'orders'>, { sort, backwards, after, limit }: Search) {
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

/** One test for each part of the filter, the cheapest first. */
function testsOf({ rows, names, workerName, workerNumberOf }: Omit<SearchParts, 'orders'>, search: Search): Test[] {
  const { healths, kinds, causes, label, part, name } = search
  const tests: Test[] = []
  if (healths) {
    const wanted = Uint8Array.from({ length: VERDICTS }, (_, number) =>
      Number(healths.has(healthOrder[positionOf(number)]!)),
    )
    tests.push((row) => wanted[rows.of.verdict[row]!] === 1)
  }
  if (causes) {
    const wanted = new Set([...causes].map((cause) => rows.words.numberOf(cause) + 1))
    tests.push((row) => wanted.has(rows.of.cause[row]!))
  }
  if (name !== null) {
    const id = names.findName(name) ?? -1
    tests.push((row) => rows.of.name[row] === id)
  }
  if (kinds || label) {
    const isWanted = remembered((id) => {
      const { kind, labels } = rows.settings.settingOf(id)
      return (!kinds || kinds.has(kind)) && (!label || hasLabel(labels, label))
    })
    tests.push((row) => isWanted(rows.of.setting[row]!))
  }
  if (part !== null) {
    const mentions = (text: string) => text.toLowerCase().includes(part)
    const byName = remembered((id) => mentions(names.nameOf(id)))
    const byUpstream = remembered((id) => mentions(rows.upstreams.textOf(id)))
    const byWorker = remembered((number) => mentions(workerName(number)))
    tests.push(
      (row) => byName(rows.of.name[row]!) || byWorker(workerNumberOf(row)) || byUpstream(rows.of.upstream[row]!),
    )
  }
  return tests
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
