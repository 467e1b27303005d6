// formats.test.ts — Every format of listings, from pages as its server writes them: what is read, what is not, and what
// a page that was cut off says.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Listing, Page } from './listing.ts'
import { parseListing } from './parse.ts'
import { nameProblem } from './names.ts'
import { nameOfBytes } from '../names.ts'
import { listingPages } from '../testing/listings/listing-pages.ts'
import type { PageEntry, PageMaker } from '../testing/listings/listing-parts.ts'

const URL_OF = new URL('http://h/pub/')
const AT = Date.UTC(2026, 0, 5, 12, 34, 56)
const entry = (name: string, size = 8192, directory = false): PageEntry => ({ name, directory, size, time: AT })
const ENTRIES: readonly PageEntry[] = [
  entry('empty', 0, true),
  entry('sub', 0, true),
  entry('a &.bin'),
  entry('big.iso', 1_234_567),
  entry(nameOfBytes(Buffer.from('caf\xe9.txt', 'latin1')), 1),
  entry('empty.txt', 0),
  entry(`it's <b>"q".txt`, 2),
  entry('q?x=1#h%20;a:b+c', 300),
  entry('100%', 12),
  entry('日本.txt', 5000),
  entry('2026-01-05 10:11 77', 42),
]

const makers: readonly (readonly [string, PageMaker])[] = Object.entries(listingPages)
const parse = ({ contentType, server }: PageMaker, bytes: Buffer, more: Partial<Page> = {}) =>
  parseListing({ bytes, contentType, url: URL_OF, server, lenient: false, ...more })
const isListing = (parsed: ReturnType<typeof parseListing>): parsed is Listing => parsed !== null && 'entries' in parsed
const named = ({ entries }: Listing) => entries.map(({ name, directory }) => `${name}${directory ? '/' : ''}`).sort()
const expected = (entries: readonly PageEntry[]) =>
  entries.map(({ name, directory }) => `${name}${directory ? '/' : ''}`).sort()

describe.each(makers)('a listing of %s', (_kind, maker) => {
  const whole = maker.make(ENTRIES, '/pub/')

  it('gives the names, folders, sizes and times that the server means', () => {
    const listing = parse(maker, whole)
    expect(listing).toMatchObject({ format: maker.format, refused: [], incomplete: null, next: null })
    if (!isListing(listing)) return
    expect(named(listing)).toEqual(expected(ENTRIES))
    for (const { name, directory, size, time } of ENTRIES) {
      const read = listing.entries.find((one) => one.name === name)!
      expect([name, read.directory]).toEqual([name, directory])
      if (maker.grain > 0 && !directory)
        expect([name, Math.floor(read.time! / maker.grain)]).toEqual([name, Math.floor(time / maker.grain)])
      if (maker.grain === 0) expect(read.time).toBe(null)
      if (directory || maker.sizes === 'none') expect([read.size, read.exact]).toEqual([null, false])
      else if (maker.sizes === 'exact') expect([name, read.size, read.exact]).toEqual([name, size, true])
      else {
        if (read.exact) expect([name, read.size]).toEqual([name, size])
        expect(Math.abs(read.size! - size)).toBeLessThanOrEqual(Math.max(1024, size * 0.16))
      }
    }
  })

  it('asks for each name as the server knows it', () => {
    const listing = parse(maker, whole)
    for (const { name, raw } of isListing(listing) ? listing.entries : []) {
      expect(raw).toMatch(/^[!-~]+$/)
      expect(raw).not.toMatch(/[/?#\\]/)
      const bytes = Buffer.from(
        raw.replace(/%([\da-f]{2})/gi, (_all, code) => String.fromCharCode(parseInt(code, 16))),
        'latin1',
      )
      if (maker.format !== 'python') expect(nameOfBytes(bytes)).toBe(name)
    }
  })

  it('that was cut off never seems whole', () => {
    for (let length = 0; length < whole.length; length += 7) {
      const listing = parse(maker, whole.subarray(0, length))
      if (isListing(listing) && listing.entries.length < ENTRIES.length)
        expect([length, listing.incomplete]).not.toEqual([length, null])
    }
  })

  it('of many entries has them all', () => {
    const many = Array.from({ length: 2000 }, (_, index) => entry(`päckage ${index}.deb`, index, index % 7 === 0))
    const listing = parse(maker, maker.make(many, '/pub/'))
    expect(listing).toMatchObject({ format: maker.format, incomplete: null })
    expect(isListing(listing) && named(listing)).toEqual(expected(many))
  })

  it('of an empty directory is empty, and whole', () => {
    const listing = parse(maker, maker.make([], '/pub/'))
    expect(listing).toMatchObject({ entries: [], refused: [], incomplete: null })
  })

  it('that was damaged at random names nothing outside, and says nothing of a file that cannot be', () => {
    const edit = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 40 }), fc.uint8Array({ maxLength: 12 }))
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
        let bytes = whole
        for (const [at, length, more] of edits)
          bytes = Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + length)])
        const listing = parse(maker, bytes)
        for (const one of isListing(listing) ? listing.entries : []) {
          expect(nameProblem(one.name)).toBe(null)
          expect(one.raw).toMatch(/^[!-~]+$/)
          expect(one.raw).not.toMatch(/[/?#\\]/)
          expect(one.size === null || Number.isSafeInteger(one.size)).toBe(true)
          expect(one.time === null || Number.isSafeInteger(one.time)).toBe(true)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('gives random names back as they were', () => {
    const bytes = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((random) => nameOfBytes(Buffer.from(random.map((byte) => (byte === 0x2f || byte === 0x5c ? 0x78 : byte)))))
      .filter((name) => !/[\u0000-\u001f\u007f-\u009f]|^\.{1,2}$/.test(name))
    const words = fc
      .string({ minLength: 1, maxLength: 30, unit: 'binary' })
      .filter((name) => !/[\u0000-\u001f\u007f-\u009f/\\]|^\.{1,2}$/.test(name))
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(bytes, words), { maxLength: 12 }), fc.nat(), (names, salt) => {
        const entries = names.map((name, index) => entry(name, (salt * (index + 1)) % 1e12, (salt + index) % 3 === 0))
        const listing = parse(maker, maker.make(entries, '/pub/'))
        expect(listing).toMatchObject({ incomplete: null, refused: [] })
        expect(isListing(listing) && named(listing)).toEqual(expected(entries))
      }),
      { numRuns: 60 },
    )
  })
})
