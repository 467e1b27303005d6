// texts.ts — Texts, each kept once, with numbers that stand for them: as packed bytes and a hash table without objects.
// Pure.
import { createColumns } from './columns.ts'
import { createPacker, createUnpacker, isSame, uuidFilter, type Packer } from './packing.ts'
import { createSequence } from './sequence.ts'
import { createSlab, type Piece } from './slab.ts'

/** Distinct texts and their numbers. A number is used again after its text was released for the last time. */
export interface Texts {
  /** The number of a text, which is kept once more. */
  keep(text: string): number
  /** Keeps the text of a number once more. */
  keepAgain(id: number): number
  /** The number of a text; -1 when it is not kept. */
  find(text: string): number
  /** Where a text is in its packed form; read it before the next call. */
  packed(id: number): Piece
  textOf(id: number): string
  /** Gives one `keep` back. Returns true when the text is gone. */
  release(id: number): boolean
  /** How many distinct texts there are. */
  readonly size: number
  /** All numbers that are in use are below this. */
  readonly end: number
  isKept(id: number): boolean
  /** How often each is kept, by number, at this moment. */
  kept(): Uint32Array
  /** How often a number has come to stand for another text. */
  reused(): number
}

const COLUMNS = { kept: Uint32Array, hash: Uint32Array, address: Uint32Array }
const SMALLEST = 1024

/**
 * No texts. `recent`: so many are also found by themselves, without being packed; for texts that many have in common,
 * and come again soon.
 */
export function createTexts({ recent = 0 } = {}): Texts {
  const columns = createColumns(COLUMNS)
  const [slab, packer, unpacker] = [createSlab(), createPacker(), createUnpacker()]
  const places = createPlaces((id) => columns.of.hash[id]!)
  const numbers = createNumbers()

  const isPacked = (id: number) => {
    const { buffer, from, to } = slab.at(columns.of.address[id]!)
    return isSame(packer, buffer, from, to)
  }
  const pack = createHashing(packer)
  const add = (hash: number) => {
    const id = numbers.take()
    columns.reserve(id + 1)
    columns.of.kept[id] = 1
    columns.of.hash[id] = hash
    columns.of.address[id] = slab.put(packer.buffer, packer.length)
    places.add(id)
    return id
  }
  const textOf = (id: number) => {
    const { buffer, from } = slab.at(columns.of.address[id]!)
    unpacker.begin(buffer, from)
    return unpacker.text()
  }
  const keepAgain = (id: number) => {
    columns.of.kept[id]!++
    return id
  }
  const lately = createLately(recent)
  return {
    keep(text) {
      const known = lately.get(text)
      if (known !== undefined) return lately.note(text, keepAgain(known))
      const hash = pack(text)
      const found = places.find(hash, isPacked)
      return lately.note(text, found < 0 ? add(hash) : keepAgain(found))
    },
    keepAgain,
    find: (text) => lately.get(text) ?? places.find(pack(text), isPacked),
    packed: (id) => slab.at(columns.of.address[id]!),
    textOf,
    release(id) {
      if (--columns.of.kept[id]! > 0) return false
      lately.forget()
      places.remove(id)
      slab.free(columns.of.address[id]!)
      numbers.giveBack(id)
      return true
    },
    get size() {
      return places.size()
    },
    get end() {
      return numbers.end()
    },
    kept: () => columns.of.kept,
    reused: numbers.reused,
    isKept: (id) => id >= 0 && id < numbers.end() && columns.of.kept[id]! > 0,
  }
}

/** The numbers of the texts that were kept last, at most so many. */
function createLately(most: number) {
  const ids = new Map<string, number>()
  const texts = new Map<number, string>()
  const sequence = createSequence()
  const forget = () => {
    ids.clear()
    texts.clear()
  }
  return {
    get(text: string): number | undefined {
      if (most === 0) return undefined
      const expected = sequence.expected()
      return texts.get(expected) === text ? expected : ids.get(text)
    },
    note(text: string, id: number): number {
      if (most === 0) return id
      if (!texts.has(id)) {
        if (ids.size >= most) forget()
        ids.set(text, id)
        texts.set(id, text)
      }
      return sequence.note(id)
    },
    /** A number may stand for another text from now on. */
    forget,
  }
}

/** Packs a text and returns its hash. A text that is looked for is often kept next. */
function createHashing(packer: Packer): (text: string) => number {
  const last = { text: '', hash: -1 }
  return (text) => {
    if (last.hash >= 0 && last.text === text) return last.hash
    packer.begin()
    packer.text(text)
    last.text = text
    return (last.hash = hashOf(packer.buffer, packer.length))
  }
}

/** Numbers that are given out, and given out again after they came back. */
function createNumbers() {
  const released: number[] = []
  let [end, reused] = [0, 0]
  return {
    take(): number {
      if (released.length > 0) reused++
      return released.pop() ?? end++
    },
    giveBack: (number: number): void => void released.push(number),
    end: (): number => end,
    reused: (): number => reused,
  }
}

/** The numbers of all texts that begin so. */
export function textsWithPrefix(texts: Texts, prefix: string): number[] {
  const mayBegin = uuidFilter(prefix)
  return numbersBelow(texts.end, (id) => {
    if (!texts.isKept(id)) return false
    const { buffer, from } = texts.packed(id)
    return mayBegin(buffer, from) && texts.textOf(id).startsWith(prefix)
  })
}

/** The numbers below this that `isIt` accepts. */
export function numbersBelow(end: number, isIt: (number: number) => boolean): number[] {
  const found: number[] = []
  for (let number = 0; number < end; number++) if (isIt(number)) found.push(number)
  return found
}

/** A hash table of numbers, with linear probing. */
interface Places {
  /** The number with this hash that `isIt` accepts; -1 when there is none. */
  find(hash: number, isIt: (id: number) => boolean): number
  add(id: number): void
  remove(id: number): void
  size(): number
}

function createPlaces(hashOf: (id: number) => number): Places {
  let table = new Int32Array(SMALLEST).fill(-1)
  let size = 0
  function put(id: number) {
    const mask = table.length - 1
    let place = hashOf(id) & mask
    while (table[place]! >= 0) place = (place + 1) & mask
    table[place] = id
  }
  return {
    size: () => size,
    find(hash, isIt) {
      const mask = table.length - 1
      for (let place = hash & mask; ; place = (place + 1) & mask) {
        const id = table[place]!
        if (id < 0 || (hashOf(id) === hash && isIt(id))) return id
      }
    },
    add(id) {
      if (++size * 2 > table.length) {
        const before = table
        table = new Int32Array(before.length * 2).fill(-1)
        for (const known of before) if (known >= 0) put(known)
      }
      put(id)
    },
    remove(id) {
      size--
      const mask = table.length - 1
      let gap = hashOf(id) & mask
      while (table[gap] !== id) gap = (gap + 1) & mask
      // Those behind it that would no longer be found move up.
      for (let place = (gap + 1) & mask; table[place]! >= 0; place = (place + 1) & mask) {
        if (((place - hashOf(table[place]!)) & mask) < ((place - gap) & mask)) continue
        table[gap] = table[place]!
        gap = place
      }
      table[gap] = -1
    },
  }
}

/** FNV-1a with a last mixing, as the low bits choose the place. */
function hashOf(bytes: Buffer, length: number): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < length; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return (hash ^ (hash >>> 16)) >>> 0
}
