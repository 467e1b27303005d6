// resource-table.ts — Resources, that is the replicas of one name on approved workers, with the counters of their
// states, in columns. Updated one replica at a time.
import { healthOrder, ReplicaStatus } from '@kagami/protocol'
import type { Counted, CountMove, ReplicaEntry, ResourceEntry, Resources } from '../entries.ts'
import type { Counts } from '../tally.ts'
import { createLists } from './lists.ts'
import { createNames, type Names } from './names.ts'

/** Names, and the resources that have them. */
export interface ResourceTable extends Resources, Names {
  /** Counts a replica of a name; null takes it out. */
  move(row: number, name: number, change: CountMove): void
}

const STATUSES: readonly string[] = ReplicaStatus.enum
/** Counters of one resource: of each status, of any other one, then of each health. */
const OTHER = STATUSES.length
const HEALTHS = OTHER + 1
const COUNTERS = HEALTHS + healthOrder.length

/** No resources. `entryOf` gives the replica of a row. */
export function createResourceTable(entryOf: (row: number) => ReplicaEntry): ResourceTable {
  const names = createNames()
  const counters = createCounters()
  const [members, resources] = [createLists(), createLists()]
  const countsOf = (id: number, first: number, words: readonly string[]): Counts => ({
    get total() {
      return members.sizeOf(id)
    },
    get: (word) => (words.includes(word) ? counters.get(id, first + words.indexOf(word)) : 0),
    toRecord() {
      const counted = words.map((word, index): [string, number] => [word, counters.get(id, first + index)])
      return Object.fromEntries(counted.filter(([, count]) => count > 0))
    },
  })
  const resourceOf = (id: number): ResourceEntry => ({
    name: names.nameOf(id),
    statuses: countsOf(id, 0, STATUSES),
    healths: countsOf(id, HEALTHS, healthOrder),
    replicas: {
      get size() {
        return members.sizeOf(id)
      },
      rows: () => members.rowsOf(id),
      values: () => members.rowsOf(id).map(entryOf),
      [Symbol.iterator]: () => members.rowsOf(id).map(entryOf),
    },
  })
  return {
    ...names,
    move(row, name, { from, to }) {
      if (from) counters.add(name, from, -1)
      if (to) counters.add(name, to, 1)
      if (!from && to) members.append(name, row)
      if (from && !to) members.remove(row)
      const exists = members.sizeOf(name) > 0
      if (exists === resources.listOf(name) >= 0) return
      if (exists) resources.append(0, name)
      else resources.remove(name)
    },
    get(name) {
      const id = names.findName(name)
      return id !== undefined && members.sizeOf(id) > 0 ? resourceOf(id) : undefined
    },
    get size() {
      return resources.sizeOf(0)
    },
    values: () => resources.rowsOf(0).map(resourceOf),
    [Symbol.iterator]: () =>
      resources.rowsOf(0).map((id): [string, ResourceEntry] => [names.nameOf(id), resourceOf(id)]),
  }
}

/** How many replicas of each name have each status and each health. */
function createCounters() {
  let counters = new Uint32Array(COUNTERS * 64)
  return {
    get: (id: number, counter: number): number => counters[id * COUNTERS + counter] ?? 0,
    add(id: number, { status, health }: Counted, by: number): void {
      if ((id + 1) * COUNTERS > counters.length) {
        const larger = new Uint32Array(Math.ceil((id + 1) * 1.5) * COUNTERS)
        larger.set(counters)
        counters = larger
      }
      counters[id * COUNTERS + Math.min(status, OTHER)]! += by
      counters[id * COUNTERS + HEALTHS + health]! += by
    },
  }
}
