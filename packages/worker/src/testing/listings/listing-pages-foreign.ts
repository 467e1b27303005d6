// listing-pages-foreign.ts — Listings of servers that are not run for tests: IIS, S3, thttpd and others, after their
// source, their documentation, or pages that they answered.
import { afternoon, clockOf, escaped, href, isoMinute, label, page, slash, type PageMaker } from './listing-parts.ts'
import { javaPages } from './listing-pages-java.ts'
import { bytesOf } from '../../names.ts'

const iis: PageMaker = {
  contentType: 'text/html; charset=UTF-8',
  server: 'Microsoft-IIS/10.0',
  format: 'iis',
  sizes: 'exact',
  grain: 60_000,
  make: (entries, path) =>
    page(
      {
        title: `files.example.org - ${escaped(path)}`,
        above:
          `<H1>files.example.org - ${escaped(path)}</H1><hr>\r\n\r\n<pre><A HREF="/">[To Parent ` +
          `Directory]</A><br><br>`,
        below: '</pre><hr>',
      },
      entries.map((entry) => {
        const at = clockOf(entry)
        const date = `${Number(at.month)}/${Number(at.day)}/${at.year}`.padStart(10)
        const size = entry.directory ? '&lt;dir&gt;' : entry.size
        return (
          `${date} ${at.half.padStart(5)} ${afternoon(at)} ${String(size).padStart(12)} <A ` +
          `HREF="${path}${href(entry)}">` +
          `${escaped(entry.name)}</A><br>`
        )
      }),
    ),
}

const python: PageMaker = {
  contentType: 'text/html; charset=utf-8',
  server: 'SimpleHTTP/0.6 Python/3.11.7',
  format: 'python',
  sizes: 'none',
  grain: 0,
  make: (entries, path) =>
    page(
      {
        title: `Directory listing for ${escaped(path)}`,
        above: `<h1>Directory listing for ${escaped(path)}</h1>\n<hr>\n<ul>\n`,
        below: '</ul>\n<hr>\n',
      },
      entries.map((entry) => {
        const surrogates = entry.name.replace(/\p{Cs}/gu, (unit) => {
          const code = unit.charCodeAt(0)
          const bytes = [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
          return bytes.map((byte) => String.fromCharCode(0xdc00 + byte)).join('')
        })
        return `<li><a href="${href({ ...entry, name: surrogates })}">${label(entry)}</a></li>\n`
      }),
    ),
}

const darkhttpd: PageMaker = {
  contentType: 'text/html; charset=UTF-8',
  server: 'darkhttpd/1.16',
  format: 'darkhttpd',
  sizes: 'exact',
  grain: 60_000,
  make: (entries, path) =>
    page(
      { title: escaped(path), above: `<h1>${escaped(path)}</h1>\n<pre>\n`, below: '</pre>\n<hr>\ndarkhttpd/1.16\n' },
      entries.map((entry) => {
        const link = `<a href="${href(entry)}">${escaped(entry.name)}</a>`
        return entry.directory
          ? `${link}/   ${isoMinute(entry)}\n`
          : `${link}    ${isoMinute(entry)} ${String(entry.size).padStart(10)}\n`
      }),
    ),
}

const thttpd: PageMaker = {
  contentType: 'text/html; charset=UTF-8',
  server: 'thttpd/2.29',
  format: 'thttpd',
  sizes: 'exact',
  grain: 86_400_000,
  make: (entries, path) =>
    page(
      {
        title: `Index of ${escaped(path)}`,
        above:
          `<H2>Index of ${escaped(path)}</H2>\n<PRE>\nmode  links  bytes  last-changed  name\n<HR>` +
          `dr-x   3        4096  Jan  5  2026  <A HREF="${path}./">.</A>/\n` +
          `dr-x   3        4096  Jan  5  2026  <A HREF="${path}../">..</A>/\n`,
        below: '</PRE>',
      },
      entries.map((entry) => {
        const { named, day, year } = clockOf(entry)
        const mode = entry.directory ? 'dr-x' : '-r--'
        return (
          `${mode}   1  ${String(entry.size).padStart(10)}  ${named} ${String(Number(day)).padStart(2)}  ${year}  ` +
          `<A HREF="${path}${href(entry)}">${escaped(entry.name)}</A>${slash(entry)}\n`
        )
      }),
      '</BODY>\n</HTML>\n',
    ),
}

const s3: PageMaker = {
  contentType: 'application/xml',
  server: 'AmazonS3',
  format: 's3',
  sizes: 'exact',
  grain: 1000,
  make: (entries, path) => {
    const prefix = encodeURI(path.slice(1))
    const rows = entries.map((entry) =>
      entry.directory
        ? `<CommonPrefixes><Prefix>${prefix}${href(entry)}</Prefix></CommonPrefixes>`
        : `<Contents><Key>${prefix}${href(entry)}</Key><LastModified>${new Date(entry.time).toISOString()}` +
          `</LastModified><ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag><Size>${entry.size}</Size>` +
          '<StorageClass>STANDARD</StorageClass></Contents>',
    )
    return bytesOf(
      '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
        `<Name>bucket</Name><Prefix>${prefix}</Prefix><KeyCount>${entries.length}</KeyCount><MaxKeys>1000</MaxKeys>` +
        `<Delimiter>/</Delimiter><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${rows.join('')}` +
        '</ListBucketResult>',
    )
  },
}

const h5ai: PageMaker = {
  contentType: 'text/html;charset=utf-8',
  server: 'Apache',
  format: 'h5ai',
  sizes: 'rounded',
  grain: 60_000,
  make: (entries, path) =>
    page(
      {
        title: 'index - powered by h5ai v0.30.0 (https://larsjung.de/h5ai/)',
        above:
          '<div id="fallback-hints"><span>powered by <a href="https://larsjung.de/h5ai/">h5ai</a></span></div>' +
          '<div id="fallback"><table><tr><th class="fb-i"></th><th class="fb-n"><span>Name</span></th><th ' +
          'class="fb-d">' +
          '<span>Last modified</span></th><th class="fb-s"><span>Size</span></th></tr><tr><td class="fb-i"></td>' +
          '<td class="fb-n"><a href="..">Parent Directory</a></td><td class="fb-d"></td><td class="fb-s"></td></tr>',
        below: '</table></div>',
      },
      entries.map(
        (entry) =>
          `<tr><td class="fb-i"><img src="/_h5ai/public/images/fallback/file.png" alt="file"/></td><td ` +
          `class="fb-n"><a ` +
          `href="${path}${href(entry)}">${escaped(entry.name)}</a></td><td class="fb-d">${isoMinute(entry)}</td><td ` +
          `class="fb-s">${entry.directory ? '' : `${Math.floor(entry.size / 1000)} KB`}</td></tr>`,
      ),
    ),
}

const go: PageMaker = {
  contentType: 'text/html; charset=utf-8',
  server: '',
  format: 'go',
  sizes: 'none',
  grain: 0,
  make: (entries) =>
    bytesOf(
      '<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n' +
        `${entries.map((entry) => `<a href="${href(entry)}">${label(entry)}</a>\n`).join('')}</pre>\n`,
    ),
}

const fancyindex: PageMaker = {
  contentType: 'text/html',
  server: 'nginx/1.26.0',
  format: 'fancyindex',
  sizes: 'rounded',
  grain: 60_000,
  make: (entries, path) =>
    page(
      {
        title: `Index of ${escaped(path)}`,
        above:
          `<h1>Index of ${escaped(path)}</h1>\n<table id="list"><thead><tr><th style="width:55%"><a ` +
          'href="?C=N&amp;O=A">File Name</a>&nbsp;<a href="?C=N&amp;O=D">&nbsp;&darr;&nbsp;</a></th><th><a ' +
          'href="?C=S&amp;O=A">File Size</a></th><th><a href="?C=M&amp;O=A">Date</a></th></tr></thead>\n<tbody><tr>' +
          '<td colspan="2" class="link"><a href="../?C=N&amp;O=A">Parent directory/</a></td><td class="size">-</td>' +
          '<td class="date">-</td></tr>\r\n',
        below: '</tbody></table>',
      },
      entries.map((entry) => {
        const { year, named, day, minute } = clockOf(entry)
        const size = entry.size < 1024 ? `${entry.size} B` : `${(entry.size / 1024).toFixed(1)} KiB`
        return (
          `<tr><td colspan="2" class="link"><a href="${href(entry)}${entry.directory ? '?C=N&amp;O=A' : ''}" ` +
          `title="${escaped(entry.name)}">${label(entry)}</a></td><td class="size">` +
          `${entry.directory ? '-' : size}</td>` +
          `<td class="date">${year}-${named}-${day} ${minute}</td></tr>\r\n`
        )
      }),
    ),
}

/** The formats of other servers, by their names. */
export const foreignPages = {
  ...javaPages,
  IIS: iis,
  Python: python,
  darkhttpd,
  thttpd,
  S3: s3,
  h5ai,
  'Go, http.FileServer': go,
  fancyindex,
} satisfies Record<string, PageMaker>
