// html.ts — From a page of HTML to a listing: finds the list of the server, reads its rows as its format says, and
// judges whether the page is one at all.
import { isDated, listsLike, POINTS_SURE, rankLists, type Choice } from './containers.ts'
import { readDocument, type Document, type List, type Row } from './document.ts'
import { cleanText, recogniseFormat } from './formats.ts'
import type { Entry, Listing, Page, Problem, Refused } from './listing.ts'
import { checkName, decodePage, decodePythonName } from './names.ts'
import { isClosed, whyIncomplete } from './whole.ts'
import { decodePercent, showName } from '../names.ts'

const TITLE = /^\s*(?:index of|directory listing|listing (?:of|directory)|directory:)/i
const STAMP_MAX = 100

/** What a page of HTML lists; null when it links to nothing below it and does not look like a listing. */
export function parseHtml({ bytes, url, server, lenient }: Page): Listing | Problem | null {
  const document = readDocument(textOf(bytes), url)
  if (document === null)
    return { problem: 'the page has more lists and tables, or deeper ones, than any listing', likely: true }
  const titled = TITLE.test(document.title) || TITLE.test(document.heading)
  const { choice, format } = findFormat(document, titled, server ?? '')
  const { list } = choice
  const rows = rowsOf(document, choice, { format, lenient })
  const links = document.lists.flatMap(({ rows: found }) => found)
  const likely = titled || choice.points >= POINTS_SURE || (list.tag !== 'page' && isDated(list.rows))
  if (format === null && !(titled && isListed(choice)) && !(lenient && rows.length > 0))
    return links.length > 0 || titled ? refusePage(links, likely) : null
  const listing = listRows(rows, format)
  const names = [...listing.entries, ...listing.refused]
  if (names.length === 0 && list.foreign > 0) return { problem: ELSEWHERE, likely: true }
  const folders = names.filter((one) => 'directory' in one && one.directory).length
  const incomplete = whyIncomplete(document, list, format, { files: names.length - folders, folders })
  // Cut off above the list, a page can have a list of links in its prose.
  if (choice.points < POINTS_SURE && !lenient && !isClosed(document, list))
    return { problem: `the listing may not be whole: ${incomplete}`, likely: true }
  return { format, ...listing, incomplete, next: null }
}

const ELSEWHERE =
  'the page looks like a directory listing, but all its links lead out of the directory: mirror it from the address ' +
  'they lead to'

/** The text of a page; bytes that are not UTF-8 matter only in links. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  return /(?:href|HREF)\s*=\s*["']?[^"'>]*\ufffd/.test(text) ? decodePage(bytes) : text
}

/** The best list in which a format is recognised; else the best of all. */
function findFormat(document: Document, titled: boolean, server: string): { choice: Choice; format: string | null } {
  const choices = rankLists(document)
  for (const choice of choices) {
    const format = recogniseFormat(choice.list, document, server)
    if (format !== null && isBelieved(choice, titled, format)) return { choice, format }
  }
  return { choice: choices[0], format: null }
}

/** A list without rows needs more than its form. */
function isBelieved({ list, points }: Choice, titled: boolean, format: string): boolean {
  return titled || points >= POINTS_SURE || list.rows.length > 0 || list.classes.size > 0 || BARE.has(format)
}

/** Servers whose pages have no title that says what they are. */
const BARE = new Set(['go', 'darkhttpd'])

/** Whether a list whose server is not known has what a list of entries has. */
function isListed({ list, points }: Choice): boolean {
  return list.rows.length > 0 ? list.tag !== 'page' || points >= POINTS_SURE : list.parent !== null
}

/** The rows that are entries. */
function rowsOf(
  document: Document,
  choice: Choice,
  { format, lenient }: { format: string | null; lenient: boolean },
): Row[] {
  if (format !== null) return choice.list.rows.filter(({ extra }) => !extra)
  const lists: List[] = choice.points >= POINTS_SURE || !lenient ? listsLike(document, choice) : document.lists
  return lists.flatMap(({ rows }) => {
    // A second link in a row with a date belongs to a description.
    const isEntry = isDated(rows) ? ({ extra }: Row) => !extra : () => true
    return rows.filter(isEntry)
  })
}

function refusePage(links: readonly Row[], likely: boolean): Problem {
  const [first] = links
  if (!first)
    return { problem: 'the page is titled like a directory listing, but has no list in it that is understood', likely }
  const example = showName(decodePercent(first.target.raw))
  return {
    problem:
      `the page links to ${links.length === 1 ? 'a name' : `${links.length} names`} below it, such as ` +
      `${example}, but is ` +
      'no directory listing that is understood: with tree = "always" every such link is taken for a file or directory',
    likely,
  }
}

function listRows(rows: readonly Row[], format: string | null): { entries: Entry[]; refused: Refused[] } {
  const entries: Entry[] = []
  const refused: Refused[] = []
  const seen = new Map<string, number>()
  const decode = format === 'python' ? decodePythonName : decodePercent
  for (const row of rows) {
    const { raw, directory } = row.target
    const decoded = decode(raw)
    // thttpd lists the directory itself.
    if (decoded === '.' || decoded === '..') continue
    const name = checkName(decoded)
    if (typeof name !== 'string') {
      refused.push(name)
      continue
    }
    const before = seen.get(name)
    if (before === undefined) {
      seen.set(name, entries.length)
      entries.push(entryOf(name, row, format))
    } else if (directory && !entries[before]!.directory) entries[before] = entryOf(name, row, format)
  }
  return { entries, refused }
}

function entryOf(name: string, row: Row, format: string | null): Entry {
  const { raw, directory } = row.target
  const reading = format === null ? null : row.reading
  const size = directory ? null : (reading?.size ?? null)
  const { before, after, dataSize, dataTime } = row
  const said = dataTime === null ? `${before} ${after}` : `${before} ${after} ${dataSize ?? ''} ${dataTime}`
  return {
    name,
    directory,
    raw,
    size: size?.size ?? null,
    exact: size?.exact ?? false,
    time: reading?.time?.time ?? null,
    grain: reading?.time?.grain ?? 0,
    stamp: cleanText(said).slice(0, STAMP_MAX),
  }
}
