// lists.ts — Lists of the rows of a table, in the order in which they were added; a row is in one of them at a time.
// Pure.
import { createColumns } from './columns.ts'

/** Lists by number, of rows by number. */
export interface Lists {
  append(list: number, row: number): void
  /** Takes a row out of its list; nothing happens when it is in none. */
  remove(row: number): void
  /** The list of a row; -1 when it is in none. */
  listOf(row: number): number
  sizeOf(list: number): number
  /** The rows of this moment; those that leave the list meanwhile are left out. */
  rowsOf(list: number): IteratorObject<number>
}

// Numbers are kept plus one: zero is none.
const ROWS = { list: Uint32Array, next: Uint32Array, previous: Uint32Array }
const LISTS = { first: Uint32Array, last: Uint32Array, size: Uint32Array }

/** Empty lists. */
export function createLists(): Lists {
  const [rows, lists] = [createColumns(ROWS), createColumns(LISTS)]
  function snapshot(list: number): Uint32Array {
    const { next } = rows.of
    const found = new Uint32Array(lists.of.size[list] ?? 0)
    let row = lists.of.first[list] ?? 0
    for (let index = 0; index < found.length; index++) {
      found[index] = row - 1
      row = next[row - 1]!
    }
    return found
  }
  return {
    append(list, row) {
      rows.reserve(row + 1)
      lists.reserve(list + 1)
      const { first, last, size } = lists.of
      const before = last[list]!
      rows.of.list[row] = list + 1
      rows.of.previous[row] = before
      rows.of.next[row] = 0
      if (before === 0) first[list] = row + 1
      else rows.of.next[before - 1] = row + 1
      last[list] = row + 1
      size[list]!++
    },
    remove(row) {
      const list = (rows.of.list[row] ?? 0) - 1
      if (list < 0) return
      const [next, previous] = [rows.of.next[row]!, rows.of.previous[row]!]
      if (previous === 0) lists.of.first[list] = next
      else rows.of.next[previous - 1] = next
      if (next === 0) lists.of.last[list] = previous
      else rows.of.previous[next - 1] = previous
      rows.of.list[row] = 0
      lists.of.size[list]!--
    },
    listOf: (row) => (rows.of.list[row] ?? 0) - 1,
    sizeOf: (list) => lists.of.size[list] ?? 0,
    *rowsOf(list) {
      for (const row of snapshot(list)) if (rows.of.list[row] === list + 1) yield row
    },
  }
}
