// v0-views.ts — The fleet in the shapes of API v0, whose routes are at the root. Times are Unix seconds.
import type { V0Overview, V0Replica, V0Resource, V0Worker, Telemetry } from '@kagami/protocol'
import type { Fleet, ReplicaEntry, ResourceEntry, WorkerEntry } from './entries.ts'
import { resourceStatus } from './resources.ts'
import type { TrafficView } from './telemetry.ts'
import { totalsOf } from './totals.ts'

const GB = 1e9
const unixSeconds = (instant: string | null) => (instant ? Math.floor(Date.parse(instant) / 1000) : null)

/** A replica in API v0. */
export function v0ReplicaOf({ worker, state, health }: ReplicaEntry): V0Replica {
  const failed = state.last_sync && state.last_sync.outcome !== 'success'
  return {
    worker_id: worker.record.worker_id,
    replica_id: state.replica_id,
    name: state.name,
    kind: state.kind,
    upstream: state.upstream,
    status: state.status,
    interval_secs: state.interval_secs,
    labels: state.labels,
    health,
    last_success: unixSeconds(state.last_success_at),
    last_error: failed ? (state.last_sync?.message ?? null) : null,
    size_bytes: state.size_bytes,
    next_due: unixSeconds(state.next_due_at),
  }
}

/** A worker in API v0, without its replicas. */
export function v0WorkerOf(worker: WorkerEntry): Omit<V0Worker, 'replicas'> {
  const { worker_id, admission, name, first_seen_at } = worker.record
  return {
    worker_id,
    approved: admission === 'approved',
    status: admission,
    last_seen: unixSeconds(worker.lastSeenAt ?? first_seen_at) ?? 0,
    name,
    presence: worker.presence,
  }
}

/** A resource in API v0, without its replicas. */
export function v0ResourceOf(resource: ResourceEntry): Omit<V0Resource, 'replicas'> {
  return { name: resource.name, status: resourceStatus(resource.statuses) }
}

/** The size of the fleet. */
export function v0OverviewOf(fleet: Fleet): V0Overview {
  return {
    workers_total: fleet.workers.size,
    workers_approved: fleet.admissions.get('approved'),
    workers_pending: fleet.admissions.get('pending'),
    workers_rejected: fleet.admissions.get('rejected'),
    resources_total: fleet.resources.size,
  }
}

/** `traffic`: what was measured until now. */
export function telemetryOf(fleet: Fleet, traffic: TrafficView): Telemetry {
  const { storage, jobs } = totalsOf(fleet)
  const gigabytes = (bytes: number) => Math.round((bytes / GB) * 100) / 100
  return {
    traffic: traffic.traffic,
    sync: { success: fleet.statuses.get('success'), failure: fleet.statuses.get('failed') },
    disk: { total_gb: gigabytes(storage.total_bytes), used_gb: gigabytes(storage.used_bytes) },
    message_rate: traffic.messageRate,
    latency_ms: traffic.latency,
    concurrent_jobs: jobs.running,
    last_sample_at: traffic.lastSampleMs === null ? null : Math.floor(traffic.lastSampleMs / 1000),
  }
}
