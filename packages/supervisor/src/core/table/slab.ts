// slab.ts — Many short records of bytes in a few large buffers: what a million objects would say in headers and
// pointers is not there, and the garbage collector has nothing to visit. Pure.

/** Bytes of one buffer of records. */
const PAGE_BYTES = 256 * 1024
/** Records begin at multiples of this, so that an address has 32 bits. */
const UNIT = 8
const UNITS = PAGE_BYTES / UNIT
/** Bytes before each record: its length. */
const HEAD = 2
/** Longer records have a buffer of their own. */
const SHARED_MAX = 32 * 1024
/** The address of no record. */
const NONE = 0xffff_ffff

/** Where a record is. The same object each time: read it before the next call. */
export interface Piece {
  buffer: Buffer
  from: number
  to: number
}

/** Records of bytes, by their addresses. */
export interface Slab {
  /** Copies the first `length` bytes of `source`; returns the address of the copy. */
  put(source: Buffer, length: number): number
  /** Gives the room of a record back. */
  free(address: number): void
  /** Where a record is. */
  at(address: number): Piece
  /** Bytes of all buffers. */
  readonly bytes: number
}

/** The sizes of rooms: each is at most a fifth more than what is put into it, beyond the first few. */
const SIZES: readonly number[] = (() => {
  const sizes: number[] = []
  for (let size = 16; size < SHARED_MAX; size = Math.max(size + UNIT, Math.floor((size * 1.15) / UNIT) * UNIT))
    sizes.push(size)
  return [...sizes, SHARED_MAX]
})()

interface Page {
  buffer: Buffer | null
  /** Index into SIZES; -1: the page is one record. */
  readonly size: number
}

/** A slab without records. */
export function createSlab(): Slab {
  const pages: Page[] = []
  const emptyPages: number[] = []
  const piece: Piece = { buffer: Buffer.alloc(0), from: 0, to: 0 }
  let bytes = 0
  function addPage(length: number, size: number): number {
    const index = emptyPages.pop() ?? pages.length
    pages[index] = { buffer: Buffer.alloc(length), size }
    bytes += length
    return index
  }
  const rooms = createRooms(pages, addPage)
  return {
    put(source, length) {
      if (length + HEAD > SHARED_MAX) {
        const index = addPage(length, -1)
        source.copy(pages[index]!.buffer!, 0, 0, length)
        return index * UNITS
      }
      const address = rooms.take(sizeFor(length + HEAD))
      const { buffer, at } = placeOf(pages, address)
      buffer[at] = length & 0xff
      buffer[at + 1] = length >> 8
      source.copy(buffer, at + HEAD, 0, length)
      return address
    },
    free(address) {
      const index = Math.floor(address / UNITS)
      const { size, buffer } = pages[index]!
      if (size >= 0) return rooms.giveBack(address, size)
      bytes -= buffer!.length
      pages[index] = { buffer: null, size }
      emptyPages.push(index)
    },
    at(address) {
      const { size, buffer } = pages[Math.floor(address / UNITS)]!
      piece.buffer = buffer!
      if (size < 0) {
        piece.from = 0
        piece.to = buffer!.length
        return piece
      }
      const at = (address % UNITS) * UNIT
      piece.from = at + HEAD
      piece.to = at + HEAD + (buffer![at]! | (buffer![at + 1]! << 8))
      return piece
    },
    get bytes() {
      return bytes
    },
  }
}

/** Rooms of each size in shared pages. One that was given back holds the address of the next such one. */
function createRooms(pages: readonly Page[], addPage: (length: number, size: number) => number) {
  const freed = SIZES.map(() => NONE)
  /** The room behind the last one in the newest page of each size, and what is left of that page. */
  const fresh = SIZES.map(() => ({ address: NONE, left: 0 }))
  return {
    take(size: number): number {
      const reused = freed[size]!
      if (reused !== NONE) {
        const { buffer, at } = placeOf(pages, reused)
        freed[size] = buffer.readUInt32LE(at)
        return reused
      }
      const next = fresh[size]!
      const room = SIZES[size]!
      if (next.left < room) {
        next.address = addPage(PAGE_BYTES, size) * UNITS
        next.left = PAGE_BYTES
      }
      const address = next.address
      next.address += room / UNIT
      next.left -= room
      return address
    },
    giveBack(address: number, size: number): void {
      const { buffer, at } = placeOf(pages, address)
      buffer.writeUInt32LE(freed[size]!, at)
      freed[size] = address
    },
  }
}

function placeOf(pages: readonly Page[], address: number): { buffer: Buffer; at: number } {
  return { buffer: pages[Math.floor(address / UNITS)]!.buffer!, at: (address % UNITS) * UNIT }
}

/** The smallest size that has room for so many bytes. */
function sizeFor(length: number): number {
  let [from, to] = [0, SIZES.length - 1]
  while (from < to) {
    const middle = (from + to) >> 1
    if (SIZES[middle]! < length) from = middle + 1
    else to = middle
  }
  return from
}
