// listing-parts.ts — What the makers of listing pages share: entries, names in links, times and sizes in pieces.
import { encodeName } from '../../listings/names.ts'
import { bytesOf } from '../../names.ts'

/** An entry of a page to make. */
export interface PageEntry {
  /** Bytes as text; see names.ts. */
  readonly name: string
  readonly directory: boolean
  readonly size: number
  /** Milliseconds since 1970. */
  readonly time: number
}

/** One way of listing a directory. */
export interface PageMaker {
  readonly contentType: string
  readonly server: string
  /** The format that it is recognised as. */
  readonly format: string
  /** What it tells of the size of a file: all bytes, some of them, or nothing. */
  readonly sizes: 'exact' | 'rounded' | 'none'
  /** Resolution of the time it tells, ms; 0 when it tells none. */
  readonly grain: number
  /** The page for a directory, whose path begins and ends with a slash. */
  readonly make: (entries: readonly PageEntry[], path: string) => Buffer
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** Text in HTML. */
export const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
/** The slash of a folder. */
export const slash = ({ directory }: PageEntry) => (directory ? '/' : '')
/** The name in a link. */
export const href = (entry: PageEntry) => `${encodeName(entry.name)}${slash(entry)}`
/** The name as people see it. */
export const label = (entry: PageEntry) => `${escaped(entry.name)}${slash(entry)}`

/** The pieces of a time. */
export interface Clock {
  readonly year: string
  readonly month: string
  readonly named: string
  readonly day: string
  readonly weekday: string
  readonly minute: string
  readonly second: string
  readonly half: string
  readonly date: Date
}

/** The time of an entry, in pieces. */
export function clockOf({ time }: PageEntry): Clock {
  const date = new Date(time)
  const [year = '', month = '', day = ''] = date.toISOString().slice(0, 10).split('-')
  const at = date.toISOString()
  const hour = date.getUTCHours()
  const half = `${hour % 12 || 12}:${at.slice(14, 16)}`
  const named = MONTHS[Number(month) - 1]!
  const weekday = DAYS[date.getUTCDay()]!
  return { year, month, named, day, weekday, minute: at.slice(11, 16), second: at.slice(11, 19), half, date }
}

/** Half of the day, as in English. */
export const afternoon = ({ date }: Clock) => (date.getUTCHours() < 12 ? 'AM' : 'PM')
/** A time such as `2026-01-05 12:34`. */
export const isoMinute = (entry: PageEntry) => new Date(entry.time).toISOString().slice(0, 16).replace('T', ' ')

/** A size as Apache prints it. */
export function scaled(size: number): string {
  let [value, unit] = [size, 0]
  while (value >= 973 && unit < 5) [value, unit] = [value / 1024, unit + 1]
  if (unit === 0) return `${size} `
  return value < 9.95 ? `${value.toFixed(1)}${'KMGTP'[unit - 1]}` : `${Math.round(value)}${'KMGTP'[unit - 1]}`
}

/** What is around the rows of a page. */
export interface Frame {
  readonly title: string
  readonly above: string
  readonly below: string
}

/** A page of HTML. */
export function page({ title, above, below }: Frame, rows: readonly string[], end = '</body></html>\n'): Buffer {
  const head = `<html>\n<head><title>${title}</title></head>\n<body>\n`
  return bytesOf(`${head}${above}${rows.join('')}${below}${end}`)
}
