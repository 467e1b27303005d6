// packing.ts — Numbers, instants and texts as few bytes, and back. What is read is exactly what was written. Written by
// hand where a heartbeat of a hundred replicas passes through. Pure.

/** How a text is written: as it is, or hexadecimal digits in half the bytes. */
const ASCII = 0
const UUID = 1
const HEX = 2
const UTF8 = 3
/** Shorter texts are not worth it. */
const HEX_MIN = 8
const DASH = 0x2d
const UUID_DASHES = [8, 13, 18, 23]

/** The values of the digits that hexadecimal text is written with, by their codes; others are -1. */
const DIGITS = new Int8Array(128).fill(-1)
for (const [value, digit] of '0123456789abcdef'.split('').entries()) DIGITS[digit.charCodeAt(0)] = value

/** Writes values one after the other. */
export interface Packer {
  /** What was written since `begin`: the first `length` bytes. Changes with the next write. */
  readonly buffer: Buffer
  readonly length: number
  begin(): void
  /** A whole number from 0 to 2^53 - 1. */
  count(value: number): void
  text(value: string): void
}

/** Reads values in the order in which they were written. */
export interface Unpacker {
  begin(buffer: Buffer, from: number): void
  count(): number
  text(): string
}

/** A packer without anything written. */
export function createPacker(): Packer {
  let buffer = Buffer.alloc(4096)
  let length = 0
  function reserve(bytes: number) {
    if (length + bytes <= buffer.length) return
    const larger = Buffer.alloc(Math.max(buffer.length * 2, length + bytes))
    buffer.copy(larger, 0, 0, length)
    buffer = larger
  }
  function count(value: number) {
    reserve(8)
    let rest = value
    while (rest >= 0x80) {
      buffer[length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    buffer[length++] = rest
  }
  return {
    get buffer() {
      return buffer
    },
    get length() {
      return length
    },
    begin() {
      length = 0
    },
    count,
    text(value) {
      reserve(value.length * 3 + 16)
      const form = formOf(value)
      const began = length
      count(form === UUID ? UUID : value.length * 4 + form)
      const end =
        form === UTF8 ? -1 : form === ASCII ? writeAscii(buffer, length, value) : writeHex(buffer, length, value)
      if (end >= 0) {
        length = end
        return
      }
      length = began
      count(Buffer.byteLength(value) * 4 + UTF8)
      length += buffer.write(value, length, 'utf8')
    },
  }
}

/** An unpacker; `begin` says where it reads. */
export function createUnpacker(): Unpacker {
  let buffer: Buffer = Buffer.alloc(0)
  let at = 0
  function count(): number {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = buffer[at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }
  function take(bytes: number, encoding: 'hex' | 'latin1' | 'utf8'): string {
    at += bytes
    return buffer.toString(encoding, at - bytes, at)
  }
  return {
    begin(from, offset) {
      buffer = from
      at = offset
    },
    count,
    text() {
      const head = count()
      const size = head >>> 2
      switch (head & 3) {
        case UUID: {
          const text = take(16, 'hex')
          const [third, fourth] = [text.slice(12, 16), text.slice(16, 20)]
          return `${text.slice(0, 8)}-${text.slice(8, 12)}-${third}-${fourth}-${text.slice(20)}`
        }
        case HEX:
          return take(size / 2, 'hex')
        case ASCII:
          return take(size, 'latin1')
        default:
          return take(size, 'utf8')
      }
    },
  }
}

/** How a text is written, if it has no character beyond ASCII. */
function formOf(text: string): number {
  const { length } = text
  if (length === 36 && UUID_DASHES.every((at) => text.charCodeAt(at) === DASH) && isHex(text, true)) return UUID
  return length >= HEX_MIN && length % 2 === 0 && isHex(text, false) ? HEX : ASCII
}

function isHex(text: string, dashes: boolean): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 128 && DIGITS[code]! >= 0) continue
    if (!dashes || code !== DASH || !UUID_DASHES.includes(at)) return false
  }
  return true
}

function writeHex(buffer: Buffer, from: number, text: string): number {
  let to = from
  for (let at = 0; at < text.length; at += 2) {
    if (text.charCodeAt(at) === DASH) at++
    buffer[to++] = (DIGITS[text.charCodeAt(at)]! << 4) | DIGITS[text.charCodeAt(at + 1)]!
  }
  return to
}

/** Returns -1 when a character is beyond ASCII. */
function writeAscii(buffer: Buffer, from: number, text: string): number {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 127) return -1
    buffer[from + at] = code
  }
  return from + text.length
}

/** Says of a packed text whether it may begin so. Of UUIDs it looks at the bytes of four digits; others may. */
export function uuidFilter(prefix: string): (buffer: Buffer, from: number) => boolean {
  if (prefix.length < 4) return () => true
  const start = isHex(prefix.slice(0, 4), false) ? Number.parseInt(prefix.slice(0, 4), 16) : -1
  return (buffer, from) => buffer[from] !== UUID || ((buffer[from + 1]! << 8) | buffer[from + 2]!) === start
}

/** Whether what a packer has written is what is between two places of a buffer. */
export function isSame({ buffer: one, length }: Packer, other: Buffer, from: number, to: number): boolean {
  if (to - from !== length) return false
  for (let at = 0; at < length; at++) if (one[at] !== other[from + at]) return false
  return true
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const [COLON, DOT, T, Z] = [0x3a, 0x2e, 0x54, 0x5a]

/** The instants that were read last, by their last digit: those of one state are read more than once. */
const lately = { texts: Array.from({ length: 16 }, () => ''), ms: new Float64Array(16) }

/** Unix ms of an instant since 1970 in the form that `Date.toISOString` gives; null when it has another form. */
export function instantMs(text: string): number | null {
  if (text.length !== 24) return null
  const slot = text.charCodeAt(22) & 15
  if (lately.texts[slot] === text) return lately.ms[slot]!
  const ms = readInstant(text)
  if (ms === null) return null
  lately.texts[slot] = text
  return (lately.ms[slot] = ms)
}

function readInstant(text: string): number | null {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return null
  if (text.charCodeAt(10) !== T || text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return null
  if (text.charCodeAt(19) !== DOT || text.charCodeAt(23) !== Z) return null
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return null
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  const second = digits(text, 17, 2)
  const ms = digits(text, 20, 3)
  if (!(hour < 24 && minute < 60 && second < 60 && ms >= 0)) return null
  return (((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms
}

/** The number that some digits are; NaN when one is none. */
function digits(text: string, from: number, count: number): number {
  let value = 0
  for (let at = from; at < from + count; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

function daysIn(year: number, month: number): number {
  return month === 2 && isLeap(year) ? 29 : MONTH_DAYS[month - 1]!
}

function daysSince1970(year: number, month: number, day: number): number {
  const before = year - 1
  const leaps = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 477
  let days = (year - 1970) * 365 + leaps + day - 1
  for (let one = 1; one < month; one++) days += daysIn(year, one)
  return days
}
