// whole.ts — Whether a page shows that it is whole. What a page lacks is gone only then: a page that was cut off, that
// contradicts itself, or that has an error in it, says nothing about what is not in it.
import type { Document, List, Row } from './document.ts'

/** Why a page may lack entries; null when it shows that it is whole. `read`: how many of what it lists were read. */
export function whyIncomplete(
  document: Document,
  list: List,
  format: string | null,
  read: { files: number; folders: number },
): string | null {
  const error = errorIn(document, list, format)
  if (error !== null) return `there is an error in it: ${error}`
  if (!isClosed(document, list)) return 'it ends before its list is closed'
  if (format !== null && endsInRow(list)) return 'its last entry is not written to its end'
  const counted = wrongCount([...document.page.blocks, ...list.blocks], read)
  if (counted !== null) return `it says "${counted}", and lists ${read.folders} directories and ${read.files} files`
  if (format === 'caddy' && read.files + read.folders === CADDY_MAX) return CADDY_FULL
  return null
}

/** Caddy reads no more entries of a directory, and does not say so. */
export const CADDY_MAX = 10_000
export const CADDY_FULL = `it has ${CADDY_MAX} entries, and Caddy lists no more by itself`

const END = /<\/(?:html|body)\s*>/i

/** Whether the list was closed, and after it the page, if it ever was opened. */
export function isClosed({ text, framed }: Document, { tag, closedAt }: List): boolean {
  if (tag === 'page') return END.test(text.slice(text.lastIndexOf('</a')))
  return closedAt !== null && (!framed || END.test(text.slice(closedAt)))
}

/** Whether the last row says less than the format says of each: what was cut off can have been closed by a proxy. */
function endsInRow({ rows }: List): boolean {
  const last = rows.findLast(({ extra }) => !extra)
  if (last === undefined) return false
  const cells = ({ after }: Row) => after.split('\t').length
  return last.reading === null || cells(last) < cells(rows[0]!)
}

const PROGRAM = /\b(?:Warning|Notice|Deprecated|(?:Fatal|Parse) error)\b:.* in .+ on line \d+/s
const SYSTEM =
  '(?:Input/output error|Stale (?:NFS )?file handle|Too many open files|Transport endpoint is not connected|' +
  'Cannot allocate memory|No space left on device|Connection (?:timed out|reset by peer)|Remote I/O error|' +
  'Internal Server Error|Gateway Time-?out|Bad Gateway|Service (?:Temporarily )?Unavailable|Too many levels of ' +
  'symbolic links|Error reading director(?:y|ies)|Proxy Error|Permission denied|failed to open dir(?:ectory)?|' +
  'upstream (?:prematurely closed|connect error))'
const IN_LIST = new RegExp(SYSTEM, 'i')
/** As programs print it, which prose does not: what failed, a colon, the error, and no sentence after it. */
const ALONE = new RegExp(`^(?:[^:"]{1,80}: ){0,4}(?:\\d{3}:? )?${SYSTEM}(?:$|[.:;,!(])`, 'i')
const ERROR_LENGTH = 400
const WARNING_LENGTH = 2000

/** An error text in the list, or instead of what its format writes beside a link, or alone outside of the list. */
function errorIn({ page }: Document, list: List, format: string | null): string | null {
  const outside = page.blocks.find((text) => isWarning(text) || (text.length <= ERROR_LENGTH && ALONE.test(text)))
  if (outside !== undefined) return shorten(outside)
  const inside = list.tag === 'page' ? undefined : list.blocks.slice(list.heading).find(isError)
  if (inside !== undefined) return shorten(inside)
  for (const row of list.rows) {
    if (format !== null && row.reading !== null) continue
    const text = row.before + row.after
    if (isError(text)) return shorten(text)
  }
  return null
}

function isWarning(text: string): boolean {
  return PROGRAM.test(text.slice(0, WARNING_LENGTH))
}

function isError(text: string): boolean {
  return isWarning(text) || (text.length <= ERROR_LENGTH && IN_LIST.test(text))
}

const shorten = (text: string) => text.replace(/\s+/g, ' ').trim().slice(0, 120)

const COUNT_LENGTH = 200
const COUNT = /(\d[\d,.]*) (director(?:y|ies)|folders?|dirs?|files?|items?|entr(?:y|ies)|objects?)\b/gi
const FILLER = /\d[\d,.]* ?(?:[KMGTP]i?)?(?:B|bytes?)\b|\b(?:total|and|in|size)\b|[\s,;:.·•|()+&]+/gi

/** A text that is nothing but counts, and counts something else than what was read. */
function wrongCount(blocks: readonly string[], { files, folders }: { files: number; folders: number }): string | null {
  for (const block of blocks) {
    if (!/^[(\s]*(?:total:?\s*)?\d/i.test(block)) continue
    const text = block.replace(/\s+/g, ' ')
    if (text.length > COUNT_LENGTH || text.replace(COUNT, '').replace(FILLER, '') !== '') continue
    for (const [, number, noun] of text.matchAll(COUNT)) {
      const said = Number(number!.replace(/\D/g, ''))
      const counted = /^f(?!o)/i.test(noun!) ? files : /^(?:d|fo)/i.test(noun!) ? folders : files + folders
      if (said !== counted) return text.trim()
    }
  }
  return null
}
