// replica-search.ts — What a query of the list of replicas asks for: for the list, and for what is done with all of it.
import type { RouteInput } from '@kagami/protocol'
import type { Fleet } from '../../core/entries.ts'
import type { Sort } from '../../core/table/orders.ts'
import type { Search } from '../../core/table/search.ts'
import { findWorker } from '../handlers/find.ts'
import { readCursor, wordsOf } from './pages.ts'

type ListQuery = NonNullable<RouteInput<'listReplicas'>['query']>

/** The search for a query. Those of one worker or one name are looked for among them alone. */
export function searchOf(fleet: Fleet, query: ListQuery): Search {
  const [key, value = null] = query.label?.split('=') ?? []
  const sort = query.sort || 'worst'
  const backwards = sort.startsWith('-')
  const column = (backwards ? sort.slice(1) : sort) as Sort
  return {
    healths: wordsOf(query.health),
    kinds: wordsOf(query.kind),
    causes: wordsOf(query.cause),
    label: key ? { key, value } : null,
    part: query.q ? query.q.toLowerCase() : null,
    name: query.name || null,
    among: rowsAmong(fleet, query),
    sort: column,
    backwards,
    after: query.cursor ? readCursor(query.cursor, (keys) => fleet.replicas.orders.readCursor(column, keys)) : null,
    limit: query.limit ?? 100,
  }
}

function rowsAmong(fleet: Fleet, { worker, name }: ListQuery): Uint32Array | null {
  if (worker) return Uint32Array.from(findWorker(fleet, worker).replicas.rows())
  return name ? Uint32Array.from(fleet.resources.get(name)?.replicas.rows() ?? []) : null
}
