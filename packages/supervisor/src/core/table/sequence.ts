// sequence.ts — Which number is likely to come next: workers that are set up alike have the same replicas in the same
// order. To compare with one text is far cheaper than to look for it among thousands. Pure.
import { createColumns } from './columns.ts'

/** The order in which numbers came. */
export interface Sequence {
  /** The number that came after the last one before; -1 when none did. */
  expected(): number
  /** Notes the number that has come, and returns it. */
  note(id: number): number
}

/** Nothing has come yet. */
export function createSequence(): Sequence {
  // Numbers are kept plus one: zero is none.
  const columns = createColumns({ next: Uint32Array })
  let last = 0
  return {
    expected: () => columns.of.next[last]! - 1,
    note(id) {
      columns.of.next[last] = last = id + 1
      columns.reserve(last + 1)
      return id
    },
  }
}
