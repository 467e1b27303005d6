// badge.ts — The state of one mirror in a word, as text and as a picture for other pages. Pure.
import { html, markupOf } from '../html.ts'
import type { Mirror } from '../mirror.ts'

/** How wide a character is about, px: of Latin letters, and of others, such as Chinese ones. */
const NARROW = 7
const WIDE = 12
const PADDING = 6

const COLOURS: Readonly<Record<string, string>> = {
  OK: '#14692f',
  SYNCING: '#0b57b0',
  LATE: '#8a4b00',
  STALE: '#a43a00',
  FAILED: '#b3141f',
}

/** The word: OK for what is up to date, also while it syncs; else the state in capitals. */
export function badgeWord({ isUpToDate, state }: Pick<Mirror, 'isUpToDate' | 'state'>): string {
  return isUpToDate ? 'OK' : state.toUpperCase()
}

/** An SVG with the name and the word. */
export function drawBadge(mirror: Pick<Mirror, 'name' | 'isUpToDate' | 'state'>): string {
  const word = badgeWord(mirror)
  const [left, right] = [widthOf(mirror.name), widthOf(word)]
  const label = `${mirror.name}: ${word}`
  return markupOf(html`<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img">
<title>${label}</title>
<rect width="${left}" height="20" fill="#444c56"/>
<rect x="${left}" width="${right}" height="20" fill="${COLOURS[word] ?? '#555d6b'}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="${left / 2}" y="14">${mirror.name}</text>
<text x="${left + right / 2}" y="14">${word}</text>
</g>
</svg>
`)
}

function widthOf(text: string): number {
  const inner = Array.from(text).reduce((sum, character) => sum + (character < '\u0370' ? NARROW : WIDE), 0)
  return inner + 2 * PADDING
}
