// sorting.ts — Sorts a million rows in steps, between which everything else has its turn: each step is what lies
// between two yields. Pure.

/** How many are looked at in one step. */
const STEP = 8192
const DIGITS = 65_536

/** Work in steps. */
export type Steps<T> = Generator<undefined, T, undefined>

/** The numbers below `rows` that are in use, sorted by keys: the last key counts most, and equal ones stay in order. */
export function* sortByKeys(rows: Uint32Array, keys: readonly Uint32Array[]): Steps<Uint32Array> {
  let from: Uint32Array = rows
  let to: Uint32Array = new Uint32Array(rows.length)
  const counts = new Uint32Array(DIGITS)
  for (const key of keys)
    for (const shift of [0, 16]) {
      counts.fill(0)
      for (let at = 0; at < from.length; at++) {
        counts[(key[from[at]!]! >>> shift) & 0xffff]!++
        if (at % STEP === STEP - 1) yield
      }
      // All alike: the order stays.
      if (from.length > 0 && counts[(key[from[0]!]! >>> shift) & 0xffff] === from.length) continue
      let sum = 0
      for (let digit = 0; digit < DIGITS; digit++) {
        const count = counts[digit]!
        counts[digit] = sum
        sum += count
      }
      for (let at = 0; at < from.length; at++) {
        const row = from[at]!
        to[counts[(key[row]! >>> shift) & 0xffff]!++] = row
        if (at % STEP === STEP - 1) yield
      }
      ;[from, to] = [to, from]
    }
  return from
}

const bits = new DataView(new ArrayBuffer(8))

/** A number as two keys that sort as it does, the lower half first; it is not NaN. */
export function keysOfNumber(value: number): [low: number, high: number] {
  // Zero has one key, whatever its sign.
  bits.setFloat64(0, value + 0)
  const [high, low] = [bits.getUint32(0), bits.getUint32(4)]
  // Negative ones have the opposite order, and come before the others.
  return high >>> 31 === 1 ? [~low >>> 0, ~high >>> 0] : [low, (high | 0x8000_0000) >>> 0]
}

/** Sorts a list as `sort` does. */
export function* sortInSteps<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<T[]> {
  const atOnce = STEP / 4
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += atOnce) {
    runs.push(items.slice(at, at + atOnce).sort(compare))
    yield
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let at = 0; at < runs.length; at += 2) merged.push(yield* merge(runs[at]!, runs[at + 1] ?? [], compare))
    runs = merged
  }
  return runs[0] ?? []
}

function* merge<T>(one: readonly T[], other: readonly T[], compare: (a: T, b: T) => number): Steps<T[]> {
  const merged: T[] = []
  let [at, from] = [0, 0]
  while (at < one.length || from < other.length) {
    const isFirst = from >= other.length || (at < one.length && compare(one[at]!, other[from]!) <= 0)
    merged.push(isFirst ? one[at++]! : other[from++]!)
    if (merged.length % STEP === 0) yield
  }
  return merged
}
