// whole.ts — Whether a page shows that it is whole. What a page lacks is gone only then: a page that was cut off, that
// contradicts itself, or that has an error in it, says nothing about what is not in it.
import type { Document, List } from './document.ts'

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

const PROGRAM = /\b(?:Warning|Notice|Deprecated|(?:Fatal|Parse) error)\b.* in .+ on line \d+/s
const SYSTEM = new RegExp(
  'Input/output error|Stale (?:NFS )?file handle|Too many open files|Transport endpoint is not connected|' +
    'Cannot allocate memory|No space left on device|Connection (?:timed out|reset by peer)|Remote I/O error|' +
    '(?:Internal Server|Gateway Time-?out|Bad Gateway|Service (?:Temporarily )?Unavailable)|Too many levels of ' +
    'symbolic links|Error reading director(?:y|ies)|Proxy Error|upstream (?:prematurely closed|connect error)',
  'i',
)
const ERROR_LENGTH = 400

/** An error text in the list, after it, or at a link whose text is not what the format writes. */
function errorIn({ page }: Document, list: List, format: string | null): string | null {
  const after = list.tag === 'page' ? page.blocks : page.blocks.slice(list.blocksBefore)
  const said = list.tag === 'page' ? after : [...list.blocks.slice(list.heading), ...after]
  for (const text of said) if (isError(text)) return shorten(text)
  for (const row of list.rows) {
    if (format !== null && row.reading !== null) continue
    const text = row.before + row.after
    if (isError(text)) return shorten(text)
  }
  return null
}

/** Prose may speak of errors; an error says nothing else. */
function isError(text: string): boolean {
  return PROGRAM.test(text) || (text.length <= ERROR_LENGTH && SYSTEM.test(text))
}

const shorten = (text: string) => text.replace(/\s+/g, ' ').trim().slice(0, 120)

const COUNT = /(\d[\d,.]*) (director(?:y|ies)|folders?|dirs?|files?|items?|entr(?:y|ies)|objects?)\b/gi
const FILLER = /\d[\d,.]* ?(?:[KMGTP]i?)?(?:B|bytes?)\b|\b(?:total|and|in|size)\b|[\s,;:.·•|()+&]+/gi

/** A text that is nothing but counts, and counts something else than what was read. */
function wrongCount(blocks: readonly string[], { files, folders }: { files: number; folders: number }): string | null {
  for (const block of blocks) {
    if (block.length > 100 || !/^[(\s]*(?:total:?\s*)?\d/i.test(block)) continue
    const text = block.replace(/\s+/g, ' ')
    if (text.replace(COUNT, '').replace(FILLER, '') !== '') continue
    for (const [, number, noun] of text.matchAll(COUNT)) {
      const said = Number(number!.replace(/\D/g, ''))
      const counted = /^f(?!o)/i.test(noun!) ? files : /^(?:d|fo)/i.test(noun!) ? folders : files + folders
      if (said !== counted) return text.trim()
    }
  }
  return null
}
