// listing-pages.ts — Directory listings as servers write them, made for tests. Those here are of servers of Debian,
// after what they answered; listing-pages-foreign.ts has the others.
import { foreignPages } from './listing-pages-foreign.ts'
import {
  clockOf,
  escaped,
  href,
  isoMinute,
  label,
  page,
  scaled,
  slash,
  type PageEntry,
  type PageMaker,
} from './listing-parts.ts'
import { bytesOf } from '../../names.ts'

const nginxMake = (size: (entry: PageEntry) => string) => (entries: readonly PageEntry[], path: string) =>
  page(
    {
      title: `Index of ${escaped(path)}`,
      above: `<h1>Index of ${escaped(path)}</h1><hr><pre><a href="../">../</a>\n`,
      below: '</pre><hr>',
    },
    entries.map((entry) => {
      const { day, named, year, minute } = clockOf(entry)
      return `<a href="${href(entry)}">${label(entry)}</a>   ${day}-${named}-${year} ${minute}  ${size(entry)}\n`
    }),
  )

const nginx: PageMaker = {
  contentType: 'text/html',
  server: 'nginx/1.22.1',
  format: 'nginx',
  sizes: 'exact',
  grain: 60_000,
  make: nginxMake((entry) => (entry.directory ? '-' : String(entry.size)).padStart(19)),
}

const nginxRounded: PageMaker = {
  ...nginx,
  sizes: 'rounded',
  make: nginxMake(({ directory, size }) => {
    if (directory) return '      -'
    const [value, unit] = size > 1048575 ? [size / 1048576, 'M'] : size > 9999 ? [size / 1024, 'K'] : [size, '']
    return `${Math.round(value)}${unit}`.padStart(7)
  }),
}

const nginxJson: PageMaker = {
  ...nginx,
  contentType: 'application/json',
  format: 'nginx-json',
  grain: 1000,
  make: (entries) => {
    const rows = entries.map(({ name, directory, size, time }) => {
      const quoted = JSON.stringify(name).replace(/\\u(d[c-f]..)/g, (_all, code) =>
        String.fromCharCode(parseInt(code, 16)),
      )
      const more = directory ? '' : `, "size":${size}`
      const type = directory ? 'directory' : 'file'
      return `{ "name":${quoted}, "type":"${type}", "mtime":"${new Date(time).toUTCString()}"${more} }`
    })
    return bytesOf(`[\n${rows.join(',\n')}\n]`)
  },
}

/** Apache writes hexadecimal digits small, and a point and slash before names with a colon. */
function apacheHref(entry: PageEntry): string {
  const raw = href(entry).replace(/%[\dA-F]{2}/g, (code) => (code === '%3A' ? ':' : code.toLowerCase()))
  return escaped(raw.includes(':') ? `./${raw}` : raw)
}

const apachePlain: PageMaker = {
  contentType: 'text/html;charset=UTF-8',
  server: 'Apache/2.4.71 (Debian)',
  format: 'apache',
  sizes: 'none',
  grain: 0,
  make: (entries, path) =>
    page(
      {
        title: `Index of ${escaped(path.slice(0, -1))}`,
        above: `<h1>Index of ${escaped(path.slice(0, -1))}</h1>\n<ul><li><a href="/"> Parent Directory</a></li>\n`,
        below: '</ul>\n',
      },
      entries.map((entry) => `<li><a href="${apacheHref(entry)}"> ${label(entry)}</a></li>\n`),
    ),
}

const SORTS = ['N;O=D">Name', 'M;O=A">Last modified', 'S;O=A">Size', 'D;O=A">Description'].map(
  (rest) => `<a href="?C=${rest}</a>`,
)

const apacheFancy: PageMaker = {
  ...apachePlain,
  sizes: 'rounded',
  grain: 60_000,
  make: (entries, path) =>
    page(
      {
        title: `Index of ${escaped(path.slice(0, -1))}`,
        above:
          `<h1>Index of ${escaped(path.slice(0, -1))}</h1>\n<pre><img src="/icons/blank.gif" alt="Icon "> ` +
          `${SORTS.join('  ')}<hr><img src="/icons/back.gif" alt="[PARENTDIR]"> <a href="/">Parent Directory</a>` +
          '                             -   \n',
        below: '<hr></pre>\n',
      },
      entries.map((entry) => {
        const size = entry.directory ? '  - ' : scaled(entry.size).padStart(4)
        const icon = `<img src="/icons/${entry.directory ? 'folder' : 'unknown'}.gif" alt="[   ]">`
        return `${icon} <a href="${apacheHref(entry)}">${label(entry)}</a>    ${isoMinute(entry)}  ${size}  \n`
      }),
    ),
}

const apacheTable: PageMaker = {
  ...apacheFancy,
  make: (entries, path) =>
    page(
      {
        title: `Index of ${escaped(path.slice(0, -1))}`,
        above:
          `<h1>Index of ${escaped(path.slice(0, -1))}</h1>\n  <table>\n   <tr><th valign="top">&nbsp;</th>` +
          `${SORTS.map((link) => `<th>${link}</th>`).join('')}</tr>\n   <tr><th colspan="5"><hr></th></tr>\n` +
          '<tr><td valign="top"><a href="/">&nbsp;</a></td><td><a href="/">Parent Directory</a>       </td>' +
          '<td>&nbsp;</td><td align="right">  - </td><td>&nbsp;</td></tr>\n',
        below: '   <tr><th colspan="5"><hr></th></tr>\n</table>\n',
      },
      entries.map((entry) => {
        const size = entry.directory ? '  - ' : scaled(entry.size).padStart(4)
        const link = `<a href="${apacheHref(entry)}">`
        return (
          `<tr><td valign="top">${link}&nbsp;</a></td><td>${link}${label(entry)}</a></td><td align="right">` +
          `${isoMinute(entry)}  </td><td align="right">${size}</td><td>&nbsp;</td></tr>\n`
        )
      }),
    ),
}

const lighttpd: PageMaker = {
  contentType: 'text/html',
  server: 'lighttpd/1.4.69',
  format: 'lighttpd',
  sizes: 'rounded',
  grain: 1000,
  make: (entries, path) =>
    page(
      {
        title: `Index of ${escaped(path)}`,
        above:
          `<h2>Index of ${escaped(path)}</h2>\n<div class="list">\n<table summary="Directory Listing" ` +
          `cellpadding="0" ` +
          'cellspacing="0">\n<thead><tr><th class="n">Name</th><th class="m">Last Modified</th><th class="s">' +
          'Size</th>' +
          '<th class="t">Type</th></tr></thead>\n<tbody>\n<tr class="d"><td class="n"><a href="../">..</a>/</td>' +
          '<td class="m">&nbsp;</td><td class="s">- &nbsp;</td><td class="t">Directory</td></tr>\n',
        below: '</tbody>\n</table>\n</div>\n<div class="foot">lighttpd/1.4.69</div>\n',
      },
      entries.map((entry) => {
        const { year, named, day, second } = clockOf(entry)
        const size = entry.directory ? '- &nbsp;' : `${Math.max(entry.size / 1024, 0).toFixed(1)}K`
        const type = entry.directory ? 'Directory' : 'application/octet-stream'
        return (
          `<tr><td class="n"><a href="${href(entry)}">${escaped(entry.name)}</a>${slash(entry)}</td><td class="m">` +
          `${year}-${named}-${day} ${second}</td><td class="s">${size}</td><td class="t">${type}</td></tr>\n`
        )
      }),
    ),
}

const caddyTime = ({ time }: PageEntry) => new Date(time).toISOString().replace('.000Z', 'Z')

const caddy: PageMaker = {
  contentType: 'text/html; charset=utf-8',
  server: 'Caddy',
  format: 'caddy',
  sizes: 'exact',
  grain: 1000,
  make: (entries, path) => {
    const folders = entries.filter(({ directory }) => directory).length
    return page(
      {
        title: escaped(path),
        above:
          `<header><h1><a href="../">/</a><a href="">pub</a>/</h1></header><main><div class="meta"><div ` +
          `id="summary">\n` +
          `<span class="meta-item"><b>${folders}</b> directories</span>\n<span class="meta-item"><b>` +
          `${entries.length - folders}</b> files</span>\n</div></div>\n<div class="listing">` +
          '<table aria-describedby="summary"><thead><tr><th></th><th><a href="?sort=name&order=asc">Name</a></th><th>' +
          '<a href="?sort=size&order=asc">Size</a></th></tr></thead>\n<tbody><tr><td></td><td><a href="..">' +
          '<span class="goup">Go up</span></a></td><td>&mdash;</td><td class="hideable">&mdash;</td></tr>\n',
        below:
          '</tbody></table></div></main><footer>Served with <a href="https://caddyserver.com">Caddy</a></footer>\n',
      },
      entries.map(
        (entry) =>
          `<tr class="file"><td></td><td>\n<a href="./${href(entry)}"><svg><use xlink:href="#file"></use></svg>` +
          `<span class="name">${label(entry)}</span></a></td>\n<td data-order="${entry.directory ? -1 : entry.size}">` +
          `${entry.directory ? '&mdash;' : `${(entry.size / 1024).toFixed(1)} KiB`}</td><td class="hideable">` +
          `<time datetime=" ${caddyTime(entry)}">01/05/2026</time></td></tr>\n`,
      ),
    )
  },
}

const caddyJson: PageMaker = {
  ...caddy,
  contentType: 'application/json; charset=utf-8',
  format: 'caddy-json',
  make: (entries) =>
    Buffer.from(
      JSON.stringify(
        entries.map((entry) => ({
          name: `${entry.name.toWellFormed()}${slash(entry)}`,
          size: entry.directory ? 4096 : entry.size,
          url: `./${href(entry)}`,
          mod_time: caddyTime(entry),
          mode: 420,
          is_dir: entry.directory,
          is_symlink: false,
        })),
      ),
    ),
}

/** Every kind of listing, by the server and the form it has there. */
export const listingPages = {
  nginx,
  'nginx with rounded sizes': nginxRounded,
  'nginx as JSON': nginxJson,
  'Apache, plain': apachePlain,
  'Apache, fancy': apacheFancy,
  'Apache, as a table': apacheTable,
  lighttpd,
  Caddy: caddy,
  'Caddy as JSON': caddyJson,
  ...foreignPages,
} satisfies Record<string, PageMaker>
