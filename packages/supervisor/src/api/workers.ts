// workers.ts — Workers, replicas and resources: filtered, sorted, in pages, and one by one.
import { Refusal, type Input } from '@kagami/protocol'
import type { ReplicaEntry } from '../core/entries.ts'
import { HEALTH_ORDER } from '../core/health.ts'
import { resourceStatus } from '../core/resources.ts'
import { replicaOf, resourceOf, workerOf, worstOf } from '../core/views.ts'
import { findReplica, findWorker } from './find.ts'
import type { Handlers } from './handlers.ts'
import { mentions, pageOfList, wordsOf } from './pages.ts'

export const listHandlers: Pick<
  Handlers,
  'listWorkers' | 'getWorker' | 'listReplicas' | 'getReplica' | 'listResources' | 'getResource'
> = {
  listWorkers({ query }, { supervisor }) {
    const [admissions, presences] = [wordsOf(query.admission), wordsOf(query.presence)]
    const found = [...supervisor.core.fleet.workers.values()].filter(
      ({ record, presence }) =>
        mentions(query.q, record.name, record.worker_id, record.hostname) &&
        (!admissions || admissions.has(record.admission)) &&
        (!presences || presences.has(presence)),
    )
    // Those who wait for a decision come first.
    found.sort(
      (a, b) =>
        Number(b.record.admission === 'pending') - Number(a.record.admission === 'pending') ||
        compare(a.record.name, b.record.name),
    )
    const page = pageOfList(found, query)
    return { ...page, items: page.items.map(workerOf) }
  },
  getWorker: ({ params }, { supervisor }) => workerOf(findWorker(supervisor.core.fleet, params.id)),
  listReplicas({ query }, { supervisor }) {
    const { fleet } = supervisor.core
    const worker = query.worker ? findWorker(fleet, query.worker) : null
    const candidates = worker
      ? worker.replicas.values()
      : query.name
        ? (fleet.resources.get(query.name)?.replicas.values() ?? [].values())
        : fleet.replicas.values()
    const found = [...candidates].filter(matcher(query))
    found.sort(order(query.sort))
    const page = pageOfList(found, query)
    return { ...page, items: page.items.map(replicaOf) }
  },
  getReplica: ({ params }, { supervisor }) => replicaOf(findReplica(supervisor.core.fleet, params.id)),
  listResources({ query }, { supervisor }) {
    const [statuses, healths] = [wordsOf(query.status), wordsOf(query.health)]
    const found = [...supervisor.core.fleet.resources.values()].filter(
      (resource) =>
        mentions(query.q, resource.name) &&
        (!statuses || statuses.has(resourceStatus(resource.statuses))) &&
        (!healths || healths.has(worstOf(resource))),
    )
    found.sort((a, b) => HEALTH_ORDER.indexOf(worstOf(a)) - HEALTH_ORDER.indexOf(worstOf(b)) || compare(a.name, b.name))
    const page = pageOfList(found, query)
    return { ...page, items: page.items.map(resourceOf) }
  },
  getResource({ params }, { supervisor }) {
    const resource = supervisor.core.fleet.resources.get(params.id)
    if (!resource) throw new Refusal('not_found', `there is no mirror "${params.id}"`)
    return {
      ...resourceOf(resource),
      replicas: [...resource.replicas]
        .sort((a, b) => compare(a.worker.record.name, b.worker.record.name))
        .map(replicaOf),
    }
  },
}

type ReplicaQuery = NonNullable<Input<'listReplicas'>['query']>

function matcher(query: ReplicaQuery): (entry: ReplicaEntry) => boolean {
  const [healths, kinds, causes] = [wordsOf(query.health), wordsOf(query.kind), wordsOf(query.cause)]
  const [labelKey, labelValue] = query.label?.split('=') ?? []
  return ({ state, verdict, worker }) =>
    mentions(query.q, state.name, state.upstream, worker.record.name) &&
    (!query.name || state.name === query.name) &&
    (!healths || healths.has(verdict.health)) &&
    (!kinds || kinds.has(state.kind)) &&
    (!causes || causes.has(state.last_sync?.reason ?? '')) &&
    (!labelKey || (labelValue === undefined ? labelKey in state.labels : state.labels[labelKey] === labelValue))
}

const SORTS: Record<string, (a: ReplicaEntry, b: ReplicaEntry) => number> = {
  worst: (a, b) =>
    HEALTH_ORDER.indexOf(a.verdict.health) - HEALTH_ORDER.indexOf(b.verdict.health) ||
    compare(a.state.last_success_at ?? '', b.state.last_success_at ?? ''),
  name: () => 0,
  worker: (a, b) => compare(a.worker.record.name, b.worker.record.name),
  last_success_at: (a, b) => compare(a.state.last_success_at ?? '', b.state.last_success_at ?? ''),
  size_bytes: (a, b) => (a.state.size_bytes ?? -1) - (b.state.size_bytes ?? -1),
  next_due_at: (a, b) => compare(a.state.next_due_at ?? '~', b.state.next_due_at ?? '~'),
}

function order(sort = 'worst'): (a: ReplicaEntry, b: ReplicaEntry) => number {
  const descending = sort.startsWith('-')
  const key = descending ? sort.slice(1) : sort
  const by = SORTS[key]
  if (!by)
    throw new Refusal(
      'invalid_request',
      `sort must be one of ${Object.keys(SORTS).join(', ')}, with "-" before it to turn it round`,
      'sort',
    )
  // Ties by name and id, so that pages never overlap.
  const tie = (a: ReplicaEntry, b: ReplicaEntry) =>
    compare(a.state.name, b.state.name) ||
    compare(a.worker.record.name, b.worker.record.name) ||
    compare(a.state.replica_id, b.state.replica_id)
  const both = (a: ReplicaEntry, b: ReplicaEntry) => by(a, b) || tie(a, b)
  return descending ? (a, b) => both(b, a) : both
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
