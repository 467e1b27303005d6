// column.ts — What a column of a list is.

export interface Column {
  readonly key: string
  readonly label: string
  /** CSS width on a wide screen. */
  readonly width?: string
  readonly numeric?: boolean
  /** Name of the server's order; absent means it cannot be sorted by. */
  readonly sort?: string
  /** Place on a card: a whole line, the right-hand side, not at all. */
  readonly card?: 'full' | 'end' | 'off'
  /** Word before the value on a card. */
  readonly word?: string
  /** Hidden below this width of the list, pixels. */
  readonly from?: number
}
