// prose.test.ts — Pages with more on them than the list of the server: a HEADER above it, a README below it.
import { describe, expect, it } from 'vitest'
import type { Listing, Page } from './listing.ts'
import { parseListing } from './parse.ts'
import { listingPages } from '../testing/listings/listing-pages.ts'
import type { PageEntry, PageMaker } from '../testing/listings/listing-parts.ts'

const AT = Date.UTC(2026, 2, 5, 10, 15)
const ENTRIES: readonly PageEntry[] = ['pool', 'dists', 'KEYS', 'a.iso', 'b.iso'].map((name, index) => ({
  name,
  directory: index < 2,
  size: 5000,
  time: AT,
}))
const parse = ({ contentType, server }: PageMaker, text: string, more: Partial<Page> = {}) =>
  parseListing({
    bytes: Buffer.from(text),
    contentType,
    url: new URL('http://h/pub/'),
    server,
    lenient: false,
    ...more,
  }) as Listing
const makers: readonly (readonly [string, PageMaker])[] = Object.entries(listingPages)
const framed = makers.filter(([, { contentType, format }]) => contentType.includes('html') && format !== 'go')
const named = (listing: Listing) => listing.entries?.map(({ name, directory }) => `${name}${directory ? '/' : ''}`)
const LISTED = ['pool/', 'dists/', 'KEYS', 'a.iso', 'b.iso']

const PROSE = {
  'a link to a folder without its slash':
    '<p>Packages are in <a href="pool">pool</a>, see <a href="KEYS">KEYS</a>.</p>',
  'a list of links': '<ul><li><a href="pool">pool</a></li><li><a href="about">About</a></li></ul>',
  'a numbered list': '<ol><li><a href="./pool">First</a></li><li><a href="other/">other</a> since 2019</li></ol>',
  'a table of links': '<table><tr><th>What</th></tr><tr><td><a href="pool">pool</a></td><td>Packages</td></tr></table>',
  'a pre with links': '<pre>\n  <a href="pool">pool</a>   all packages\n  <a href="x/">x</a>  others\n</pre>',
  'more links than entries': Array.from({ length: 30 }, (_, index) => `<a href="n${index}">n${index}</a>`).join(' '),
  'tags that are not closed': '<div><table><tr><td><a href="pool">pool</a><p><b>Welcome<ul><li>one',
  'tags that were never opened': '</table></pre></ul></div></p><a href="pool">pool</a>',
  'a page of its own': '<html><head><title>Us</title></head><body><a href="pool">pool</a></body></html>',
  'short words about errors':
    '<p>If it says "Input/output error", wait.</p><p>Note: Connection timed out errors are being looked into.</p>',
  'words about errors':
    '<p>If it says "Input/output error" or 502 Bad Gateway, wait for a while: the machine is being repaired, and ' +
    `${'what you read here is kept by many people who do what they can. '.repeat(8)}</p>`,
}

describe.each(framed)('around a listing of %s', (_kind, maker) => {
  const whole = maker.make(ENTRIES, '/pub/').toString()
  const above = (prose: string) => whole.replace('<body>\n', `<body>\n${prose}\n`)
  const below = (prose: string) => whole.replace(/(?=<\/body>)/i, `${prose}\n`)

  it.each(Object.entries(PROSE))('%s names no entry', (_what, prose) => {
    for (const text of [above(prose), below(prose)]) {
      expect(text).not.toBe(whole)
      const listing = parse(maker, text)
      expect(listing).toMatchObject({ format: maker.format, incomplete: null })
      expect(named(listing)).toEqual(LISTED)
    }
  })

  it('prose does not make a page whole that was cut off', () => {
    const text = above(PROSE['a list of links'] + PROSE['a page of its own'])
    for (let length = 0; length < text.length; length += 7) {
      const listing = parse(maker, text.slice(0, length))
      const found = listing && 'entries' in listing ? listing.entries.length : LISTED.length
      if (found < LISTED.length) expect([length, listing.incomplete]).not.toEqual([length, null])
      if (listing && 'entries' in listing && length > 0)
        expect(named(listing).filter((name) => !LISTED.includes(name))).toEqual([])
    }
  })
})

describe('a description beside an entry', () => {
  it('with a link in it names no entry', () => {
    const maker = listingPages['Apache, as a table']
    const text = maker
      .make(ENTRIES, '/pub/')
      .toString()
      .replaceAll('<td>&nbsp;</td></tr>', '<td>see <a href="NOTES">NOTES</a> of 2020-01-01 10:00, 7 MB</td></tr>')
    const listing = parse(maker, text)
    expect(named(listing)).toEqual(LISTED)
    expect(listing.entries[2]).toMatchObject({ size: 5018, exact: false, time: AT })
  })
})

describe('columns of Apache that are left out', () => {
  it('are not taken from those beside them', () => {
    const text = (sorts: string, rest: string) =>
      `<html><head><title>Index of /pub</title></head><body><pre>${sorts}<hr><a href="/">Parent Directory</a>` +
      `\n<a href="a">a` +
      `</a>  ${rest}\n<hr></pre></body></html>`
    const [n, m, s, d] = ['N', 'M', 'S', 'D'].map((column) => `<a href="?C=${column};O=A">${column}</a> `)
    const maker = listingPages['Apache, fancy']
    const read = (sorts: string, rest: string) => parse(maker, text(sorts, rest)).entries[0]
    expect(read(`${n}${s}${d}`, ' 300   from 2020-01-01 10:00')).toMatchObject({ size: 300, exact: true, time: null })
    expect(read(`${n}${m}${d}`, '2026-03-05 10:15  300 dpi')).toMatchObject({ size: null, exact: false, time: AT })
    expect(read(`${n}${d}`, '12 monkeys')).toMatchObject({ size: null, time: null })
  })
})

describe('a list with dates in prose', () => {
  const history = '<table><tr><td><a href="pool">pool</a></td><td>2026-03-05 10:15</td><td>7</td></tr></table>'
  const news = '<p>2026-03-05 10:15: <a href="pool">pool</a> is new.</p>'.repeat(20)
  it.each(framed)('is not that of %s', (_kind, maker) => {
    const root = maker.make(ENTRIES, '/').toString().replaceAll('Parent Directory', '')
    for (const prose of [history, news])
      for (const text of [root.replace('<body>\n', `<body>\n${prose}\n`), root.replace(/(?=<\/body>)/i, prose)]) {
        const listing = parse(maker, text, { url: new URL('http://h/') })
        expect(listing).toMatchObject({ format: maker.format, incomplete: null })
        expect(named(listing)).toEqual(LISTED)
      }
  })
})
