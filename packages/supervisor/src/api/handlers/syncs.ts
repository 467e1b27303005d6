// syncs.ts — Syncs under /api/v1, running and finished: list, get, log, cancel.
import { estimateRemaining, Refusal, syncState, type Page, type RouteInput, type Sync } from '@kagami/protocol'
import type { Fleet, ReplicaEntry } from '../../core/entries.ts'
import { typicalOf } from '../../core/history/buckets.ts'
import { finishedSyncOf, runningSyncOf } from '../../core/views.ts'
import type { Services } from '../../services.ts'
import type { Supervisor } from '../../supervisor.ts'
import { findReplica, findWorker } from './find.ts'
import type { Handlers } from './handler.ts'
import { compareKeys, cursorFrom, pageOf, wordsOf, type Order } from '../lists/pages.ts'

export const syncHandlers: Pick<Handlers, 'listSyncs' | 'getSync' | 'syncNeighbours' | 'syncLog' | 'cancelSync'> = {
  async listSyncs({ query }, { supervisor }) {
    const { fleet, store } = supervisor.services
    const filter = filterOf(fleet, query)
    const limit = query.limit ?? 100
    if (query.sort === 'ending') return listEnding(supervisor.services, { ...query, ...filter, limit })
    const inHistory = Boolean(query.cursor) && !query.cursor!.startsWith(RUNNING)
    const running = await runningPage(fleet, { ...query, ...filter, limit })
    const shown = inHistory ? [] : running.items
    const left = limit - shown.length
    const history =
      query.state === 'running'
        ? { items: [], nextCursor: null, total: 0 }
        : await store.listSyncs(filter, { cursor: inHistory ? query.cursor! : null, limit: left })
    const last = shown.at(-1)
    const goesOn = last !== undefined && left === 0 && (running.next_cursor !== null || history.total > 0)
    return {
      items: [...shown, ...history.items.map((report) => finishedSyncOf(fleet, report))],
      next_cursor: goesOn ? `${RUNNING}${cursorFrom(keysOf(last))}` : history.nextCursor,
      total: running.total + history.total,
    }
  },
  async getSync({ params }, { supervisor }) {
    return (await findSync(supervisor, params.id)).sync
  },
  async syncNeighbours({ params }, { supervisor }) {
    const { fleet, store } = supervisor.services
    const { sync } = await findSync(supervisor, params.id)
    const { previous, next } = await store.findNeighbours(sync.replica_id, sync.sync_id)
    const entry = fleet.replicas.get(sync.replica_id)
    const running = entry?.running ? runningSyncOf(entry) : null
    const after = running && running.sync_id !== sync.sync_id ? running.sync_id : null
    return { previous_sync_id: previous, next_sync_id: sync.state === 'running' ? null : (next ?? after) }
  },
  async syncLog({ params, query }, { supervisor, reply }) {
    const { sync } = await findSync(supervisor, params.id)
    const log = await supervisor.commands.readLog({
      workerId: sync.worker_id,
      replicaId: sync.replica_id,
      syncId: sync.sync_id,
      offset: query?.offset ?? 0,
      limit: query?.limit ?? 65_536,
    })
    void reply
      .header('x-log-offset', log.offset)
      .header('x-log-next-offset', log.next_offset)
      .header('x-log-size', log.size_bytes)
      .header('x-log-running', String(log.running))
    return log.text
  },
  async cancelSync({ params }, { supervisor, caller }) {
    const { sync, entry } = await findSync(supervisor, params.id)
    if (!entry) throw new Refusal('conflict', 'the sync has already ended')
    await supervisor.commands.cancelSync(entry, sync.sync_id, caller)
    return undefined
  },
}

/** What a cursor begins with that names a running sync; all others are positions in the history. */
const RUNNING = 'running.'
const NEWEST_FIRST: Order<Sync> = { columns: [(sync) => sync.started_at, (sync) => sync.sync_id], descending: true }
const keysOf = (sync: Sync) => NEWEST_FIRST.columns.map((column) => column(sync))

type SyncFilter = Parameters<Supervisor['services']['store']['listSyncs']>[0]
type SyncQuery = NonNullable<RouteInput<'listSyncs'>['query']>

function filterOf(fleet: Fleet, query: SyncQuery): SyncFilter {
  const workerId = query.worker ? findWorker(fleet, query.worker).record.worker_id : undefined
  const replicaId = query.replica
    ? fleet.replicas.has(query.replica)
      ? query.replica
      : replicaIdOf(fleet, query.replica)
    : undefined
  return { workerId, replicaId, name: query.name, outcomes: [...(wordsOf(query.outcome) ?? [])] }
}

/** Of how many running syncs, the oldest, it is looked at when they may end. */
const ESTIMATED_MAX = 500
const isUnknown = (sync: Sync): boolean => syncState(sync) === 'unknown'
/** Those of silent workers last. */
const OLDEST_FIRST: Order<Sync> = { columns: [(sync) => Number(isUnknown(sync)), ...NEWEST_FIRST.columns] }

/** The running syncs of a page, and how many match in all; none for who asks for finished ones. */
function runningPage(fleet: Fleet, query: SyncQuery & SyncFilter): Promise<Page<Sync>> {
  const cursor = query.cursor?.startsWith(RUNNING) ? query.cursor.slice(RUNNING.length) : undefined
  return pageOf(runningSyncs(fleet, query), {
    matches: (sync) => isAsked(query, sync),
    order: NEWEST_FIRST,
    query: { cursor, limit: query.limit },
  })
}

const isAsked = ({ workerId, replicaId, name }: SyncFilter, sync: Sync): boolean =>
  (!workerId || sync.worker_id === workerId) &&
  (!replicaId || sync.replica_id === replicaId) &&
  (!name || sync.name === name)

/** The running syncs that end first. */
async function listEnding(
  { fleet, store, clock }: Pick<Services, 'fleet' | 'store' | 'clock'>,
  query: SyncQuery & SyncFilter & { limit: number },
): Promise<Page<Sync>> {
  if (query.cursor) throw new Refusal('invalid_request', 'sort=ending has one page', 'cursor')
  const running = await pageOf(runningSyncs(fleet, query), {
    matches: (sync) => isAsked(query, sync),
    order: OLDEST_FIRST,
    query: { limit: ESTIMATED_MAX },
  })
  const durations = await store.readLastDurations(running.items.map(({ replica_id }) => replica_id))
  const syncs = running.items.map((sync) => ({ ...sync, usual: typicalOf(durations.get(sync.replica_id) ?? []) }))
  const items = orderByEnd(syncs, clock.now().getTime()).slice(0, query.limit)
  return { items, next_cursor: null, total: running.total }
}

/** Those that end first, then those of which nobody can tell, as they come. */
function orderByEnd(syncs: readonly Sync[], now: number): Sync[] {
  const leftOf = (sync: Sync): number => {
    const { progress, usual, started_at } = sync
    if (isUnknown(sync)) return Infinity
    return estimateRemaining({ progress, typical: usual ?? null }, now - Date.parse(started_at)) ?? Infinity
  }
  return syncs
    .map((sync) => ({ sync, left: leftOf(sync) }))
    .toSorted((a, b) => compareKeys(a.left, b.left))
    .map(({ sync }) => sync)
}

function replicaIdOf(fleet: Fleet, text: string): string {
  // A replica that was removed still has its history under its id.
  return /@/.test(text) ? findReplica(fleet, text).replicaId : text
}

/** All running syncs; none for who asks for finished ones. */
function* runningSyncs(fleet: Fleet, { state, outcomes = [] }: SyncQuery & SyncFilter): Generator<Sync> {
  if (state === 'finished' || outcomes.length > 0) return
  for (const worker of fleet.workers.values()) {
    if (worker.jobs?.running === 0) continue
    for (const entry of worker.replicas) {
      const sync = entry.running ? runningSyncOf(entry) : null
      if (sync) yield sync
    }
  }
}

/** A sync by its id, or the beginning of it; and its replica while it runs. */
export async function findSync(
  supervisor: Supervisor,
  id: string,
): Promise<{ sync: Sync; entry: ReplicaEntry | null }> {
  const { fleet, store } = supervisor.services
  for (const worker of fleet.workers.values()) {
    for (const entry of worker.replicas) {
      const running = entry.running ? runningSyncOf(entry) : null
      if (!running?.sync_id.startsWith(id)) continue
      // Its report may have arrived before the heartbeat that says it has ended.
      const report = await store.findSync(running.sync_id)
      if (!report) return { sync: running, entry }
    }
  }
  const report = id.length < 4 ? null : await store.findSync(id)
  if (!report) throw new Refusal('not_found', `there is no sync "${id}"; it may be older than the history that is kept`)
  return { sync: finishedSyncOf(fleet, report), entry: null }
}
