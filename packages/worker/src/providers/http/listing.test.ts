// listing.test.ts — What listings say, in pages as the servers wrote them. nginx 1.22, Apache 2.4, lighttpd 1.4, Caddy
// 2.6 and Python 3.11 were run to record these; all but Python run in servers.test.ts too.
import { describe, expect, it } from 'vitest'
import { nameProblem, parseListing, type Page } from './listing.ts'

const at = (text: string, more: Partial<Page> = {}) =>
  parseListing({ text, contentType: 'text/html', url: new URL('http://h/pub/'), lenient: false, ...more })
const AT = Date.UTC(2026, 0, 5, 12, 34)

const pages: Record<
  string,
  { text: string; contentType?: string; lenient?: boolean; size: number | null; exact: boolean; time: number | null }
> = {
  nginx: {
    text:
      '<html>\n<head><title>Index of /pub/</title></head>\n<body>\n<h1>Index of /pub/</h1><hr><pre><a ' +
      'href="../">../</a>\n<a href="sub/">sub/</a>              23-Nov-2026 21:34                   -\n<a ' +
      'href="a%20%26.bin">a &amp;.bin</a>                 05-Jan-2026 12:34 ' +
      '               8192\n</pre><hr></body>\n</html>',
    size: 8192,
    exact: true,
    time: AT,
  },
  'nginx with rounded sizes': {
    text:
      '<title>Index of /pub/</title><pre><a href="sub/">sub/</a>  23-Nov-2026 21:34       -\n<a ' +
      'href="a%20%26.bin">a &amp;.bin</a>   05-Jan-2026 12:34      1M\n</pre>',
    size: 1048576,
    exact: false,
    time: AT,
  },
  'nginx as JSON': {
    contentType: 'application/json',
    text:
      '[\n{ "name":"sub", "type":"directory", "mtime":"Mon, 23 Nov 2026 21:34:14 GMT" },\n{ "name":"a &.bin", ' +
      '"type":"file", "mtime":"Mon, 05 Jan 2026 12:34:56 GMT", "size":8192 }\n]',
    size: 8192,
    exact: true,
    time: AT + 56_000,
  },
  'Apache, plain': {
    text:
      '<html>\n <head>\n  <title>Index of /pub</title>\n </head>\n <body>\n<h1>Index of /pub</h1>\n<ul><li><a ' +
      'href="/"> Parent Directory</a></li>\n<li><a href="sub/"> sub/</a></li>\n<li><a href="a%20&amp;.bin"> a ' +
      '&amp;.bin</a></li>\n</ul>\n</body></html>',
    size: null,
    exact: false,
    time: null,
  },
  'Apache, fancy': {
    text:
      '<title>Index of /pub</title><pre>      <a href="?C=N;O=D">Name</a>                    <a ' +
      'href="?C=M;O=A">Last modified</a>      <a href="?C=S;O=A">Size</a>  <a ' +
      'href="?C=D;O=A">Description</a><hr>      <a href="/">Parent Directory</a> ' +
      '                            -   \n      <a href="sub/">sub/</a>                    2026-11-23 21:34 ' +
      '   -   \n      <a href="a%20&amp;.bin">a &amp;.bin</a>                   2026-01-05 12:34  8.0K  \n<hr></pre>',
    size: 8192,
    exact: false,
    time: AT,
  },
  'Apache, as a table': {
    text:
      '<title>Index of /pub</title><table><tr><th><a href="?C=N;O=D">Name</a></th></tr>\n<tr><td ' +
      'valign="top"><a href="sub/">&nbsp;</a></td><td><a href="sub/">sub/</a> </td><td ' +
      'align="right">2026-11-23 21:34  </td><td align="right">  - </td></tr>\n<tr><td valign="top"><a ' +
      'href="a%20&amp;.bin">&nbsp;</a></td><td><a href="a%20&amp;.bin">a &amp;.bin</a></td><td ' +
      'align="right">2026-01-05 12:34  </td><td align="right">8.0K</td><td>&nbsp;</td></tr></table>',
    size: 8192,
    exact: false,
    time: AT,
  },
  lighttpd: {
    text:
      '<title>Index of /pub/</title><h2>Index of /pub/</h2><table><tbody>\n<tr class="d"><td class="n"><a ' +
      'href="../">..</a>/</td><td class="m">&nbsp;</td><td class="s">- &nbsp;</td><td ' +
      'class="t">Directory</td></tr>\n<tr class="d"><td class="n"><a href="sub/">sub</a>/</td><td ' +
      'class="m">2026-Nov-23 21:34:14</td><td class="s">- &nbsp;</td><td ' +
      'class="t">Directory</td></tr>\n<tr><td class="n"><a href="a%20%26.bin">a &#x26;.bin</a></td><td ' +
      'class="m">2026-Jan-05 12:34:56</td><td class="s">8.0K</td><td class="t">application/octet-stream</td></tr>',
    size: 8192,
    exact: false,
    time: AT + 56_000,
  },
  'Caddy as JSON': {
    contentType: 'application/json; charset=utf-8',
    text:
      '[{"name":"sub/","size":4096,"url":"./sub/","mod_time":"2026-11-23T21:34:14.294945889Z",' +
      '"mode":2147484141,"is_dir":true,"is_symlink":false},{"name":"a \\u0026.bin","size":8192,' +
      '"url":"./a%20&.bin","mod_time":"2026-01-05T12:34:56Z","mode":420,"is_dir":false,"is_symlink":false}]',
    size: 8192,
    exact: true,
    time: AT + 56_000,
  },
  Caddy: {
    text:
      '<title>pub</title><table><tbody><tr><td></td><td><a href=".."><span class="goup">Go ' +
      'up</span></a></td></tr><tr class="file"><td></td><td><a href="./sub/"><svg></svg><span ' +
      'class="name">sub/</span></a></td><td data-order="-1">&mdash;</td><td><time ' +
      'datetime="2026-11-23T21:34:14Z">11/23/2026</time></td></tr><tr class="file"><td></td><td><a ' +
      'href="./a%20&.bin"><span class="name">a &amp;.bin</span></a></td><td data-order="8192">8.0 KiB</td><td ' +
      'class="hideable"><time datetime=" 2026-01-05T12:34:56Z">01/05/2026 12:34:56 PM +00:00</time></td></tr>',
    size: 8192,
    exact: true,
    time: AT + 56_000,
  },
  Python: {
    text:
      '<!DOCTYPE HTML>\n<html lang="en">\n<head>\n<title>Directory listing for ' +
      '/pub/</title>\n</head>\n<body>\n<h1>Directory listing for /pub/</h1>\n<hr>\n<ul>\n<li><a ' +
      'href="sub/">sub/</a></li>\n<li><a href="a%20%26.bin">a &amp;.bin</a></li>\n</ul>\n<hr>\n</body>\n</html>',
    size: null,
    exact: false,
    time: null,
  },
  'nobody we know, when told that it is a tree': {
    lenient: true,
    text: '<title>Files</title><a href="sub/">sub</a> <a href="a%20%26.bin">a &amp;.bin</a>',
    size: null,
    exact: false,
    time: null,
  },
}

describe('a listing of', () => {
  it.each(Object.entries(pages))('%s', (_server, { size, exact, time, text, ...more }) => {
    const listing = at(text, more)
    expect(listing?.refused).toEqual([])
    expect(listing?.entries.map(({ name, directory }) => `${name}${directory ? '/' : ''}`)).toEqual(['sub/', 'a &.bin'])
    expect(listing?.entries[1]).toMatchObject({ size, exact, time })
  })
})

describe('a page', () => {
  it('that is no listing is not taken for one', () => {
    expect(at('<html><title>Welcome</title><a href="news/">News</a>')).toBe(null)
    expect(at('<html><title>Sign in</title><form>', { lenient: true })).toBe(null)
    expect(at('{"error":"no"}', { contentType: 'application/json' })).toBe(null)
    expect(at('[1,2]', { contentType: 'application/json' })).toBe(null)
    expect(at('not JSON', { contentType: 'application/json' })).toBe(null)
    expect(at('<title>Index of /</title>', { contentType: 'application/octet-stream' })).toBe(null)
  })

  it('that lists nothing is an empty listing', () => {
    expect(at('<html><head><title>Index of /pub/</title></head><body><pre><a href="../">../</a>\n</pre>')).toEqual({
      entries: [],
      refused: [],
    })
    expect(at('[]', { contentType: 'application/json' })).toEqual({ entries: [], refused: [] })
  })

  it('of JSON can name nothing outside either', () => {
    const rows = ['../evil', '..', '/etc/passwd', 'a/b', 'x\ny', 'x\u0000', '', 'n'.repeat(256), '\ud800'].map(
      (name) => ({ name, type: 'file', size: 1 }),
    )
    expect(at(JSON.stringify(rows), { contentType: 'application/json' })?.entries).toEqual([])
  })
})

describe('a name', () => {
  it.each(['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'a\u0085b', 'é'.repeat(128)])('%j cannot be mirrored', (name) =>
    expect(nameProblem(name)).not.toBe(null),
  )
  it.each(['a', '...', '.htaccess', 'é'.repeat(127), 'a b', '-rf'])('%j can', (name) =>
    expect(nameProblem(name)).toBe(null),
  )
})
