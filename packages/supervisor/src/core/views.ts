// views.ts — The fleet in the shapes of /api/v1. No credentials are in any of them.
import type { Cause, Health, Replica, Resource, Sync, SyncReport, Worker } from '@kagami/protocol'
import { failures, healthOrder } from '@kagami/protocol'
import type { Fleet, ReplicaEntry, ResourceEntry, WorkerEntry } from './entries.ts'
import { addedSpec, etagOf, isEditPending } from './edits.ts'
import { detailOf, healthOf } from './health.ts'
import { resourceStatus } from './resources.ts'
import { forecastOf } from './storage/forecast.ts'

/** A replica as the API returns it. */
export function replicaOf({ worker, state, judged, progress }: ReplicaEntry): Replica {
  const pending = worker.record.syncs.filter(
    (request) => request.replica_id === state.replica_id && request.rev > worker.keptRev,
  ).length
  const paused = worker.record.paused.find((one) => one.replica_id === state.replica_id)
  return {
    ...state,
    paused: paused ? { by: paused.by, at: paused.at, reason: paused.reason } : null,
    worker_id: worker.record.worker_id,
    worker_name: worker.record.name,
    worker_presence: worker.presence,
    worker_admission: worker.record.admission,
    ...silenceOf(worker),
    health: healthOf(judged),
    health_detail: detailOf(judged, state),
    progress,
    pending_requests: pending,
    ...specOf({ worker, state }),
  }
}

/** Since when a worker is silent; nothing while it is not. */
const silenceOf = ({ presence, lastSeenAt }: WorkerEntry): Pick<Replica, 'worker_silent_since'> =>
  presence === 'lost' ? { worker_silent_since: lastSeenAt } : {}

/** What is known of the specification of a replica, besides what its worker reports. */
function specOf({ worker, state }: Pick<ReplicaEntry, 'worker' | 'state'>) {
  const spec = addedSpec(worker, state.replica_id)
  if (!spec) return { etag: null, has_credentials: null, edit_pending: false }
  const edit_pending = isEditPending({ worker, state })
  return { etag: etagOf(spec), has_credentials: Boolean(spec.auth), edit_pending }
}

/** A worker as the API returns it. */
export function workerOf(worker: WorkerEntry): Worker {
  const {
    replicas: _added,
    removed: _removed,
    syncs: _syncs,
    paused: _paused,
    capabilities: _capabilities,
    sealing_key: _key,
    instance: _instance,
    rev,
    kinds,
    last_seen_at: _seen,
    ...rest
  } = worker.record
  return {
    ...rest,
    kinds: [...kinds],
    presence: worker.presence,
    last_seen_at: worker.lastSeenAt,
    conflict: worker.conflict?.text ?? null,
    storage: worker.storage,
    disk_forecast: worker.growth && worker.storage ? forecastOf(worker.growth, worker.storage) : null,
    jobs: worker.jobs,
    desired_rev: rev,
    observed_rev: worker.observedRev,
    replicas_total: worker.replicas.size,
    health_counts: worker.healths.toRecord(),
    folders: worker.folders && { total: worker.folders.total, looked_at: worker.folders.looked_at },
  }
}

/** What is known of a mirror from all of its replicas. */
export interface ResourceFacts {
  readonly kinds: ReadonlySet<string>
  readonly labels: Readonly<Record<string, string>>
  /** The replica with the newest good copy, and the one that is due first; null: there is none. */
  readonly newest: ReplicaEntry | null
  readonly due: ReplicaEntry | null
  readonly sizeBytes: number | null
}

/** Looks at numbers alone: there may be ten thousand replicas of a mirror. */
export function factsOf(resource: ResourceEntry): ResourceFacts {
  const kinds = new Set<string>()
  const labels: Record<string, string> = {}
  const newest: Extreme = { ms: -Infinity, entry: null }
  const due: Extreme = { ms: Infinity, entry: null }
  let size: number | null = null
  let before: ReplicaEntry['setting'] | null = null
  for (const entry of resource.replicas) {
    const { setting, succeededMs, dueMs, sizeBytes } = entry
    if (setting !== before) {
      kinds.add(setting.kind)
      Object.assign(labels, setting.labels)
      before = setting
    }
    if (succeededMs !== null && succeededMs > newest.ms) Object.assign(newest, { ms: succeededMs, entry })
    if (dueMs !== null && dueMs < due.ms && isScheduled(entry)) Object.assign(due, { ms: dueMs, entry })
    if (sizeBytes !== null) size = Math.max(size ?? 0, sizeBytes)
  }
  return { kinds, labels, newest: newest.entry, due: due.entry, sizeBytes: size }
}

/** A mirror as the API returns it. */
export function resourceOf(resource: ResourceEntry): Resource {
  const { kinds, labels, newest, due, sizeBytes } = factsOf(resource)
  return {
    name: resource.name,
    status: resourceStatus(resource.statuses),
    kinds: [...kinds].sort(),
    labels,
    replicas_total: resource.replicas.size,
    health_counts: resource.healths.toRecord(),
    worst_health: worstOf(resource),
    newest_success_at: newest?.state.last_success_at ?? null,
    content_at: newest?.state.content_at ?? null,
    next_due_at: due?.state.next_due_at ?? null,
    size_bytes: sizeBytes,
  }
}

/** Whether nothing keeps a replica of an approved worker from syncing when it is due. */
function isScheduled({ worker, replicaId }: ReplicaEntry): boolean {
  if (worker.presence === 'lost') return false
  return !worker.record.paused.some((one) => one.replica_id === replicaId)
}

/** The replica with the latest, or the earliest, of a kind of time. */
interface Extreme {
  readonly ms: number
  readonly entry: ReplicaEntry | null
}

/** The worst health among the replicas of a mirror. */
export function worstOf(resource: ResourceEntry): Health {
  return healthOrder.find((health) => resource.healths.get(health) > 0) ?? 'new'
}

/** The running sync of a replica, as its worker last reported it. */
export function runningSyncOf({ worker, state, progress }: ReplicaEntry): Sync | null {
  if (!state.current) return null
  return {
    sync_id: state.current.sync_id,
    state: 'running',
    worker_id: worker.record.worker_id,
    worker_name: worker.record.name,
    ...silenceOf(worker),
    replica_id: state.replica_id,
    name: state.name,
    kind: state.kind,
    trigger: state.current.trigger,
    request_id: null,
    outcome: null,
    reason: null,
    message: null,
    hint: null,
    tail: null,
    exit_code: null,
    started_at: state.current.started_at,
    ended_at: null,
    duration_ms: null,
    bytes: null,
    files: null,
    size_bytes: null,
    revision: null,
    progress,
  }
}

/** A finished sync from its report. */
export function finishedSyncOf(fleet: Fleet, report: SyncReport): Sync {
  return {
    ...report,
    state: 'finished',
    worker_name: fleet.workers.get(report.worker_id)?.record.name ?? report.worker_id,
    progress: null,
  }
}

/** Failed and held replicas, grouped by reason, the largest group first; at most `limit` groups. */
export function causesOf(fleet: Fleet, limit: number): Cause[] {
  const groups = new Map<string, Group>()
  if (fleet.healths.get('failed') + fleet.healths.get('held') === 0) return []
  for (const resource of fleet.resources.values()) {
    if (resource.healths.get('failed') + resource.healths.get('held') === 0) continue
    for (const entry of resource.replicas) {
      const { health } = entry
      if (health !== 'failed' && health !== 'held') continue
      const reason = entry.cause ?? 'unknown'
      let group = groups.get(reason)
      if (!group) groups.set(reason, (group = newGroup()))
      addToGroup(group, entry, health)
    }
  }
  return [...groups]
    .sort((a, b) => b[1].replicas - a[1].replicas)
    .slice(0, limit)
    .map(([reason, group]) => causeOf(reason, group))
}

/** How many workers and replicas of a group are named. */
const NAMED_MAX = 5

/** Replicas that fail for the same reason. */
interface Group {
  replicas: number
  held: number
  /** When the first failure of those ended of which that is known, Unix ms. */
  since: number | null
  readonly workers: Set<WorkerEntry>
  readonly examples: ReplicaEntry[]
  /** The replica whose sync ended last, and when, Unix ms; null: of none is known when. */
  last: { readonly entry: ReplicaEntry; readonly ms: number } | null
}

const newGroup = (): Group => ({ replicas: 0, held: 0, since: null, workers: new Set(), examples: [], last: null })

function addToGroup(group: Group, entry: ReplicaEntry, health: 'failed' | 'held'): void {
  group.replicas++
  if (health === 'held') group.held++
  const { failingSinceMs: since, endedMs: ended } = entry
  if (since !== null && since < (group.since ?? Infinity)) group.since = since
  group.workers.add(entry.worker)
  if (group.examples.length < NAMED_MAX) group.examples.push(entry)
  if (ended !== null && ended > (group.last?.ms ?? -Infinity)) group.last = { entry, ms: ended }
}

function causeOf(reason: string, { replicas, held, since, workers, examples, last }: Group): Cause {
  const known = failures[reason as keyof typeof failures] ?? failures.unknown
  return {
    reason,
    message: known.meaning,
    hint: known.hint,
    replicas,
    held,
    since: since === null ? null : new Date(since).toISOString(),
    workers: [...workers].slice(0, NAMED_MAX).map(({ record }) => record.name),
    workers_total: workers.size,
    examples: examples.map(exampleOf),
    last: last && lastFailureOf(last.entry),
  }
}

const exampleOf = ({ replicaId, name, worker }: ReplicaEntry) => ({
  replica_id: replicaId,
  name,
  worker_name: worker.record.name,
})

/** What the last sync of a replica said, on one line; null when it said nothing. */
function lastFailureOf(entry: ReplicaEntry): Cause['last'] {
  const { last_sync: sync } = entry.state
  const line = (sync?.message ?? '').replace(/\s+/g, ' ').trim()
  return sync && line !== '' ? { ...exampleOf(entry), sync_id: sync.sync_id, at: sync.ended_at, line } : null
}
