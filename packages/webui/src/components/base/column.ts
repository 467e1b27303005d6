// column.ts — What a column of a list is.

export interface Column {
  readonly key: string
  readonly label: string
  /** CSS width on a wide screen. */
  readonly width?: string
  readonly numeric?: boolean
  /** Name of the server's sort order; without one the column cannot be sorted. */
  readonly sort?: string
  /** Place on a card: a line of its own, at the right, or not shown. */
  readonly card?: 'full' | 'end' | 'off'
  /** Label before the value on a card. */
  readonly word?: string
  /** Hidden below this width of the list, pixels. */
  readonly from?: number
}
