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
const UUID_LENGTH = 36
const UUID_DASHES = [8, 13, 18, 23]
/** Where each two digits of a UUID begin. */
const UUID_PAIRS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

/** The values of the digits that hexadecimal text is written with, by their codes; others are -1. */
const DIGITS = new Int8Array(0x1_0000).fill(-1)
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
  /** Returns false, with nothing written, when a text does not have this form. */
  function write(head: number, text: string, writeForm: (buffer: Buffer, from: number, text: string) => number) {
    const began = length
    count(head)
    const end = writeForm(buffer, length, text)
    length = end < 0 ? began : end
    return end >= 0
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
      const { length: size } = value
      if (size === UUID_LENGTH && write(UUID, value, writeUuid)) return
      if (size >= HEX_MIN && size % 2 === 0 && write(size * 4 + HEX, value, writeHex)) return
      if (write(size * 4 + ASCII, value, writeAscii)) return
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

/** The value of two digits; less than 0 when one is none. */
function pairAt(text: string, at: number): number {
  const [high, low] = [DIGITS[text.charCodeAt(at)]!, DIGITS[text.charCodeAt(at + 1)]!]
  return (high << 4) | low
}

/** Returns -1 when the text is no UUID in small letters. */
function writeUuid(buffer: Buffer, from: number, text: string): number {
  for (const at of UUID_DASHES) if (text.charCodeAt(at) !== DASH) return -1
  let to = from
  for (const at of UUID_PAIRS) {
    const pair = pairAt(text, at)
    if (pair < 0) return -1
    buffer[to++] = pair
  }
  return to
}

/** Returns -1 when a character is no digit, or a large letter. */
function writeHex(buffer: Buffer, from: number, text: string): number {
  let to = from
  for (let at = 0; at < text.length; at += 2) {
    const pair = pairAt(text, at)
    if (pair < 0) return -1
    buffer[to++] = pair
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
  const [high, low] = [pairAt(prefix, 0), pairAt(prefix, 2)]
  const start = (high << 8) | low
  return (buffer, from) => buffer[from] !== UUID || ((buffer[from + 1]! << 8) | buffer[from + 2]!) === start
}

/** Whether what a packer has written is what is between two places of a buffer. */
export function isSame({ buffer: one, length }: Packer, other: Buffer, from: number, to: number): boolean {
  if (to - from !== length) return false
  for (let at = 0; at < length; at++) if (one[at] !== other[from + at]) return false
  return true
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
/** Days of a year before each month, without a leap day. */
const DAYS_BEFORE = MONTH_DAYS.map((_, month) => MONTH_DAYS.slice(0, month).reduce((sum, days) => sum + days, 0))
const [COLON, DOT, T, Z, ZERO] = [0x3a, 0x2e, 0x54, 0x5a, 0x30]

const SLOTS = 32
/** The instants that were read last, each in a slot: those of one state are read more than once. */
const lately = { texts: Array.from({ length: SLOTS }, () => ''), ms: new Float64Array(SLOTS) }

/** By digits of day, hour, minute and ms: those of one state are often whole minutes, hours or days apart. */
function slotOf(text: string): number {
  const [day, hour, minute] = [text.charCodeAt(9), text.charCodeAt(12), text.charCodeAt(15)]
  return (text.charCodeAt(22) + 3 * minute + 5 * hour + 7 * day) % SLOTS
}

/** Unix ms of an instant since 1970 in the form that `Date.toISOString` gives; null when it has another form. */
export function instantMs(text: string): number | null {
  if (text.length !== 24) return null
  const slot = slotOf(text)
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
  const year = digitsAt(text, 0) * 100 + digitsAt(text, 2)
  const [month, day] = [digitsAt(text, 5), digitsAt(text, 8)]
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return null
  const [hour, minute, second] = [digitsAt(text, 11), digitsAt(text, 14), digitsAt(text, 17)]
  const ms = digitsAt(text, 20) * 10 + digitAt(text, 22)
  if (!(hour < 24 && minute < 60 && second < 60 && ms >= 0)) return null
  return (((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms
}

/** The value of a digit; NaN when it is none. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - ZERO
  return digit >= 0 && digit <= 9 ? digit : Number.NaN
}

/** The number that two digits are; NaN when one is none. */
const digitsAt = (text: string, at: number) => digitAt(text, at) * 10 + digitAt(text, at + 1)

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

function daysIn(year: number, month: number): number {
  return month === 2 && isLeap(year) ? 29 : MONTH_DAYS[month - 1]!
}

function daysSince1970(year: number, month: number, day: number): number {
  const before = year - 1
  const leaps = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 477
  const leapDay = month > 2 && isLeap(year) ? 1 : 0
  return (year - 1970) * 365 + leaps + DAYS_BEFORE[month - 1]! + leapDay + day - 1
}
