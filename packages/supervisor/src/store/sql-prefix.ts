// sql-prefix.ts — Finds what a unique prefix of an id names: the rows from the prefix up to its end, of which two say
// whether it is unique.

/** An id that comes after all with a prefix: in every collation "z" follows the characters of our ids; "~" does not. */
export const endOfPrefix = (prefix: string): string => `${prefix}zzzz`

/** The row with this id, else the only one whose id begins so; null: there is none, or it is not unique. */
export function pickByPrefix<T>(rows: readonly T[], idOf: (row: T) => string, idOrPrefix: string): T | null {
  // A collation may put others between them.
  const found = rows.filter((row) => idOf(row).startsWith(idOrPrefix))
  return found.find((row) => idOf(row) === idOrPrefix) ?? (found.length === 1 ? found[0]! : null)
}
