// resource-pages.ts — Pages of the list of mirrors: what a query asks for, and in which order.
import {
  areLabelsChosen,
  choiceOf,
  healthOrder,
  isChosen,
  type Page,
  type Resource,
  type RouteInput,
} from '@kagami/protocol'
import type { Fleet, ResourceEntry } from '../../core/entries.ts'
import { resourceStatus } from '../../core/resources.ts'
import { factsOf, resourceOf, worstOf, type ResourceFacts } from '../../core/views.ts'
import { mentions, pageOf, showPage, type Order } from './pages.ts'

type ListQuery = NonNullable<RouteInput<'listResources'>['query']>
/** What is known of a mirror from all of its replicas, which is found out once for a page. */
type Facts = (resource: ResourceEntry) => ResourceFacts
type Column = Order<ResourceEntry>['columns'][number]

/** One page of the mirrors that match. */
export async function resourcePage(fleet: Fleet, query: ListQuery): Promise<Page<Resource>> {
  const facts = rememberFacts()
  const page = await pageOf(fleet.resources.values(), {
    matches: matcherOf(query, facts),
    order: orderOf(query.sort || 'worst', facts),
    query,
  })
  return showPage(page, resourceOf)
}

function rememberFacts(): Facts {
  const known = new WeakMap<ResourceEntry, ResourceFacts>()
  return (resource) => {
    const facts = known.get(resource) ?? factsOf(resource)
    known.set(resource, facts)
    return facts
  }
}

function matcherOf(query: ListQuery, facts: Facts): (resource: ResourceEntry) => boolean {
  const [statuses, healths] = [choiceOf(query.status), choiceOf(query.health)]
  const [kinds, labels] = [choiceOf(query.kind), choiceOf(query.label)]
  return (resource) =>
    mentions(query.q, resource.name) &&
    (!statuses || isChosen(statuses, resourceStatus(resource.statuses))) &&
    (!healths || isChosen(healths, worstOf(resource))) &&
    (!kinds || isChosen(kinds, ...facts(resource).kinds)) &&
    (!labels || areLabelsChosen(labels, facts(resource).labels))
}

/** By one column, then by name. What is not known comes where it is least in the way: old, small, due last. */
function orderOf(sort: string, facts: Facts): Order<ResourceEntry> {
  const columns: Readonly<Record<string, Column>> = {
    worst: (resource) => healthOrder.indexOf(worstOf(resource)),
    replicas_total: ({ replicas }) => replicas.size,
    newest_success_at: (resource) => facts(resource).newest?.succeededMs ?? -1,
    size_bytes: (resource) => facts(resource).sizeBytes ?? -1,
    next_due_at: (resource) => facts(resource).due?.dueMs ?? Number.MAX_SAFE_INTEGER,
  }
  const descending = sort.startsWith('-')
  const first = columns[descending ? sort.slice(1) : sort]
  return { columns: [...(first ? [first] : []), ({ name }) => name], descending }
}
