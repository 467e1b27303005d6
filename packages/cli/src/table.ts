// table.ts — Rows of text in aligned columns, as wide as a terminal allows. One pass over all cells.
import stringWidth from 'string-width'

/** A column. Without more than a heading it is always shown whole. */
export interface Column {
  readonly head: string
  /** It is left out where the terminal is too narrow; of several the highest number goes first. */
  readonly drop?: number
  /** Its cells may be cut to so many characters, and end with an ellipsis then. */
  readonly cut?: number
}

const GAP = '  '

/** The table, each line with its end. Wide characters are aligned too; a cell may have several lines. */
export function renderTable(
  given: readonly (string | Column)[],
  rows: readonly (readonly string[])[],
  { width = Infinity, heading = (text: string) => text } = {},
): string {
  const columns = given.map((column) => (typeof column === 'string' ? { head: column } : column))
  const cells = rows.map((row) => row.map((cell) => cell.split('\n').map((text) => ({ text, width: widthOf(text) }))))
  const natural = columns.map(({ head }, at) =>
    cells.reduce((most, row) => row[at]!.reduce((wide, line) => Math.max(wide, line.width), most), widthOf(head)),
  )
  const shown = fit(columns, natural, width)
  const lines = [
    lineOf(
      shown.map(({ at, room }) => ({ text: heading(columns[at]!.head), width: widthOf(columns[at]!.head), room })),
    ),
  ]
  for (const row of cells)
    for (let index = 0; index < Math.max(...shown.map(({ at }) => row[at]!.length)); index++)
      lines.push(
        lineOf(shown.map(({ at, room }) => ({ ...cutTo(row[at]![index] ?? { text: '', width: 0 }, room), room }))),
      )
  return lines.join('')
}

interface Cell {
  readonly text: string
  readonly width: number
}

/** Which columns are shown, and how wide each is. */
function fit(columns: readonly Column[], natural: readonly number[], width: number): { at: number; room: number }[] {
  let shown = columns.map((column, at) => ({ at, column, room: natural[at]! }))
  const excess = () => shown.reduce((sum, { room }) => sum + room + GAP.length, -GAP.length) - width
  for (const one of shown) {
    const { cut } = one.column
    if (cut !== undefined && excess() > 0) one.room = Math.min(one.room, Math.max(cut, one.room - excess()))
  }
  while (excess() > 0) {
    const drops = shown.map(({ column }) => column.drop ?? 0)
    const most = Math.max(...drops)
    if (most === 0) break
    const gone = drops.lastIndexOf(most)
    shown = shown.filter((_, index) => index !== gone)
  }
  // What a column that was left out has given back is for those that were cut.
  for (const one of shown) one.room = Math.min(natural[one.at]!, one.room + Math.max(0, -excess()))
  return shown
}

function lineOf(cells: readonly (Cell & { readonly room: number })[]): string {
  const text = cells.map((cell) => cell.text + ' '.repeat(Math.max(0, cell.room - cell.width))).join(GAP)
  return `${text.trimEnd()}\n`
}

/** A text that is no wider than so many columns of a terminal; one that is cut ends with an ellipsis. */
export const cutText = (text: string, room: number): string => cutTo({ text, width: widthOf(text) }, room).text

/** Columns of the terminal; infinite where stdout is none. */
export const terminalRoom = (): number => (process.stdout.isTTY ? process.stdout.columns : Infinity)

/** Parts one after the other, in as many lines of at most so many columns as it takes; all but the first indented. */
export function wrapParts(
  parts: readonly string[],
  { room, indent, gap = GAP }: { room: number; indent: number; gap?: string },
): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const line = lines.at(-1)
    const longer = `${line}${gap}${part}`
    if (line !== undefined && widthOf(longer) <= room) lines[lines.length - 1] = longer
    else lines.push(line === undefined ? part : ' '.repeat(indent) + part)
  }
  return lines
}

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

function cutTo(cell: Cell, room: number): Cell {
  if (cell.width <= room) return cell
  let [text, width] = ['', 0]
  for (const { segment } of letters.segment(cell.text)) {
    const next = widthOf(segment)
    if (width + next > room - 1) break
    text += segment
    width += next
  }
  return { text: `${text}…`, width: width + 1 }
}

/** Columns of a terminal that a text takes. Most texts are plain ASCII, which needs no look at each letter. */
function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text)
}
