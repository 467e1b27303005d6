// whole.test.ts — What shows that a page is not whole, though it ends as it should.
import { describe, expect, it } from 'vitest'
import type { Listing, Page } from './listing.ts'
import { parseListing } from './parse.ts'
import { listingPages } from '../testing/listings/listing-pages.ts'
import type { PageEntry, PageMaker } from '../testing/listings/listing-parts.ts'

const ENTRIES: readonly PageEntry[] = ['sub', 'a.iso', 'b.iso', 'Input output error.txt', '502 Bad Gateway'].map(
  (name, index) => ({ name, directory: index === 0, size: 5000, time: Date.UTC(2026, 0, 5, 12, 34) }),
)
const parse = ({ contentType, server }: PageMaker, text: string, more: Partial<Page> = {}) =>
  parseListing({
    bytes: Buffer.from(text),
    contentType,
    url: new URL('http://h/pub/'),
    server,
    lenient: false,
    ...more,
  }) as Listing
const text = (maker: PageMaker, entries = ENTRIES) => maker.make(entries, '/pub/').toString()

const ERRORS = [
  '<br />\n<b>Warning</b>:  opendir(/srv/pub): failed to open dir: No such file in <b>/srv/index.php</b> on ' +
    'line <b>3</b><br />',
  'ls: reading directory .: Input/output error',
  'Stale file handle',
  'error reading directory: too many open files',
  '<center><h1>502 Bad Gateway</h1></center><hr>nginx/1.22.1',
  '<p>curl: (56) Recv failure: Connection reset by peer</p>',
]

describe('a page with an error in it', () => {
  it.each(ERRORS)('may lack entries: %s', (error) => {
    const { nginx, lighttpd, Nexus: nexus, Python: python } = listingPages
    for (const [maker, end] of [
      [nginx, '</pre>'],
      [lighttpd, '</tbody>'],
      [nexus, '</table>'],
      [python, '</ul>'],
    ] as const) {
      const whole = text(maker)
      expect(parse(maker, whole).incomplete).toBe(null)
      // In the list, right behind it, at the end of the page, and after it.
      for (const broken of [
        whole.replace(end, `${error}\n${end}`),
        whole.replace(end, `${end}\n${error}`),
        whole.replace(/(?=<\/body>)/, error),
        whole.replace(/(?=<body>)/, `<p>${error}</p>`),
        `${whole}\n${error}`,
      ])
        expect(parse(maker, broken)).toMatchObject({ incomplete: expect.stringContaining('error') })
    }
  })
})

describe('a page that was cut in an entry and closed by somebody else', () => {
  it.each([
    'nginx',
    'lighttpd',
    'Caddy',
    'fancyindex',
    'Nexus',
    'Apache, as a table',
    'Artifactory',
    'darkhttpd',
  ] as const)('may lack entries: %s', (kind) => {
    const maker = listingPages[kind]
    const whole = text(maker)
    const from = whole.lastIndexOf('b.iso</') + 'b.iso</a>'.length
    const tag = whole.includes('</pre>') ? 'pre' : 'table'
    expect(parse(maker, `${whole.slice(0, from)}</${tag}></body></html>`).incomplete).not.toBe(null)
  })
})

describe('a page with a count on it', () => {
  const caddy = listingPages.Caddy
  it('may lack entries when it counts others than it lists', () => {
    const whole = text(caddy)
    expect(parse(caddy, whole).incomplete).toBe(null)
    expect(parse(caddy, whole.replace('<b>4</b> files', '<b>5</b> files')).incomplete).toMatch(/5 files.*4 files/)
    expect(parse(caddy, whole.replace('<b>1</b> dir', '<b>2</b> dir')).incomplete).toContain('2 directories')
  })

  it.each([
    ['5 items', true],
    ['6 items', false],
    ['1 folder, 4 files', true],
    ['Total: 1 directory and 3 files, 12.5 MiB', false],
    ['(5 objects)', true],
    ['1,205 entries', false],
  ])('says "%s"', (count, whole) => {
    const maker = listingPages.nginx
    const page = text(maker).replace('</pre>', `</pre><p>${count}</p>`)
    expect(parse(maker, page).incomplete === null).toBe(whole)
  })

  it('is not read out of sentences', () => {
    const maker = listingPages.nginx
    const page = text(maker).replace('</pre>', '</pre><p>We have 12 files for each of 3 directories.</p>')
    expect(parse(maker, page).incomplete).toBe(null)
  })
})

describe('a listing of Caddy', () => {
  it('with as many entries as it lists at most may lack some', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ name: `f${index}`, directory: false, size: 1, time: 0 }))
    for (const maker of [listingPages.Caddy, listingPages['Caddy as JSON']]) {
      expect(parse(maker, text(maker, many(9999))).incomplete).toBe(null)
      expect(parse(maker, text(maker, many(10_000))).incomplete).toContain('10000')
    }
  })
})

describe('a listing of S3', () => {
  const { S3: s3 } = listingPages
  it('in several pages says where the next one is', () => {
    const whole = text(s3).replace('false</IsTruncated>', 'true</IsTruncated>')
    expect(parse(s3, whole)).toMatchObject({ next: null, incomplete: expect.stringContaining('first part') })
    const next = '<NextContinuationToken>a/b+c==</NextContinuationToken></ListBucketResult>'
    const page = whole.replace('</ListBucketResult>', next)
    expect(parse(s3, page)).toMatchObject({
      incomplete: null,
      next: '?list-type=2&continuation-token=a%2Fb%2Bc%3D%3D&prefix=pub%2F&delimiter=%2F',
    })
    const older = whole
      .replace(/<KeyCount>.*<\/KeyCount>/, '')
      .replace('</ListBucketResult>', '<NextMarker>pub/b.iso</NextMarker></ListBucketResult>')
    expect(parse(s3, older)).toMatchObject({
      incomplete: null,
      next: '?marker=pub%2Fb.iso&prefix=pub%2F&delimiter=%2F',
    })
  })

  it('without folders has the folders of its keys', () => {
    const xml =
      '<?xml version="1.0"?><ListBucketResult><Prefix></Prefix><Contents><Key>a/b/c</Key><Size>1</Size></Contents>' +
      '<Contents><Key>a/d</Key><Size>1</Size></Contents><Contents><Key>e</Key><Size>7</Size></Contents>' +
      '</ListBucketResult>'
    const { entries } = parse(s3, xml)
    expect(entries.map(({ name, directory, size }) => [name, directory, size])).toEqual([
      ['a', true, null],
      ['e', false, 7],
    ])
  })
})
