// pieces.ts — Long work over the whole fleet in pieces, between which everything else has its turn: heartbeats and
// other requests wait for none of it longer than for one piece.
import { Readable } from 'node:stream'

/** How long one piece may take, ms. */
const PIECE_MS = 8
/** Text that is sent in one piece, characters. */
const SENT_AT_ONCE = 64 * 1024
/** How many are sorted in one go. */
const SORTED_AT_ONCE = 4096

/** Counts the time of pieces. */
export interface Pieces {
  /** Null while the piece may go on; else what to wait for before the next step. */
  next(): Promise<void> | null
}

/** Lets everything else have its turn, before long work goes on with something that counts its time anew. */
export function takeTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** `every`: how many steps are so cheap together that the clock need not be asked in between. */
export function inPieces(every = 1): Pieces {
  let began = performance.now()
  let steps = 0
  return {
    next() {
      if (++steps % every !== 0 || performance.now() - began < PIECE_MS) return null
      return takeTurn().then(() => {
        began = performance.now()
      })
    },
  }
}

/** Orders a list as `sort` does, equal ones in the order in which they came. */
export async function sortInPieces<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const pieces = inPieces()
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += SORTED_AT_ONCE) {
    runs.push(items.slice(at, at + SORTED_AT_ONCE).sort(compare))
    await pieces.next()
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let at = 0; at < runs.length; at += 2) merged.push(await merge(runs[at]!, runs[at + 1] ?? [], compare))
    runs = merged
  }
  return runs[0] ?? []
}

async function merge<T>(one: readonly T[], other: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const pieces = inPieces(SORTED_AT_ONCE)
  const merged: T[] = []
  let [at, from] = [0, 0]
  while (at < one.length || from < other.length) {
    const isFirst = from >= other.length || (at < one.length && compare(one[at]!, other[from]!) <= 0)
    merged.push(isFirst ? one[at++]! : other[from++]!)
    const turn = pieces.next()
    if (turn) await turn
  }
  return merged
}

/** A JSON list that is written as it is read: `parts` gives the texts of its items, each in one part or several. */
export function sendInPieces(items: Iterable<Iterable<string>>): Readable {
  return sendPartsInPieces(listOf(items))
}

/** A text that is written as it is read. */
export function sendPartsInPieces(parts: Iterable<string>): Readable {
  async function* written() {
    const pieces = inPieces()
    let text = ''
    for (const part of parts) {
      text += part
      const turn = pieces.next()
      if (turn) await turn
      if (text.length < SENT_AT_ONCE) continue
      yield text
      text = ''
    }
    yield text
  }
  return Readable.from(written(), { objectMode: false })
}

function* listOf(items: Iterable<Iterable<string>>): Generator<string> {
  yield '['
  let isFirst = true
  for (const parts of items) {
    if (!isFirst) yield ','
    isFirst = false
    yield* parts
  }
  yield ']'
}

/** The JSON of an object with one more field, a list, item by item. */
export function* partsOf<T>(shape: object, field: string, items: Iterable<T>): Generator<string> {
  yield `${JSON.stringify(shape).slice(0, -1)},${JSON.stringify(field)}:[`
  let isFirst = true
  for (const item of items) {
    yield `${isFirst ? '' : ','}${JSON.stringify(item)}`
    isFirst = false
  }
  yield ']}'
}
