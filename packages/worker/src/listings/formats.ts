// formats.ts — The listings that are known, by their structure: which server a list is of, and how that server prints
// sizes and times. What is not known is not guessed.
import type { Document, List, Reading, Row } from './document.ts'
import { readBytes, readGroupedBytes, readScaled, type Size } from './sizes.ts'
import {
  isJavaDate,
  readDayMonthYear,
  readIisDate,
  readJavaDate,
  readJettyDate,
  readListDate,
  readStandardDate,
  readYearMonthDay,
  type Time,
} from './times.ts'

/** What a format is recognised by. */
interface Candidate {
  readonly name: string
  readonly tag: List['tag']
  /** Whether the list is built as this server builds it. */
  readonly fits: (list: List, document: Document, server: string) => boolean
  /** Reads what stands beside a link; null when that is not how the server writes it. */
  readonly read: (row: Row) => Reading | null
  /** Instead of `read`, where it depends on the list. */
  readonly readIn?: (list: List) => (row: Row) => Reading | null
}

/**
 * The format of a list, and in its rows what they say; null when it is none that is known. `server`: the header Server.
 */
export function recogniseFormat(list: List, document: Document, server: string): string | null {
  const own = list.rows.filter(({ extra }) => !extra)
  for (const { name, tag, fits, ...candidate } of CANDIDATES) {
    if (tag !== list.tag || !fits(list, document, server)) continue
    const read = candidate.readIn?.(list) ?? candidate.read
    let strange = 0
    for (const row of own) if ((row.reading = read(row)) === null) strange++
    if (strange * 2 <= own.length) return name
  }
  for (const row of own) row.reading = null
  return null
}

/** Text with single spaces, none at its ends. */
export function cleanText(text: string): string {
  return text.trim().replace(/\s{2,}|[^\S ]/g, ' ')
}

const NOTHING: Reading = { size: null, time: null }
const isIndex = (_list: List, { title, heading }: Document) => /^\s*index of\b/i.test(title || heading)

/** Cells after the name. */
const cellsOf = ({ after }: Row) => after.split('\t').slice(1).map(cleanText)

/** A cell that has to say something, if only that it has nothing to say. */
function readCells(time: Time | null, size: Size | null, said: { time?: string; size?: string }): Reading | null {
  const empty = (text: string | undefined) => text === undefined || text === '' || /^[-—]+$/.test(text)
  return (time || empty(said.time)) && (size || empty(said.size)) ? { size, time } : null
}

/** A table with cells of which the size is one and the time another, wherever they stand. */
function readAnyCells(
  row: Row,
  readTime: (text: string) => Time | null,
  readSize: (text: string) => Size | null,
): Reading | null {
  const cells = cellsOf(row)
  const times = cells.map(readTime)
  const at = times.findIndex((time) => time !== null)
  const sizes = cells.map((cell, index) => (index === at ? null : readSize(cell)))
  const size = sizes.find((one) => one !== null) ?? null
  return at >= 0 || cells.every((cell) => cell === '' || cell === '-') ? { size, time: times[at] ?? null } : null
}

/** Text after the link that is a time and a size. */
function readColumns(
  { after }: Row,
  pattern: RegExp,
  readTime: (text: string) => Time | null,
  readSize: (text: string) => Size | null,
): Reading | null {
  const [, time, size] = pattern.exec(after) ?? []
  if (time === undefined && size === undefined) return null
  const [read, bytes] = [time === undefined ? null : readTime(time), size === undefined ? null : readSize(size)]
  return readCells(read, bytes, { ...(time && { time }), ...(size && { size }) })
}

const NGINX = /^\s+(\d\d-[A-Za-z]{3}-\d{4} \d\d:\d\d)\s+(-|\d+[KMG]?)\s*$/
const ARTIFACTORY = /^\s+(\d\d-[A-Za-z]{3}-\d{4} \d\d:\d\d)\s+(-|\d+(?:\.\d+)? (?:bytes|[KMGTP]B))\s*$/
const CENTRAL = /^\s+(\d{4}-\d\d-\d\d \d\d:\d\d)\s+(-|\d+)\s*$/
const DARKHTTPD = /^\/?\s+(?:(\d{4}-\d\d-\d\d \d\d:\d\d)(?:\s+(\d+))?|(\d+))\s*$/
const THTTPD = /^([-dlpcbs?][-r][-w][-x])\s+\d+\s+(\d+)\s+([A-Z][a-z]{2} [ \d]\d [ \d:]{5})\s*$/
const IIS = /^(.*?\d{4} +\d{1,2}:\d\d(?::\d\d)?(?: [AP]M)?|\d{4}-\d\d-\d\d +\d\d:\d\d) +(<[^<>]+>|[\d,.]+)$/

const CANDIDATES: readonly Candidate[] = [
  // browse.html of Caddy: bytes in data-order, since 2.7 in data-size; RFC 3339 with its zone in datetime.
  {
    name: 'caddy',
    tag: 'table',
    fits: (_list, { marks }) => marks.has('summary') || marks.has('goup') || marks.has('meta-item'),
    read: ({ dataSize, dataTime }) =>
      dataTime === null ? null : { size: readBytes(dataSize ?? ''), time: readStandardDate(dataTime.trim()) },
  },
  // class-fallback.php of h5ai: date('Y-m-d H:i'), intval(size / 1000) . ' KB'.
  {
    name: 'h5ai',
    tag: 'table',
    fits: ({ classes }, { title, marks }) =>
      classes.has('fb-n') || (/h5ai/i.test(title) && (marks.has('fallback') || marks.has('fallback-hints'))),
    read: (row) => readAnyCells(row, readYearMonthDay, (text) => readScaled(text, 1000)),
  },
  // ngx_http_fancyindex_module.c: "%O" or "%.1f KiB", bytes as "%O B"; time format "%Y-%b-%d %H:%M".
  {
    name: 'fancyindex',
    tag: 'table',
    fits: ({ classes, id }) => id === 'list' && classes.has('link') && classes.has('size'),
    read: (row) => readAnyCells(row, readYearMonthDay, readScaled),
  },
  // mod_dirlisting.c of lighttpd: "%Y-%b-%d %H:%M:%S"; K, M, G with one digit after the point, never plain bytes.
  {
    name: 'lighttpd',
    tag: 'table',
    fits: ({ classes }) => classes.has('n') && classes.has('m') && classes.has('s'),
    read: (row) => {
      const [, time = '', size = ''] = row.after.split('\t', 3).map((cell) => cell.trim())
      return readCells(readYearMonthDay(time), readScaled(size), { time, size })
    },
  },
  // Jetty, Resource.getListHTML and ResourceListing: `8192 bytes` or `8,192 bytes`; DateFormat MEDIUM, MEDIUM.
  {
    name: 'jetty',
    tag: 'table',
    fits: (_list, { title, heading }) => /^\s*Directory: /.test(title || heading),
    read: (row) => readAnyCells(row, readJettyDate, readGroupedBytes),
  },
  // DefaultServlet of Tomcat: one digit after the point and kb, times as in headers.
  {
    name: 'tomcat',
    tag: 'table',
    fits: (_list, { title }) => /^\s*Directory Listing For \[?\//.test(title),
    read: (row) => readAnyCells(row, (text) => (text.endsWith(' GMT') ? readStandardDate(text) : null), readScaled),
  },
  // Nexus 2 and 3: java.util.Date.toString(), a number of bytes, nothing for folders.
  {
    name: 'nexus',
    tag: 'table',
    fits: (list, document) =>
      isIndex(list, document) &&
      list.sorts.size === 0 &&
      (list.rows.length > 0 || /^Name Last Modified Size Description/i.test(list.blocks.join(' '))),
    read: (row) => {
      const [time = '', size = ''] = cellsOf(row)
      return isJavaDate(time) ? readCells(readJavaDate(time), readBytes(size), { time: '', size }) : null
    },
  },
  // mod_autoindex.c of Apache: "%Y-%m-%d %H:%M", apr_strfsize: below 973 bytes their number, else 9.9K or 11M.
  { name: 'apache', tag: 'table', fits: isApache, read: readNameAlone, readIn: readApacheCells },
  { name: 'apache', tag: 'pre', fits: isApache, read: readNameAlone, readIn: readApacheLine },
  // The plain list of mod_autoindex.c: names alone, with a space before them in the link.
  {
    name: 'apache',
    tag: 'ul',
    fits: (list, document, server) =>
      isIndex(list, document) &&
      (list.rows[0]?.label ?? list.parent ?? (/^apache/i.test(server) ? ' ' : '')).startsWith(' '),
    read: readNameAlone,
  },
  // http.server of Python: names alone.
  {
    name: 'python',
    tag: 'ul',
    fits: ({ under }) => /^\s*Directory listing for /.test(under),
    read: readNameAlone,
  },
  // IIS: date, size or <dir>, then the link; in the language of the machine.
  { name: 'iis', tag: 'pre', fits: isIis, read: readNameAlone, readIn: readIisLine },
  // libhttpd.c of thttpd: as `ls -l`, size of a link is that of the link itself; the year only after half a year.
  {
    name: 'thttpd',
    tag: 'pre',
    fits: ({ blocks }) => blocks.some((block) => /^mode +links +bytes +last-changed/.test(block)),
    read: ({ before }) => {
      const [, mode = '', size = '', time = ''] = THTTPD.exec(before.trim()) ?? []
      return mode === '' ? null : { size: mode.startsWith('-') ? readBytes(size) : null, time: readListDate(time) }
    },
  },
  // Artifactory: "dd-MMM-yyyy HH:mm"; `512 bytes`, else two digits after the point and KB, MB.
  {
    name: 'artifactory',
    tag: 'pre',
    fits: (_list, { page }, server) =>
      /^artifactory/i.test(server) || page.blocks.some((block) => /^Artifactory\b.* Port \d+$/.test(block)),
    read: (row) =>
      readColumns(row, ARTIFACTORY, readDayMonthYear, (text) => readGroupedBytes(text) ?? readScaled(text)),
  },
  // ngx_http_autoindex_module.c: "%02d-%s-%d %02d:%02d", "%19O"; not exact_size: bytes to 9999, else K, M, G.
  { name: 'nginx', tag: 'pre', fits: isIndex, read: (row) => readColumns(row, NGINX, readDayMonthYear, readScaled) },
  // repo1.maven.org: "yyyy-MM-dd HH:mm" and bytes.
  {
    name: 'maven-central',
    tag: 'pre',
    fits: ({ id }) => id === 'contents',
    read: (row) => readColumns(row, CENTRAL, readYearMonthDay, readBytes),
  },
  // darkhttpd.c: "%Y-%m-%d %R" and "%10llu" bytes; before 1.13 bytes alone. Folders have a slash after the link.
  { name: 'darkhttpd', tag: 'pre', fits: isDarkhttpd, read: readDarkhttpd },
  // fs.go of Go, dirList: names alone, in a page that is nothing but a pre.
  {
    name: 'go',
    tag: 'pre',
    fits: ({ sorts }, { framed, title, heading, page, lists }) =>
      !framed && title + heading === '' && lists.length === 2 && page.blocks.length === 0 && sorts.size === 0,
    read: readNameAlone,
  },
]

function readNameAlone({ before, after }: Row): Reading | null {
  return cleanText(before + after) === '' ? NOTHING : null
}

function isApache({ sorts, blocks, heading, rows }: List): boolean {
  if (['N', 'M', 'S', 'D'].some((column) => sorts.has(column))) return true
  const above = blocks.slice(0, rows.length === 0 ? blocks.length : heading).join(' ')
  return /^\s*Name\s+Last modified\b/.test(above)
}

/** Columns can be left out, and descriptions may hold anything: what a column is, its place says. */
function apacheColumns({ sorts, blocks, heading }: List): { time: boolean; size: boolean } {
  const above = blocks.slice(0, heading).join(' ')
  const shown = (key: string, title: RegExp) => (sorts.size > 0 ? sorts.has(key) : false) || title.test(above)
  return { time: shown('M', /\bLast modified\b/), size: shown('S', /\bSize\b/) }
}

function readApacheCells(list: List) {
  const columns = apacheColumns(list)
  return (row: Row): Reading | null => {
    const cells = cellsOf(row)
    const time = columns.time ? (cells.shift() ?? '') : ''
    const size = columns.size ? (cells.shift() ?? '') : ''
    return readCells(readApacheTime(time), readScaled(size), { time, size })
  }
}

function readApacheLine(list: List) {
  const columns = apacheColumns(list)
  const pattern = columns.time ? /^\s*(\S{10,11} \d\d:\d\d)?(?:\s+(\S+))?/ : /^()\s*(\S+)?/
  return ({ after }: Row): Reading | null => {
    const [, time = '', found = ''] = pattern.exec(after) ?? []
    const size = columns.size ? found : ''
    return readCells(readApacheTime(time), readScaled(size), { time, size })
  }
}

const readApacheTime = (text: string) => readYearMonthDay(text) ?? readDayMonthYear(text)

function isIis({ parent, rows }: List, { title }: Document, server: string): boolean {
  const known = /^\[.*\]$/.test(parent?.trim() ?? '') || / - \//.test(title) || /^microsoft-iis/i.test(server)
  return known && (rows.length === 0 || IIS.test(cleanText(rows[0]!.before)))
}

function readIisLine({ rows }: List) {
  // One number above twelve in the first place shows that the day stands there.
  const months = rows.map(({ before }) => Number(/(\d{1,2})\/\d{1,2}\/\d{4}/.exec(before)?.[1] ?? 1))
  const monthFirst = months.every((month) => month <= 12)
  return ({ before }: Row): Reading | null => {
    const [, time = '', size = ''] = IIS.exec(cleanText(before)) ?? []
    if (size === '') return null
    const folder = size.startsWith('<')
    const bytes = folder ? null : readGroupedBytes(`${size} bytes`)
    return folder || bytes ? { size: bytes, time: readIisDate(time, monthFirst) } : null
  }
}

function isDarkhttpd({ under }: List, { title }: Document): boolean {
  return title.startsWith('/') && title.endsWith('/') && title === under
}

function readDarkhttpd({ after, target }: Row): Reading | null {
  const text = after.trimEnd()
  if (target.directory && text === '/') return NOTHING
  const [, time, size, alone] = DARKHTTPD.exec(text) ?? []
  const bytes = size ?? alone
  if (time === undefined && bytes === undefined) return null
  return {
    time: time === undefined ? null : readYearMonthDay(time),
    size: bytes === undefined ? null : readBytes(bytes),
  }
}
