// column.ts — What a column of a list is. The column without a width gets what is left: choose `from` of a new column
// so that the widths of all columns shown at that size leave it at least 100 pixels. The least important column is last
// and has the largest `from`.

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
