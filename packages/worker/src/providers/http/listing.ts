// listing.ts — Reads directory listings of web servers: the entries of a directory and what the listing says about
// them. Pure; trusts no name.
import { Parser } from 'htmlparser2'

/** One entry of a listing, directly below its directory. */
export interface Entry {
  readonly name: string
  readonly directory: boolean
  /** The name as the server wrote it, percent-encoded. */
  readonly raw: string
  /** Bytes; rounded unless `exact`; null where the listing does not say. */
  readonly size: number | null
  readonly exact: boolean
  /** Milliseconds since 1970 if the listing means UTC; null where it does not say. */
  readonly time: number | null
  /** Resolution of the time, ms. */
  readonly grain: number
  /** What the listing says about the file, word for word: the same text means that no change was noticed. */
  readonly stamp: string
}

export interface Listing {
  readonly entries: readonly Entry[]
  /** Names that cannot be mirrored, as written. */
  readonly refused: readonly string[]
}

export interface Page {
  readonly text: string
  readonly contentType: string
  readonly url: URL
  /** Accepts any page that links to something below it. */
  readonly lenient: boolean
}

const TITLE = /^\s*(index of|directory listing|listing of|directory:)/i
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const UNITS = ['', 'K', 'M', 'G', 'T', 'P']

/** The entries of a page; null when it is no listing that is recognised. */
export function parseListing(page: Page): Listing | null {
  if (/json/i.test(page.contentType)) return parseJson(page.text)
  return /html/i.test(page.contentType) ? parseHtml(page) : null
}

/** Why a name cannot be a file of a mirror; null when it can. */
export function nameProblem(name: string): string | null {
  if (name === '' || name === '.' || name === '..') return 'not a name'
  if (/[/\\\u0000-\u001f\u007f-\u009f]/.test(name)) return 'a slash or control character in it'
  return Buffer.byteLength(name) > 255 || !name.isWellFormed() ? 'longer than a disk can keep, or not text' : null
}

interface Draft {
  readonly raw: string
  readonly directory: boolean
  said: string
}

function parseHtml({ text, url, lenient }: Page): Listing | null {
  const drafts = new Map<string, Draft>()
  let current: Draft | null = null
  let heading = false
  let inLink = false
  let recognised = false
  const parser = new Parser({
    onopentag(tag, attributes) {
      if (tag === 'a') {
        inLink = true
        const link = attributes.href === undefined ? null : below(attributes.href, url)
        current = link && (drafts.get(link.raw) ?? { ...link, said: '' })
        if (current) drafts.set(current.raw, current)
      } else if (tag === 'tr' || tag === 'li') current = null
      else if (tag === 'title' || tag === 'h1' || tag === 'h2') heading = true
      if (current && (tag === 'td' || tag === 'th')) current.said += ' '
      if (attributes.class === 'goup') recognised = true
      if (current && attributes['data-order']) current.said += ` ${attributes['data-order']} `
      if (current && attributes.datetime) current.said += ` ${attributes.datetime} `
    },
    ontext(piece) {
      if (heading && TITLE.test(piece)) recognised = true
      if (current && !inLink) current.said += piece
    },
    onclosetag(tag) {
      if (tag === 'a') inLink = false
      else if (tag === 'title' || tag === 'h1' || tag === 'h2') heading = false
    },
  })
  parser.end(text)
  return recognised || (lenient && drafts.size > 0) ? listingOf([...drafts.values()].map(entryOfDraft)) : null
}

/** The part of a link that names something directly below the page; null for every other link. */
function below(href: string, base: URL): { raw: string; directory: boolean } | null {
  const plain = /^(?:\.\/)?([\w~+@=,-][\w.~+@=,-]*)(\/?)$/.exec(href)
  if (plain) return { raw: plain[1]!, directory: plain[2] === '/' }
  const at = URL.parse(href, base)
  if (!at || at.origin !== base.origin || at.search !== '' || !at.pathname.startsWith(base.pathname)) return null
  const rest = at.pathname.slice(base.pathname.length)
  const directory = rest.endsWith('/')
  const raw = directory ? rest.slice(0, -1) : rest
  return raw === '' || raw.includes('/') ? null : { raw, directory }
}

function entryOfDraft({ raw, directory, said }: Draft): Entry | string {
  const name = decoded(raw)
  if (name === null || nameProblem(name) !== null) return raw
  const text = said.replace(/\s+/g, ' ')
  const { time, grain, rest } = timeIn(text)
  const [, digits, unit = ''] = /(?:^| )(\d+(?:\.\d+)?) ?([KMGTP]?)(?:i?B)?(?: |$)/i.exec(rest) ?? []
  const size = digits === undefined ? null : Math.round(Number(digits) * 1024 ** UNITS.indexOf(unit.toUpperCase()))
  const exact = digits !== undefined && unit === '' && !digits.includes('.')
  return { name, directory, raw, size, exact, time, grain, stamp: text.trim().slice(0, 100) }
}

function decoded(raw: string): string | null {
  try {
    return decodeURIComponent(raw)
  } catch {
    // Bytes that are not UTF-8 cannot be written back as the same name.
    return null
  }
}

/** The first time in a text, and the text without it. */
function timeIn(text: string): { time: number | null; grain: number; rest: string } {
  const found = /(?:(\d{4})-(\w{2,3})-(\d{2})|(\d{2})-([A-Za-z]{3})-(\d{4}))[ T](\d{2}):(\d{2})(?::(\d{2}))?\S*/.exec(
    text,
  )
  if (!found) return { time: null, grain: 0, rest: text }
  const [whole, year, month, day, dayFirst, monthName, yearLast, hour, minute, second] = found
  const named = (month ?? monthName)!.toLowerCase()
  const index = /^\d+$/.test(named) ? Number(named) - 1 : MONTHS.indexOf(named)
  const time = Date.UTC(
    Number(year ?? yearLast),
    index,
    Number(day ?? dayFirst),
    Number(hour),
    Number(minute),
    Number(second ?? 0),
  )
  return {
    time: Number.isNaN(time) || index < 0 ? null : time,
    grain: second === undefined ? 60_000 : 1000,
    rest: `${text.slice(0, found.index)} ${text.slice(found.index + whole.length)}`,
  }
}

/** nginx: name, type, mtime, size. Caddy: name, is_dir, mod_time, size. */
function parseJson(text: string): Listing | null {
  let rows: unknown
  try {
    rows = JSON.parse(text)
  } catch {
    return null
  }
  if (!Array.isArray(rows) || !rows.every(isRow)) return null
  return listingOf(rows.filter((row) => row.name !== './' && row.name !== '../').map(entryOfRow))
}

interface Row {
  readonly name: string
  readonly type?: unknown
  readonly is_dir?: unknown
  readonly mtime?: unknown
  readonly mod_time?: unknown
  readonly size?: unknown
}

function isRow(row: unknown): row is Row {
  const { name, type, is_dir: isDirectory } = (row ?? {}) as Row
  return typeof name === 'string' && (typeof type === 'string' || typeof isDirectory === 'boolean')
}

function entryOfRow(row: Row): Entry | string {
  const directory = row.type === 'directory' || row.is_dir === true
  const name = row.name.replace(/\/$/, '')
  if (nameProblem(name) !== null) return row.name
  const said = row.mtime ?? row.mod_time
  const time = typeof said === 'string' ? Date.parse(said) : Number.NaN
  const size =
    typeof row.size === 'number' && Number.isSafeInteger(row.size) && row.size >= 0 && !directory ? row.size : null
  return {
    name,
    directory,
    raw: encodeURIComponent(name),
    size,
    exact: size !== null,
    time: Number.isNaN(time) ? null : time,
    grain: 1000,
    stamp: `${String(said)} ${size}`,
  }
}

function listingOf(found: readonly (Entry | string)[]): Listing {
  return {
    entries: found.filter((entry) => typeof entry !== 'string'),
    refused: found.filter((entry) => typeof entry === 'string'),
  }
}
