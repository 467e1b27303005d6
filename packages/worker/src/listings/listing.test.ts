// listing.test.ts — What is taken from a page and what is not: names, unknown servers, pages that are no listings, and
// the ways in which known servers print what they say.
import { describe, expect, it } from 'vitest'
import type { Listing, Page, Problem } from './listing.ts'
import { parseListing } from './parse.ts'
import { nameProblem } from './names.ts'
import { nameOfBytes } from '../names.ts'

const at = (text: string | Buffer, more: Partial<Page> = {}) =>
  parseListing({
    bytes: Buffer.from(text as string),
    contentType: 'text/html',
    url: new URL('http://h/pub/'),
    server: null,
    lenient: false,
    ...more,
  }) as Listing
const problem = (text: string, more: Partial<Page> = {}) => (at(text, more) as unknown as Problem | null)?.problem
const JSON_PAGE = { contentType: 'application/json' }
const AT = Date.UTC(2026, 2, 5, 10, 15)
const html = (title: string, body: string) =>
  `<html><head><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`
const nginx = (rows: string) => html('Index of /pub/', `<pre><a href="../">../</a>\n${rows}</pre>`)
const first = (listing: Listing) => listing.entries[0]

describe('a page', () => {
  it('that is no listing is not taken for one', () => {
    expect(at('<html><title>Sign in</title><form>', { lenient: true })).toBe(null)
    expect(at('<html><title>Welcome</title><a href="/about">About</a></html>')).toBe(null)
    expect(at('{"error":"no"}', JSON_PAGE)).toBe(null)
    expect(at('[1,2]', JSON_PAGE)).toBe(null)
    expect(at('not JSON', JSON_PAGE)).toBe(null)
    expect(at('<Error><Code>AccessDenied</Code></Error>', { contentType: 'application/xml' })).toBe(null)
    expect(at(nginx(''), { contentType: 'application/octet-stream' })).toBe(null)
  })

  it('that has links and is not understood says so, and what helps', () => {
    const page = html('Welcome', '<p>Read the <a href="news/">news</a>, or get <a href="a.iso">a.iso</a>.</p>')
    expect(at(page)).toEqual({
      problem:
        'the page links to 2 names below it, such as news, but is no directory listing that is understood: with ' +
        'tree = "always" every such link is taken for a file or directory',
      likely: false,
    })
    expect(
      at(html('Files', '<div><a href="../">Parent</a></div><div><a href="x">x</a> 2026-03-05 10:15</div>')),
    ).toMatchObject({
      problem: expect.stringContaining('tree = "always"'),
      likely: true,
    })
    expect(problem(html('Index of /pub/', '<p>See <a href="pool">pool</a>.</p>'))).toContain('tree = "always"')
    expect(problem(html('Index of /pub/', 'nothing'))).toContain('has no list in it')
  })

  it('whose links all lead elsewhere is not an empty directory', () => {
    const rows =
      '<table><tr><td><a href="/other/a">a</a></td><td>1 bytes</td><td>Mar 5, 2026 10:15:30 AM</td></tr></table>'
    expect(problem(html('Directory: /other/', rows))).toContain('lead out of the directory')
  })

  it('of a server that nobody knows has entries, but no sizes and times', () => {
    const row = '<tr><td><a href="a">a</a></td><td>2026-03-05 10:15</td><td>4</td></tr>'
    expect(at(html('Index of /pub/', `<table>${row}</table>`))).toMatchObject({
      format: null,
      incomplete: null,
      entries: [{ name: 'a', size: null, exact: false, time: null, stamp: '2026-03-05 10:15 4' }],
    })
  })

  it('is read as it is when the options say that it is a tree', () => {
    const page = html('Files', '<a href="sub/">sub</a> <a href="a%20%26.bin">a &amp;.bin</a> <a href="sub">sub</a>')
    const listing = at(page, { lenient: true })
    expect(listing).toMatchObject({ format: null, incomplete: null })
    expect(listing.entries.map(({ name, directory }) => [name, directory])).toEqual([
      ['sub', true],
      ['a &.bin', false],
    ])
    expect(at(page.slice(0, -16), { lenient: true }).incomplete).toContain('ends before')
    const two = html(
      'Files',
      '<table><tr><td><a href="d/">d</a></td></tr></table><table><tr><td><a href="f">f</a></td></tr></table>',
    )
    expect(at(two, { lenient: true }).entries).toHaveLength(2)
  })

  it('that is nested deeper than any listing is not read to its end', () => {
    expect(problem('<ul>'.repeat(500_000))).toContain('deeper')
    expect(problem('<ul></ul>'.repeat(200_000))).toContain('more lists')
  })

  it('of JSON or XML that ends in the middle is no listing', () => {
    expect(problem('[{"name":"a","type":"file","mtime":"', JSON_PAGE)).toContain('ends in the middle')
    const xml = '<ListBucketResult><Contents><Key>a</Key></Contents>'
    expect(problem(xml, { contentType: 'text/xml' })).toContain('ends in the middle')
  })
})

describe('sizes and times', () => {
  const row = (cells: string) => html('Directory: /pub/', `<table><tr><td><a href="a">a</a></td>${cells}</tr></table>`)
  it.each([
    ['8,192 bytes', 8192],
    ['1,234,567 bytes', 1_234_567],
    ['1.234.567 bytes', 1_234_567],
    ['1\u202f234 bytes', 1234],
    ['12 bytes', 12],
    ['1,23 bytes', null],
  ])('of Jetty: %s', (said, size) =>
    expect(first(at(row(`<td>${said}&nbsp;</td><td>Mar 5, 2026 10:15:30 AM</td>`)))).toMatchObject({
      size,
      exact: size !== null,
      time: AT + 30_000,
    }),
  )

  it('of Nexus are not those of the day, the year or the neighbour', () => {
    const cells = '<td>Thu Mar 05 10:15:30 UTC 2026</td><td>1,100</td>'
    const page = (rows: string) => html('Index of /nexus', `<table>${rows}</table>`)
    const [odd, plain] = [cells, cells.replace(',', '')].map((rest) => `<tr><td><a href="a">a</a></td>${rest}</tr>`)
    expect(at(page(plain!))).toMatchObject({
      format: 'nexus',
      entries: [{ size: 1100, exact: true, time: AT + 30_000, grain: 1000 }],
    })
    expect(first(at(page(odd!)))).toMatchObject({ size: null, exact: false, time: null })
  })

  it('of Nexus in another zone than UTC are not known', () => {
    const row = '<tr><td><a href="a">a</a></td><td>Thu Mar 05 10:15:30 CET 2026</td><td>1100</td></tr>'
    expect(at(html('Index of /nexus', `<table>${row}</table>`))).toMatchObject({
      format: 'nexus',
      entries: [{ size: 1100, exact: true, time: null }],
    })
  })

  const iis = (date: string, more = '') =>
    html(
      'host - /pub/',
      `<pre><A HREF="/">[To Parent Directory]</A><br><br>${more} ${date} 1,234 <A HREF="/pub/a">a</A><br></pre>`,
    )
  it.each([
    ['3/5/2026 10:15 AM', AT],
    ['3/5/2026 10:15 PM', AT + 43_200_000],
    ['3/5/2026 12:15 AM', AT - 36_000_000],
    ['Thursday, March 05, 2026 10:15 AM', AT],
    ['3/5/2026 10:15', null],
    ['05.03.2026 10:15', null],
  ])('of IIS: %s', (date, time) => {
    const listing = at(iis(date))
    expect(listing.format).toBe('iis')
    expect(first(listing)).toMatchObject({ name: 'a', size: 1234, exact: true, time })
  })

  it('of IIS where the day may come first are not guessed', () => {
    const listing = at(iis('3/5/2026 10:15 AM', ' 25/2/2026 9:00 AM &lt;dir&gt; <A HREF="/pub/d/">d</A><br>'))
    expect(listing.entries.map(({ time }) => time)).toEqual([null, null])
  })

  it('of symbolic links are not those of the files behind them', () => {
    const rows = [{ name: 'a', size: 7, url: './a', mod_time: '2026-03-05T10:15:00Z', is_dir: false, is_symlink: true }]
    expect(first(at(JSON.stringify(rows), JSON_PAGE))).toMatchObject({ size: null, exact: false, time: null })
    const line = (mode: string) =>
      html(
        'Index of /pub/',
        `<PRE>\nmode  links  bytes  last-changed  name\n<HR>${mode}   1  7  Mar  5  2025  <A HREF="/pub/a">a</A>` +
          `\n</PRE>`,
      )
    expect(first(at(line('lrwx')))).toMatchObject({ size: null, exact: false })
    expect(first(at(line('-r--')))).toMatchObject({ size: 7, exact: true, grain: 86_400_000 })
    expect(first(at(line('-r--').replace('  2025', ' 10:15')))).toMatchObject({ size: 7, time: null })
  })

  it('that no calendar has are not known', () => {
    for (const date of ['30-Feb-2026 10:15', '05-Mar-2026 25:15', '00-Mar-2026 10:15'])
      expect(at(nginx(`<a href="a">a</a>   ${date}   7\n`)).entries[0]).toMatchObject({ time: null })
  })
})

describe('links', () => {
  it('start where the page says', () => {
    const rows = '<a href="a">a</a>   05-Mar-2026 10:15   7\n<a href="pub/b">b</a>   05-Mar-2026 10:15   7\n'
    expect(at(nginx(rows).replace('<head>', '<head><base href="/">')).entries.map(({ name }) => name)).toEqual(['b'])
  })

  const names = (href: string, url: string) =>
    at(nginx(`<a href="${href}">x</a>   05-Mar-2026 10:15   7\n`), { url: new URL(url) }).entries?.map(
      ({ name }) => name,
    )
  it.each([
    ['/caf%c3%a9/a', 'http://h/caf%C3%A9/'],
    ['/%7euser/a', 'http://h/~user/'],
    ['http://h/pub/a', 'https://h/pub/'],
    ['./a', 'http://h/pub/'],
    ['//h/pub/a', 'http://h/pub/'],
  ])('%s below %s is an entry', (href, url) => expect(names(href, url)).toEqual(['a']))
  it.each(['http://other/pub/a', 'a/b', '/pub/', '?x', '#a', 'mailto:a', 'javascript:a', 'a?b=1', '../x', '..%2fx'])(
    '%s is none',
    (href) => expect(names(href, 'http://h/pub/') ?? []).toEqual([]),
  )
})

describe('a name', () => {
  it.each([
    '',
    '.',
    '..',
    'a/b',
    'a\\b',
    'a\nb',
    'a\u0085b',
    'é'.repeat(128),
    '\udc2f',
    '\ud800',
    '\udc80'.repeat(256),
  ])('%j cannot be mirrored', (name) => expect(nameProblem(name)).not.toBe(null))
  it.each(['a', '...', '.htaccess', 'é'.repeat(127), 'a b', '-rf', '\udc80', '\udcff'.repeat(255)])('%j can', (name) =>
    expect(nameProblem(name)).toBe(null),
  )

  it('that cannot be mirrored is refused, with the reason', () => {
    const hrefs = ['x%00y', 'x%0Ay', 'a%5cb', 'a\\c', 'n'.repeat(256), 'ok', '..%2fevil']
    const page = nginx(hrefs.map((href) => `<a href="${href}">x</a>   05-Mar-2026 10:15   7\n`).join(''))
    const { entries, refused } = at(page)
    expect(entries.map(({ name }) => name)).toEqual(['ok'])
    expect(refused.map(({ name }) => name)).toEqual(['x\u0000y', 'x\ny', 'a\\b', 'a\\c', 'n'.repeat(256), '../evil'])
    expect(refused.map(({ why }) => why)).toEqual([
      ...Array.from({ length: 4 }, () => 'has a slash, backslash or control character in it'),
      'is longer than the 255 bytes that a disk can keep',
      'has a slash, backslash or control character in it',
    ])
  })

  it('of JSON can name nothing outside either', () => {
    const rows = [
      '../evil',
      '..',
      '/etc/passwd',
      'a/b',
      'x\ny',
      'x\u0000',
      '',
      'n'.repeat(256),
      '\ud800',
      '\udc2fetc',
    ].map((name) => ({ name, type: 'file', size: 1 }))
    const listing = at(JSON.stringify(rows), JSON_PAGE)
    expect([listing.entries.length, listing.refused.length]).toEqual([0, rows.length])
  })

  it('that is not UTF-8 is taken from where its bytes are', () => {
    const name = nameOfBytes(Buffer.from('caf\xe9', 'latin1'))
    const raw = Buffer.from('<a href="caf\xe9">caf\xe9</a>   05-Mar-2026 10:15   7\n', 'latin1').toString('latin1')
    expect(first(at(Buffer.from(nginx(raw), 'latin1')))).toMatchObject({ name, raw: 'caf%E9' })
    const caddy = { name: 'caf\ufffd', size: 7, mod_time: '2026-03-05T10:15:00Z', is_dir: false }
    expect(first(at(JSON.stringify([{ ...caddy, url: './caf%E9' }]), JSON_PAGE))).toMatchObject({ name, raw: 'caf%E9' })
    expect(at(JSON.stringify([caddy]), JSON_PAGE)).toMatchObject({
      entries: [],
      refused: [{ name: 'caf\ufffd', why: 'is not UTF-8, and the listing does not give its bytes' }],
    })
    // nginx may mean the character.
    const row = { name: 'caf\ufffd', type: 'file', mtime: 'Thu, 05 Mar 2026 10:15:00 GMT', size: 7 }
    expect(first(at(JSON.stringify([row]), JSON_PAGE))).toMatchObject({ name: 'caf\ufffd', raw: 'caf%EF%BF%BD' })
  })
})
