// replica-pages.ts — Pages of the list of replicas: drives the search of core in pieces, so that heartbeats and other
// requests have their turn, and has an order made once for all who ask for it.
import type { Page } from '@kagami/protocol'
import type { Fleet, ReplicaEntry, ReplicaTable } from '../../core/entries.ts'
import type { Sort } from '../../core/table/orders.ts'
import type { Search } from '../../core/table/search.ts'
import type { Steps } from '../../core/table/sorting.ts'
import { cursorFrom } from './pages.ts'
import { inPieces } from '../../pieces.ts'

/** Orders that are being made. */
const making = new WeakMap<ReplicaTable, Map<Sort, Promise<void>>>()

/** The page that a search finds. */
export async function replicaPage({ replicas }: Fleet, search: Search): Promise<Page<ReplicaEntry>> {
  const pieces = inPieces()
  const searching = replicas.search(search)
  for (;;) {
    if (searching.needsOrder && !replicas.orders.isSettled(search.sort)) {
      await prepareOrder(replicas, search.sort)
      continue
    }
    const found = searching.step()
    if (found) {
      const { rows, total } = found
      const last = rows.length > search.limit ? rows[search.limit - 1] : undefined
      const next_cursor = last === undefined ? null : cursorFrom(replicas.orders.cursorOf(search.sort, last))
      return { items: rows.slice(0, search.limit).map(replicas.entryOf), next_cursor, total }
    }
    const turn = pieces.next()
    if (turn) await turn
  }
}

async function prepareOrder(replicas: ReplicaTable, sort: Sort): Promise<void> {
  const { orders } = replicas
  while (!orders.isMade(sort)) await makeOrder(replicas, sort)
  await runSteps(orders.settle(sort))
}

function makeOrder(replicas: ReplicaTable, sort: Sort): Promise<void> {
  const known = making.get(replicas) ?? new Map<Sort, Promise<void>>()
  making.set(replicas, known)
  let made = known.get(sort)
  if (!made) {
    made = runSteps(replicas.orders.make(sort)).finally(() => known.delete(sort))
    known.set(sort, made)
  }
  return made
}

async function runSteps<T>(steps: Steps<T>): Promise<T> {
  const pieces = inPieces()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    const turn = pieces.next()
    if (turn) await turn
  }
}
