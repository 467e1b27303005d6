// ordered.ts — Rows in an order that is kept while they change: in chunks of a few hundred. A row that changes is taken
// out at once, without comparing, and put back when somebody asks; so those inside are always in order. Pure.
import type { Steps } from './sorting.ts'

/** Rows of one chunk. */
const CHUNK = 512
/** How full chunks are when the order is made: some room for those that come. */
const FILLED = 384
/** Rows that are put in, or handed out, in one step. */
const AT_ONCE = 256

/** Less than 0: the first row comes first. */
export type CompareRows = (a: number, b: number) => number
/** Less than 0: the row comes before the place that is looked for. */
export type Probe = (row: number) => number

/** Rows in order. */
export interface Ordered {
  /** Takes a row out that has changed, come or gone. */
  touch(row: number): void
  /** How many have been taken out and not put back. */
  readonly waiting: number
  /** Replaces everything; those that were touched since `begin` are left waiting. */
  fill(rows: Uint32Array): Steps<void>
  /** Forgets everything; what is touched from now on waits. */
  begin(): void
  /** Puts back those that are in use. */
  settle(isUsed: (row: number) => boolean): Steps<void>
  /** Rows from the place that the probe looks for; backwards: those before it. Holds until the next change. */
  walk(probe: Probe | null, backwards: boolean): Generator<number, void, undefined>
}

interface Chunk {
  readonly rows: Uint32Array
  size: number
}

/** No rows, in the order of `compare`. */
export function createOrdered(compare: CompareRows): Ordered {
  const chunks = createChunks(compare)
  let isWaiting = new Uint8Array(0)
  let waiting: number[] = []
  function reserve(row: number) {
    if (row < isWaiting.length) return
    const larger = new Uint8Array(Math.ceil((row + 1) * 1.5))
    larger.set(isWaiting)
    isWaiting = larger
  }
  return {
    touch(row) {
      reserve(row)
      chunks.remove(row)
      if (isWaiting[row]! > 0) return
      isWaiting[row] = 1
      waiting.push(row)
    },
    get waiting() {
      return waiting.length
    },
    begin() {
      chunks.clear()
      waiting = []
      isWaiting.fill(0)
    },
    *fill(rows) {
      for (let at = 0; at < rows.length; at += FILLED) {
        const still = rows.subarray(at, at + FILLED).filter((row) => (isWaiting[row] ?? 0) === 0)
        if (still.length > 0) chunks.append(still)
        yield
      }
    },
    *settle(isUsed) {
      for (let row = waiting.pop(), done = 1; row !== undefined; row = waiting.pop(), done++) {
        isWaiting[row] = 0
        if (isUsed(row)) chunks.insert(row)
        if (done % AT_ONCE === 0) yield
      }
    },
    walk: chunks.walk,
  }
}

/** Rows in chunks, which are in order and have order inside. */
interface Chunks extends Pick<Ordered, 'walk'> {
  clear(): void
  /** Adds a chunk behind all others. */
  append(rows: Uint32Array): void
  insert(row: number): void
  /** Takes a row out, if it is there. */
  remove(row: number): void
}

function createChunks(compare: CompareRows): Chunks {
  let chunks: Chunk[] = []
  let sequence: number[] = []
  let freed: number[] = []
  /** By row: its chunk plus one. */
  let chunkOf = new Uint32Array(0)
  function place(row: number, id: number) {
    if (row >= chunkOf.length) {
      const larger = new Uint32Array(Math.ceil((row + 1) * 1.5))
      larger.set(chunkOf)
      chunkOf = larger
    }
    chunkOf[row] = id + 1
  }
  function addChunk(rows: Uint32Array, at: number): void {
    const id = freed.pop() ?? chunks.length
    const chunk: Chunk = { rows: new Uint32Array(CHUNK), size: rows.length }
    chunk.rows.set(rows)
    chunks[id] = chunk
    for (const row of rows) place(row, id)
    sequence.splice(at, 0, id)
  }
  return {
    clear() {
      ;[chunks, sequence, freed] = [[], [], []]
      chunkOf.fill(0)
    },
    append: (rows) => addChunk(rows, sequence.length),
    insert(row) {
      if (sequence.length === 0) return addChunk(Uint32Array.of(row), 0)
      const isBefore: Probe = (other) => compare(other, row)
      const at = Math.min(firstChunk(chunks, sequence, isBefore), sequence.length - 1)
      const chunk = chunks[sequence[at]!]!
      const inside = firstRow(chunk, isBefore)
      chunk.rows.copyWithin(inside + 1, inside, chunk.size)
      chunk.rows[inside] = row
      chunk.size++
      place(row, sequence[at]!)
      if (chunk.size < CHUNK) return
      addChunk(chunk.rows.slice(CHUNK / 2), at + 1)
      chunk.size = CHUNK / 2
    },
    remove(row) {
      const id = (chunkOf[row] ?? 0) - 1
      if (id < 0) return
      const chunk = chunks[id]!
      const at = chunk.rows.indexOf(row)
      chunk.rows.copyWithin(at, at + 1, chunk.size)
      chunk.size--
      chunkOf[row] = 0
      if (chunk.size > 0) return
      sequence.splice(sequence.indexOf(id), 1)
      freed.push(id)
    },
    walk: (probe, backwards) => walkChunks(chunks, sequence, { probe, backwards }),
  }
}

function* walkChunks(
  chunks: readonly Chunk[],
  sequence: readonly number[],
  { probe, backwards }: { probe: Probe | null; backwards: boolean },
): Generator<number, void, undefined> {
  const step = backwards ? -1 : 1
  let place = probe ? firstChunk(chunks, sequence, probe) : backwards ? sequence.length : 0
  let at = probe && place < sequence.length ? firstRow(chunks[sequence[place]!]!, probe) : 0
  if (backwards) at--
  for (; place >= 0 && place <= sequence.length; place += step) {
    const chunk = chunks[sequence[place] ?? -1]
    if (chunk) for (; at >= 0 && at < chunk.size; at += step) yield chunk.rows[at]!
    at = backwards ? (chunks[sequence[place - 1] ?? -1]?.size ?? 0) - 1 : 0
  }
}

/** The first chunk whose last row is not before the place; as many as there are when there is none. */
function firstChunk(chunks: readonly Chunk[], sequence: readonly number[], probe: Probe): number {
  return firstWhere(sequence.length, (place) => {
    const { rows, size } = chunks[sequence[place]!]!
    return probe(rows[size - 1]!) >= 0
  })
}

function firstRow({ rows, size }: Chunk, probe: Probe): number {
  return firstWhere(size, (at) => probe(rows[at]!) >= 0)
}

/** The first number below `end` that is so; all after it are so too. */
function firstWhere(end: number, isSo: (at: number) => boolean): number {
  let [from, to] = [0, end]
  while (from < to) {
    const middle = (from + to) >> 1
    if (isSo(middle)) to = middle
    else from = middle + 1
  }
  return from
}
