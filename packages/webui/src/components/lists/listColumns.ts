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
  /** The one that is always shown: it leads to the page of a row. */
  readonly fixed: string
}

/** The columns that a text names, each once; those of the list itself when it names none that there is. */
export function columnsFrom(text: string, { all, shown, fixed }: KnownColumns): readonly string[] {
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
