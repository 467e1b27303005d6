// replica-search.ts — What a query of the list of replicas asks for: for the list, and for what is done with all of it.
import { choiceOf, sinceOf, type Choice, type RouteInput } from '@kagami/protocol'
import type { Fleet } from '../../core/entries.ts'
import type { Sort } from '../../core/table/orders.ts'
import type { Search } from '../../core/table/search.ts'
import { findWorker } from '../handlers/find.ts'
import { readCursor } from './pages.ts'

type ListQuery = NonNullable<RouteInput<'listReplicas'>['query']>

/** The search for a query at an instant, Unix ms. Those of some workers or names are looked for among them alone. */
export function searchOf(fleet: Fleet, query: ListQuery, nowMs: number): Search {
  const sort = query.sort || 'worst'
  const backwards = sort.startsWith('-')
  const column = (backwards ? sort.slice(1) : sort) as Sort
  const workers = choiceOf(query.worker)
  const names = choiceOf(query.name)
  return {
    healths: choiceOf(query.health),
    kinds: choiceOf(query.kind),
    causes: choiceOf(query.cause),
    labels: choiceOf(query.label),
    hosts: choiceOf(query.upstream),
    names,
    notOn: workersLeftOut(fleet, workers),
    lastOk: sinceOf(query.last_ok, nowMs),
    part: query.q ? query.q.toLowerCase() : null,
    among: rowsAmong(fleet, workers, names),
    sort: column,
    backwards,
    after: query.cursor ? readCursor(query.cursor, (keys) => fleet.replicas.orders.readCursor(column, keys)) : null,
    limit: query.limit ?? 100,
  }
}

function workersLeftOut(fleet: Fleet, workers: Choice | null): Set<number> | null {
  if (!workers || workers.unwanted.length === 0) return null
  return new Set(workers.unwanted.map((text) => fleet.replicas.numberOf(findWorker(fleet, text))))
}

function rowsAmong(fleet: Fleet, workers: Choice | null, names: Choice | null): Uint32Array | null {
  if (workers && workers.wanted.length > 0) {
    // One worker may be named by its id and by its name.
    const wanted = new Set(workers.wanted.map((text) => findWorker(fleet, text)))
    return Uint32Array.from([...wanted].flatMap(({ replicas }) => [...replicas.rows()]))
  }
  if (!names || names.wanted.length === 0) return null
  return Uint32Array.from(names.wanted.flatMap((name) => [...(fleet.resources.get(name)?.replicas.rows() ?? [])]))
}
