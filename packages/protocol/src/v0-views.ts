// v0-views.ts — What the routes at the root return, API v0. Instants are Unix seconds.
import Type, { type Static } from 'typebox'
import { Admission, Health, Labels, Nullable, Presence, ReplicaStatus, ResourceStatus } from './model.ts'

const Count = Type.Integer({ minimum: 0 })

/** A replica in API v0. */
export const V0Replica = Type.Object({
  worker_id: Type.String(),
  replica_id: Type.String(),
  name: Type.String(),
  kind: Type.String(),
  upstream: Type.String(),
  status: ReplicaStatus,
  interval_secs: Nullable(Count),
  labels: Labels,
  health: Health,
  last_success: Nullable(Type.Integer({ description: 'Unix seconds' })),
  last_error: Nullable(Type.String()),
  size_bytes: Nullable(Count),
  next_due: Nullable(Type.Integer({ description: 'Unix seconds' })),
})
export type V0Replica = Static<typeof V0Replica>

/** The size of the fleet in API v0. */
export const V0Overview = Type.Object({
  workers_total: Count,
  workers_approved: Count,
  workers_pending: Count,
  workers_rejected: Count,
  resources_total: Count,
})
export type V0Overview = Static<typeof V0Overview>

/** A worker in API v0. */
export const V0Worker = Type.Object({
  worker_id: Type.String(),
  approved: Type.Boolean(),
  status: Admission,
  last_seen: Type.Integer({ description: 'Unix seconds' }),
  replicas: Type.Array(V0Replica),
  name: Type.String(),
  presence: Presence,
})
export type V0Worker = Static<typeof V0Worker>

/** A resource in API v0. */
export const V0Resource = Type.Object({
  name: Type.String(),
  status: ResourceStatus,
  replicas: Type.Array(V0Replica),
})
export type V0Resource = Static<typeof V0Resource>

/** Measured traffic, latency, disk and jobs; zeros until something is measured. */
export const Telemetry = Type.Object({
  traffic: Type.Array(Type.Object({ label: Type.String(), value: Count }), {
    minItems: 24,
    maxItems: 24,
    description: 'Heartbeats received in each minute, oldest first',
  }),
  sync: Type.Object({ success: Count, failure: Count }),
  disk: Type.Object({ total_gb: Type.Number(), used_gb: Type.Number() }),
  message_rate: Type.Number({ description: 'Messages from workers per second, over the last minute' }),
  latency_ms: Type.Object({ p50: Type.Number(), p95: Type.Number(), p99: Type.Number(), samples: Count }),
  concurrent_jobs: Count,
  last_sample_at: Nullable(Type.Integer({ description: 'Unix seconds' })),
})
export type Telemetry = Static<typeof Telemetry>
