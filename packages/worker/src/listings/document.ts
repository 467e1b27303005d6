// document.ts — Reads a page of HTML into its lists: every link that names something below the page, with the text that
// stands beside it, and what shows where the list of the server is and whether it is whole.
import { Parser } from 'htmlparser2'
import type { Size } from './sizes.ts'
import type { Time } from './times.ts'
import { resolveLink, targetBelow, type Target } from './names.ts'

/** What the text beside a link says; null in it where nothing is said. */
export interface Reading {
  readonly size: Size | null
  readonly time: Time | null
}

/** A link to something below the page, with what stands on its line or in its row. */
export interface Row {
  readonly target: Target
  readonly before: string
  label: string
  /** Cells of a table begin with a tab. */
  after: string
  /** The attributes data-order or data-size, and datetime, which Caddy writes. */
  dataSize: string | null
  dataTime: string | null
  /** Its icon says that it is a symbolic link: size and time are not those of the file. */
  symbolic: boolean
  /** It is not the first link of its row. */
  readonly extra: boolean
  /** What its format reads in the text; null before that, and when the text is not what the format writes. */
  reading: Reading | null
}

/** What encloses links; `page` has those that are in no list. */
export interface List {
  readonly tag: 'pre' | 'table' | 'ul' | 'ol' | 'dl' | 'page'
  readonly id: string
  readonly classes: Set<string>
  readonly rows: Row[]
  /** Texts beside the rows, in order; those before the first row are its heading. */
  readonly blocks: string[]
  heading: number
  /** Columns that links sort by, as Apache names them; `?` for those of others. */
  readonly sorts: Set<string>
  /** What the link to the parent directory says. */
  parent: string | null
  /** Links to the same host that lead elsewhere. */
  foreign: number
  /** The last heading before it. */
  readonly under: string
  /** Where it was closed with a tag of its own. */
  closedAt: number | null
}

/** A page that was read. */
export interface Document {
  readonly text: string
  title: string
  titles: number
  heading: string
  readonly page: List
  readonly lists: List[]
  /** Whether html, head or body were opened. */
  framed: boolean
  /** Ids and classes that servers put beside their lists. */
  readonly marks: Set<string>
}

/** Reads a page; null when it has more lists in it, or is nested deeper, than any listing. */
export function readDocument(text: string, url: URL): Document | null {
  const page = newList('page', {}, '')
  const document: Document = {
    text,
    title: '',
    titles: 0,
    heading: '',
    page,
    lists: [page],
    framed: false,
    marks: new Set(),
  }
  const reader: Reader = {
    document,
    base: url,
    url,
    stack: [page],
    row: null,
    link: null,
    taken: false,
    block: '',
    in: '',
    skip: 0,
  }
  let depth = 0
  const parser = new Parser({
    onopentag(tag, attributes) {
      depth++
      openTag(reader, tag, attributes)
    },
    ontext: (piece) => readText(reader, piece),
    onclosetag(tag, implied) {
      depth--
      closeTag(reader, tag, implied ? null : parser.endIndex)
    },
  })
  for (let at = 0; at < text.length; at += PIECE_LENGTH) {
    parser.write(text.slice(at, at + PIECE_LENGTH))
    // The time that the parser takes for a tag grows with the depth.
    if (depth > DEPTH_MAX) return null
  }
  parser.end()
  endRow(reader)
  return document.lists.length < LISTS_MAX ? document : null
}

const BLOCKS_MAX = 10_000
const LISTS_MAX = 100_000
const DEPTH_MAX = 20_000
const PIECE_LENGTH = 65_536
const ICON_LENGTH = 20
const SORT = /[?&;](?:C=([NMSD])\b|(?:O|sort|sortby|order)=)/i

interface Link {
  label: string
  readonly ancestor: boolean
}

interface Reader {
  readonly document: Document
  base: URL
  readonly url: URL
  readonly stack: List[]
  row: Row | null
  link: Row | Link | null
  /** The row of a table began with another link, such as that to the parent: it is no entry. */
  taken: boolean
  /** Text since the last row or block ended. */
  block: string
  /** The heading or title that is open. */
  in: string
  /** Open elements whose text nobody sees. */
  skip: number
}

function newList(tag: List['tag'], attributes: Record<string, string>, under: string): List {
  return {
    tag,
    id: attributes['id'] ?? '',
    classes: new Set(),
    rows: [],
    blocks: [],
    heading: 0,
    sorts: new Set(),
    parent: null,
    foreign: 0,
    under,
    closedAt: null,
  }
}

function openTag(reader: Reader, tag: string, attributes: Record<string, string>): void {
  const { document, row } = reader
  const list = reader.stack.at(-1)!
  if (row !== null) readData(row, tag, attributes)
  switch (tag) {
    case 'a':
      return openLink(reader, list, attributes['href'])
    case 'td':
    case 'th':
      if (attributes['class'] && list.rows.length <= 1) list.classes.add(attributes['class'])
      if (row === null) endBlock(reader)
      else row.after += '\t'
      return
    case 'tr':
    case 'li':
    case 'dt':
      return endRow(reader)
    case 'pre':
    case 'table':
    case 'ul':
    case 'ol':
    case 'dl': {
      endRow(reader)
      reader.link = null
      if (document.lists.length >= LISTS_MAX) return
      const opened = newList(tag, attributes, document.heading)
      reader.stack.push(opened)
      document.lists.push(opened)
      return
    }
    case 'html':
    case 'head':
    case 'body':
      document.framed = true
      return
    case 'base':
      reader.base = URL.parse(attributes['href'] ?? '', reader.url) ?? reader.url
      return
    default:
      openOther(reader, tag, attributes, list)
  }
}

function openOther(reader: Reader, tag: string, attributes: Record<string, string>, list: List): void {
  if (attributes['class']) reader.document.marks.add(attributes['class'])
  if (attributes['id']) reader.document.marks.add(attributes['id'])
  if (HIDDEN.has(tag)) reader.skip++
  else if (HEADINGS.has(tag)) {
    endRow(reader)
    reader.in = tag
    if (tag === 'title') reader.document.titles++
    else reader.document.heading = ''
  } else if (breaksRow(tag, list)) endRow(reader)
  else if (BREAKS.has(tag) && reader.row === null) endBlock(reader)
}

const HIDDEN = new Set(['script', 'style', 'svg', 'template'])
const HEADINGS = new Set(['title', 'h1', 'h2', 'h3'])
const ROWS = new Set(['tr', 'li', 'dt'])
const BREAKS = new Set(['p', 'div', 'hr', 'br', 'address', 'footer', 'header', 'main', 'section', 'blockquote'])

/** A list of lines breaks at br, text outside of lists at every block. */
function breaksRow(tag: string, { tag: inside }: List): boolean {
  return BREAKS.has(tag) && (inside === 'page' || (inside === 'pre' && (tag === 'br' || tag === 'hr')))
}

function readData(row: Row, tag: string, attributes: Record<string, string>): void {
  if (tag === 'use' && attributes['xlink:href']?.endsWith('-shortcut')) row.symbolic = true
  row.dataSize ??= attributes['data-order'] ?? attributes['data-size'] ?? null
  row.dataTime ??= attributes['datetime'] ?? null
}

function openLink(reader: Reader, list: List, href: string | undefined): void {
  const target = href === undefined ? null : targetBelow(addressOf(reader, href), reader.url)
  if (target === null) return openOtherLink(reader, list, href)
  if (list.tag === 'page') endRow(reader)
  if (reader.row?.target.raw === target.raw) {
    // The first one was an icon.
    if (reader.row.label.length < ICON_LENGTH && reader.row.label.trim() === '') reader.row.after = ''
    reader.link = reader.row
    return
  }
  const extra = reader.row !== null || reader.taken
  const before = extra ? '' : reader.block
  const row: Row = {
    target,
    before,
    label: '',
    after: '',
    dataSize: null,
    dataTime: null,
    symbolic: false,
    extra,
    reading: null,
  }
  if (list.rows.length === 0) list.heading = list.blocks.length
  list.rows.push(row)
  reader.link = row
  if (extra) return
  reader.block = ''
  reader.row = row
}

/** A link as it is, unless the page says that its links start elsewhere. */
function addressOf({ base, url }: Reader, href: string): string {
  return base === url ? href : (resolveLink(href, base)?.href ?? '')
}

function openOtherLink(reader: Reader, list: List, href: string | undefined): void {
  const sort = href === undefined ? null : SORT.exec(href)
  if (sort) list.sorts.add(sort[1]?.toUpperCase() ?? '?')
  let ancestor = /^(?:\.\/)?\.\.\/?$/.test(href ?? '')
  const at = href === undefined || sort || ancestor ? null : resolveLink(href, reader.base)
  if (at !== null && at.host === reader.url.host) {
    ancestor = at.pathname !== reader.url.pathname && reader.url.pathname.startsWith(at.pathname)
    if (!ancestor && at.pathname !== reader.url.pathname) list.foreign++
  }
  if (list.tag === 'table' && reader.row === null && (ancestor || sort)) reader.taken = true
  reader.link = { label: '', ancestor }
}

function readText(reader: Reader, piece: string): void {
  if (reader.skip > 0) return
  if (reader.in === 'title') readTitle(reader, piece)
  else if (reader.in !== '') reader.document.heading += piece
  const { link } = reader
  if (link !== null) link.label += piece
  if (link !== null && 'target' in link) return
  if (piece.includes('\n') && reader.stack.at(-1)!.tag === 'pre') readLines(reader, piece)
  else readLine(reader, piece)
}

/** The first title is that of the server: a HEADER can be a page of its own. */
function readTitle({ document }: Reader, piece: string): void {
  if (document.titles === 1) document.title += piece
}

function readLines(reader: Reader, piece: string): void {
  let from = 0
  for (let at = piece.indexOf('\n'); at >= 0; at = piece.indexOf('\n', from)) {
    readLine(reader, piece.slice(from, at))
    endRow(reader)
    from = at + 1
  }
  if (from < piece.length) readLine(reader, piece.slice(from))
}

function readLine(reader: Reader, text: string): void {
  if (reader.row === null) reader.block += text
  else if (reader.link === null) reader.row.after += text.includes('\t') ? text.replaceAll('\t', ' ') : text
}

function endRow(reader: Reader): void {
  reader.taken = false
  if (reader.row === null) return endBlock(reader)
  reader.row = null
  reader.block = ''
}

function endBlock(reader: Reader): void {
  const text = reader.block.trim()
  reader.block = ''
  const { blocks } = reader.stack.at(-1)!
  if (text !== '' && blocks.length < BLOCKS_MAX) blocks.push(text)
}

function closeTag(reader: Reader, tag: string, at: number | null): void {
  if (tag === 'a') return closeLink(reader)
  if (tag === 'td' || tag === 'th') return
  if (HIDDEN.has(tag)) reader.skip--
  else if (HEADINGS.has(tag)) {
    reader.in = ''
    if (tag === 'title') reader.block = ''
    else endBlock(reader)
  } else if (tag === reader.stack.at(-1)!.tag) closeList(reader, at)
  else if (ROWS.has(tag)) endRow(reader)
  else if (BREAKS.has(tag) && reader.row === null) endBlock(reader)
}

function closeLink(reader: Reader): void {
  const { link } = reader
  reader.link = null
  if (link === null || 'target' in link || !link.ancestor) return
  if (/parent|\.\.|\bup\b|↑|←/i.test(link.label)) reader.stack.at(-1)!.parent = link.label
}

function closeList(reader: Reader, at: number | null): void {
  endRow(reader)
  reader.stack.pop()!.closedAt = at
}
