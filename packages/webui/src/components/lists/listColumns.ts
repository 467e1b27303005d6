// listColumns.ts — The columns of a list that people choose and order themselves: which are shown, and which of them
// have room. Pure.
import type { Column } from '../table/column.ts'

/** A column that can be chosen. */
export interface ListColumn extends Omit<Column, 'width' | 'from'> {
  /** The least width, pixels; it has this one unless it grows. */
  readonly min: number
  /** Shares what is left with the others that grow. */
  readonly grows?: boolean
}

/** The columns of a list. */
export interface KnownColumns {
  readonly all: readonly string[]
  /** Those that are shown unless somebody chooses others, in this order. */
  readonly shown: readonly string[]
  /** Those whose facts cards show unless somebody chooses others. */
  readonly cards: readonly string[]
  /** The one that is always shown: it leads to the page of a row. */
  readonly fixed: string
}

/** The columns that a text names, each once; those of the list itself when it names none that there is. */
export function columnsFrom(text: string, { all, shown, fixed }: Omit<KnownColumns, 'cards'>): readonly string[] {
  const named = [...new Set(text.split(','))].filter((key) => all.includes(key))
  if (named.length === 0) return shown
  return named.includes(fixed) ? named : [fixed, ...named]
}

/** Columns in this order, the last of which disappear where there is no room. `taken`: pixels beside them. */
export function fitColumns(
  known: readonly ListColumn[],
  keys: readonly string[],
  { fixed, taken }: { fixed: string; taken: number },
): Column[] {
  const chosen = keys.flatMap((key) => known.find((column) => column.key === key) ?? [])
  let from = taken + (known.find(({ key }) => key === fixed)?.min ?? 0)
  return chosen.map(({ min, grows, ...column }) => {
    const width = grows ? {} : { width: `${min}px` }
    if (column.key === fixed) return { ...column, ...width }
    from += min
    return { ...column, ...width, from }
  })
}

/** The columns whose facts cards show, in this order. What has no place of its own there gets a line, with its name. */
export function cardColumns(known: readonly ListColumn[], keys: readonly string[]): Column[] {
  const chosen = keys.flatMap((key) => known.find((column) => column.key === key) ?? [])
  return chosen.map(({ min: _min, grows: _grows, ...column }) =>
    column.card === 'off' ? { ...column, card: 'full', word: column.word ?? column.label } : column,
  )
}

/** Height of a line of a card, and of what is around all of them, pixels. */
const CARD_LINE = 25
const CARD_EDGES = 18

/** How high a card with these columns is, pixels. Facts at both ends share lines. */
export function cardHeight(columns: readonly Column[]): number {
  const countOf = (place: Column['card']) => columns.filter(({ card }) => card === place).length
  return CARD_EDGES + CARD_LINE * (Math.max(countOf(undefined), countOf('end')) + countOf('full'))
}
