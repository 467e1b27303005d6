// orders.ts — The orders of the list of replicas, each made when it is first asked for and kept from then on: by
// numbers in the columns, and among equal ones by name, worker and id, which no two have in common. Pure.
import { positionOf } from '../health.ts'
import { createOrdered, type Ordered } from './ordered.ts'
import type { Names } from './names.ts'
import { TOUCHED, type Rows } from './rows.ts'
import { keysOfNumber, sortByKeys, sortInSteps, type Steps } from './sorting.ts'

/** What the list of replicas may be sorted by. */
export type Sort = 'worst' | 'name' | 'worker' | 'last_success_at' | 'size_bytes' | 'next_due_at'
/** What a cursor says of each column. */
export type Key = string | number

/** A column of an order. */
export interface Column {
  /** Its key in a row; null as the key of a cursor that is none. */
  readonly of: (row: number) => Key
  readonly show: (key: Key) => Key
  readonly read: (key: Key) => Key | null
}

/** All orders. */
export interface Orders {
  /** A row has changed, come or gone, in these orders. */
  touch(row: number, touched: number): void
  /** Whether an order is there, and so whole that it need not be made anew. */
  isMade(sort: Sort): boolean
  /** Whether every row is in its place in it. */
  isSettled(sort: Sort): boolean
  make(sort: Sort): Steps<void>
  settle(sort: Sort): Steps<void>
  /** Rows after a place, or all; backwards: those before it. */
  walk(sort: Sort, after: readonly Key[] | null, backwards: boolean): Generator<number, void, undefined>
  compare(sort: Sort, a: number, b: number): number
  compareTo(sort: Sort, row: number, keys: readonly Key[]): number
  /** The keys of a row. */
  keysOf(sort: Sort, row: number): Key[]
  /** The cursor of a row. */
  cursorOf(sort: Sort, row: number): Key[]
  /** What a cursor says; null when it is not one of this order. */
  readCursor(sort: Sort, cursor: readonly unknown[]): Key[] | null
}

/** What orders read of the table. */
export interface OrderParts {
  readonly rows: Rows
  readonly names: () => Names
  /** The name of a worker; empty when it is gone. */
  readonly workerName: (number: number) => string
  readonly workerCount: () => number
  readonly workerNumberOf: (row: number) => number
}

const asIs = (key: Key) => key
const isNumber = (key: Key) => (typeof key === 'number' ? key : null)
const isText = (key: Key) => (typeof key === 'string' ? key : null)
/** Where more wait than this share of all, the order is made anew. */
const WAITING_MAX = 1 / 8

/** The orders of a table without rows. */
export function createOrders(parts: OrderParts): Orders {
  const columns = columnsOf(parts)
  const made = new Map<Sort, { order: Ordered; ready: boolean }>()
  const compare = (sort: Sort, a: number, b: number) => {
    for (const { of } of columns[sort]) {
      const [one, other] = [of(a), of(b)]
      if (one !== other) return one < other ? -1 : 1
    }
    return 0
  }
  const compareTo = (sort: Sort, row: number, keys: readonly Key[]) => {
    for (const [at, { of }] of columns[sort].entries()) {
      const [one, other] = [of(row), keys[at]!]
      if (one !== other) return one < other ? -1 : 1
    }
    return 0
  }
  return {
    touch(row, touched) {
      for (const [sort, { order }] of made) if (touched & TOUCHED[sort]) order.touch(row)
    },
    isMade(sort) {
      const known = made.get(sort)
      return known?.ready === true && known.order.waiting <= Math.max(1000, parts.rows.ids.size * WAITING_MAX)
    },
    isSettled(sort) {
      const known = made.get(sort)
      return known?.ready === true && known.order.waiting === 0
    },
    *make(sort) {
      const known = made.get(sort) ?? { order: createOrdered((a, b) => compare(sort, a, b)), ready: false }
      known.order.begin()
      known.ready = false
      made.set(sort, known)
      yield* known.order.fill(yield* sortRows(parts, sort, (a, b) => compare(sort, a, b)))
      known.ready = true
    },
    settle: (sort) => made.get(sort)!.order.settle(parts.rows.ids.isKept),
    walk(sort, after, backwards) {
      const probe = after && ((row: number) => compareTo(sort, row, after))
      const behind = probe && ((row: number) => (probe(row) <= 0 ? -1 : 1))
      return made.get(sort)!.order.walk(backwards ? probe : behind, backwards)
    },
    compare,
    compareTo,
    keysOf: (sort, row) => columns[sort].map(({ of }) => of(row)),
    cursorOf: (sort, row) => columns[sort].map(({ of, show }) => show(of(row))),
    readCursor(sort, cursor) {
      if (cursor.length !== columns[sort].length) return null
      const keys = columns[sort].map(({ read }, at) => read(cursor[at] as Key))
      return keys.includes(null) ? null : (keys as Key[])
    },
  }
}

function columnsOf({ rows, names, workerName, workerNumberOf }: OrderParts): Readonly<Record<Sort, readonly Column[]>> {
  const number = (of: (row: number) => number): Column => ({ of, show: asIs, read: isNumber })
  const text = (of: (row: number) => string): Column => ({ of, show: asIs, read: isText })
  const name = text((row) => names().nameOf(rows.of.name[row]!))
  const worker = text((row) => workerName(workerNumberOf(row)))
  const id = text((row) => rows.ids.textOf(row))
  const rank = number((row) => positionOf(rows.of.verdict[row]!))
  const size = number((row) => orElse(rows.of.size[row]!, -1))
  // Those without one come before the others, by a text that sorts before any instant.
  const success = instant((row) => orElse(rows.of.success[row]!, -Infinity), '')
  const due = instant((row) => orElse(rows.of.due[row]!, Infinity), '~')
  const last = [name, worker, id]
  return {
    worst: [rank, success, ...last],
    name: last,
    worker: [worker, ...last],
    last_success_at: [success, ...last],
    size_bytes: [size, ...last],
    next_due_at: [due, ...last],
  }
}

const orElse = (value: number, instead: number) => (Number.isNaN(value) ? instead : value)

/** Unix ms, in a cursor as RFC 3339; `none`: what is there for none. */
function instant(of: (row: number) => number, none: string): Column {
  const ofNone = none === '' ? -Infinity : Infinity
  return {
    of,
    show: (key) => (key === ofNone ? none : new Date(key).toISOString()),
    read(key) {
      if (typeof key !== 'string') return null
      const ms = key === none ? ofNone : Date.parse(key)
      return Number.isNaN(ms) ? null : ms
    },
  }
}

/** All rows in an order. Their keys are read once: a row that changes meanwhile is touched, and put back later. */
function* sortRows(parts: OrderParts, sort: Sort, compare: (a: number, b: number) => number): Steps<Uint32Array> {
  const { rows } = parts
  const all: number[] = []
  for (let row = 0; row < rows.ids.end; row++) {
    if (rows.ids.isKept(row)) all.push(row)
    if (row % 8192 === 0) yield
  }
  const [byName, byWorker] = [yield* nameKeys(parts), yield* workerKeys(parts)]
  const texts = sort === 'worker' ? [byName, byWorker] : [byWorker, byName]
  const sorted = yield* sortByKeys(Uint32Array.from(all), texts)
  yield* sortTwins(sorted, [byName, byWorker], compare)
  for (const column of NUMBERS[sort] ?? []) yield* numberPass(parts, sorted, column)
  return sorted
}

/** The numbers that orders begin with, the last one first. */
const NUMBERS: Readonly<Partial<Record<Sort, readonly ((rows: Rows, row: number) => number)[]>>> = {
  worst: [(rows, row) => orElse(rows.of.success[row]!, -Infinity), (rows, row) => positionOf(rows.of.verdict[row]!)],
  last_success_at: [(rows, row) => orElse(rows.of.success[row]!, -Infinity)],
  size_bytes: [(rows, row) => orElse(rows.of.size[row]!, -1)],
  next_due_at: [(rows, row) => orElse(rows.of.due[row]!, Infinity)],
}

function* numberPass({ rows }: OrderParts, sorted: Uint32Array, of: (rows: Rows, row: number) => number): Steps<void> {
  const [low, high] = [new Uint32Array(rows.ids.end), new Uint32Array(rows.ids.end)]
  for (const [at, row] of sorted.entries()) {
    ;[low[row], high[row]] = keysOfNumber(of(rows, row))
    if (at % 8192 === 0) yield
  }
  sorted.set(yield* sortByKeys(sorted.slice(), [low, high]))
}

/** The places of the names of rows among all names, by row. */
function* nameKeys({ rows, names }: OrderParts): Steps<Uint32Array> {
  const all = Array.from({ length: names().nameCount() }, (_, id) => id)
  const of = all.map((id) => names().nameOf(id))
  const places = yield* placesOf(all, (a, b) => (of[a]! < of[b]! ? -1 : of[a] === of[b] ? 0 : 1))
  return yield* keysBy(rows, (row) => places[rows.of.name[row]!]!)
}

/** The places of the names of workers among all, by row; workers of one name have one place. */
function* workerKeys({ rows, workerName, workerCount, workerNumberOf }: OrderParts): Steps<Uint32Array> {
  const all = Array.from({ length: workerCount() }, (_, number) => number)
  const of = all.map(workerName)
  const compare = (a: number, b: number) => (of[a]! < of[b]! ? -1 : of[a] === of[b] ? 0 : 1)
  const sorted = yield* sortInSteps(all, compare)
  const places = new Uint32Array(all.length)
  let place = 0
  for (const [at, number] of sorted.entries()) {
    if (at > 0 && compare(sorted[at - 1]!, number) !== 0) place++
    places[number] = place
  }
  return yield* keysBy(rows, (row) => places[workerNumberOf(row)] ?? 0)
}

function* placesOf(all: readonly number[], compare: (a: number, b: number) => number): Steps<Uint32Array> {
  const places = new Uint32Array(all.length)
  for (const [place, one] of (yield* sortInSteps(all, compare)).entries()) places[one] = place
  return places
}

function* keysBy({ ids }: Rows, keyOf: (row: number) => number): Steps<Uint32Array> {
  const keys = new Uint32Array(ids.end)
  for (let row = 0; row < keys.length; row++) {
    if (ids.isKept(row)) keys[row] = keyOf(row)
    if (row % 8192 === 0) yield
  }
  return keys
}

/** Sorts those that have both name and worker in common by their ids: a worker may not have made sure. */
function* sortTwins(
  sorted: Uint32Array,
  [one, other]: readonly [Uint32Array, Uint32Array],
  compare: (a: number, b: number) => number,
): Steps<void> {
  const isTwin = (a: number, b: number) => one[a] === one[b] && other[a] === other[b]
  for (let from = 0, at = 1; at <= sorted.length; at++) {
    if (at < sorted.length && isTwin(sorted[from]!, sorted[at]!)) continue
    if (at - from > 1) sorted.set([...sorted.subarray(from, at)].sort(compare), from)
    from = at
    if (at % 8192 === 0) yield
  }
}
