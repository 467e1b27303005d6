// matches.ts — The rows that filters let through, remembered while rows change: whoever reads a list asks for the same
// again and again. A row that has changed is looked at again when somebody asks for it. Pure.
import type { Choice } from '@kagami/protocol'
import { createFilter, type Asked, type FilterParts } from './filter.ts'

/** The rows that one filter lets through. What it says holds until the next change. */
export interface Matching {
  /** Looks for a short while; true when every row is looked at. */
  look(): boolean
  readonly count: number
  has(row: number): boolean
  /** Calls `found` for each row. */
  forEach(found: (row: number) => void): void
}

/** What is known of the filters that were asked for last. */
export interface Matches {
  /** A row has changed, come or gone. */
  touch(row: number): void
  of(asked: Asked): Matching
}

/** How many filters are remembered. */
const FILTERS_MAX = 32
/** Rows that are looked at in one step. */
const STEP = 32_768
/** How many changes are remembered: after more of them all rows are looked at anew, which then is no slower. */
const CHANGES_MAX = 32_768

/** Nothing is known yet. */
export function createMatches(parts: FilterParts, changesMax = CHANGES_MAX): Matches {
  const changes = createChanges(changesMax)
  const known = new Map<string, Matching>()
  return {
    touch: changes.add,
    of(asked) {
      const key = keyOf(asked)
      const matching = known.get(key) ?? createMatching(parts, asked, changes)
      // Those that nobody has asked for the longest are at the beginning.
      known.delete(key)
      known.set(key, matching)
      if (known.size > FILTERS_MAX) known.delete(known.keys().next().value!)
      return matching
    },
  }
}

/** Numbers of workers may be in it: when one comes to stand for another worker, all of its rows have changed. */
function keyOf({ healths, kinds, causes, labels, hosts, names, notOn, lastOk, part }: Asked): string {
  const sorted = (choice: Choice | null) => choice && [choice.wanted.toSorted(), choice.unwanted.toSorted()]
  const choices = [healths, kinds, causes, labels, hosts, names].map(sorted)
  const workers = notOn && [...notOn].sort((a, b) => a - b)
  return JSON.stringify([choices, workers, lastOk && [String(lastOk.sinceMs), lastOk.has], part])
}

/** The rows that have changed last, by how many changes there were before. */
interface Changes {
  add(row: number): void
  readonly count: number
  /** Calls `changed` for the rows since then; false when they are no longer known. */
  since(before: number, changed: (row: number) => void): boolean
}

function createChanges(most: number): Changes {
  const rows = new Uint32Array(most)
  let count = 0
  return {
    add: (row) => void (rows[count++ % most] = row),
    get count() {
      return count
    },
    since(before, changed) {
      if (count - before > most) return false
      for (let at = before; at < count; at++) changed(rows[at % most]!)
      return true
    },
  }
}

function createMatching(parts: FilterParts, asked: Asked, changes: Changes): Matching {
  const { ids } = parts.rows
  let bits = new Uint32Array(0)
  let [count, looked, asOf] = [0, 0, changes.count]
  const has = (row: number) => ((bits[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0
  function put(row: number, isIn: boolean) {
    if (has(row) === isIn) return
    bits[row >>> 5]! ^= 1 << (row & 31)
    count += isIn ? 1 : -1
  }
  function begin() {
    ;[count, looked] = [0, 0]
    bits = new Uint32Array((ids.end >>> 5) + 1)
  }
  function reserve() {
    if (ids.end <= bits.length * 32) return
    const larger = new Uint32Array(Math.ceil((ids.end / 32) * 1.5))
    larger.set(bits)
    bits = larger
  }
  return {
    look() {
      // Made anew in each step: what it finds out about texts may be wrong after a change.
      const filter = createFilter(parts, asked)
      const [matches, { end }] = [filter.test(), ids]
      reserve()
      if (!changes.since(asOf, (row) => row < looked && put(row, ids.isKept(row) && matches(row)))) begin()
      asOf = changes.count
      const until = Math.min(end, looked + STEP)
      filter.look(null, { from: looked, until }, (row) => put(row, true))
      looked = until
      return looked === end
    },
    get count() {
      return count
    },
    has,
    forEach(found) {
      for (let at = 0; at < bits.length; at++)
        for (let word = bits[at]!; word !== 0; word &= word - 1) found(at * 32 + 31 - Math.clz32(word & -word))
    },
  }
}
