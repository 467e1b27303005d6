// model.ts — The nouns: what a worker, replica, resource and sync are, on the wire and in the API. Schema and type
// share a name.
import Type, { type Static } from 'typebox'
import { Kind, ReplicaId, ReplicaName, WorkerId } from './names.ts'

export const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
/** RFC 3339, UTC. */
export const Instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' })
const Count = Type.Integer({ minimum: 0 })
const Bytes = Type.Integer({ minimum: 0, description: 'bytes' })

/** What people decided about a worker. */
export const Admission = Type.Enum(['pending', 'approved', 'rejected'])
export type Admission = Static<typeof Admission>

/** What the supervisor's own clock says about a worker: time since its last heartbeat. */
export const Presence = Type.Enum(['online', 'late', 'lost'])
export type Presence = Static<typeof Presence>

/** What a replica is doing now. */
export const Activity = Type.Enum(['idle', 'queued', 'syncing', 'paused'])
export type Activity = Static<typeof Activity>

/** The seed's one-word status of a replica. */
export const ReplicaStatus = Type.Enum(['init', 'syncing', 'success', 'failed'])
export type ReplicaStatus = Static<typeof ReplicaStatus>

/** The seed's one-word status of a resource. */
export const ResourceStatus = Type.Enum(['ready', 'syncing', 'failed', 'error'])
export type ResourceStatus = Static<typeof ResourceStatus>

/** One word for people, worst first: what an operator should think of this replica now. */
export const Health = Type.Enum([
  'failed',
  'held',
  'stale',
  'stuck',
  'unknown',
  'late',
  'syncing',
  'queued',
  'paused',
  'new',
  'fresh',
])
export type Health = Static<typeof Health>

/** How a finished sync ended. */
export const Outcome = Type.Enum(['success', 'failed', 'cancelled', 'interrupted', 'held'])
export type Outcome = Static<typeof Outcome>

/** Why a sync was started. */
export const Trigger = Type.Enum(['schedule', 'manual', 'retry'])
export type Trigger = Static<typeof Trigger>

/** Why a sync did not succeed. The meaning and the hint of each are in errors.ts. */
export const FailureReason = Type.Enum([
  'upstream_unreachable',
  'upstream_refused',
  'upstream_missing',
  'upstream_empty',
  'auth_rejected',
  'timed_out',
  'cancelled',
  'interrupted',
  'disk_full',
  'tool_missing',
  'content_invalid',
  'local_conflict',
  'kind_unknown',
  'partial',
  'unknown',
  'too_many_deletions',
  'stalled',
  'quota_exceeded',
  'address_forbidden',
  'invalid_options',
])
export type FailureReason = Static<typeof FailureReason>

/** The steps of a running sync, in order; a provider skips those it does not have. */
export const Phase = Type.Enum([
  'preparing',
  'connecting',
  'listing',
  'transferring',
  'deleting',
  'verifying',
  'publishing',
])
export type Phase = Static<typeof Phase>

/** Credentials for an upstream. Travel down to workers only; no route and no log ever returns them. */
export const Auth = Type.Union([
  Type.Object({
    type: Type.Literal('basic'),
    username: Type.String({ minLength: 1, maxLength: 256 }),
    password: Type.String({ maxLength: 1024 }),
  }),
  Type.Object({ type: Type.Literal('token'), token: Type.String({ minLength: 1, maxLength: 4096 }) }),
])
export type Auth = Static<typeof Auth>

/**
 * Credentials as they are kept and sent: sealed for one worker and one replica with its upstream, by HPKE (RFC 9180).
 */
export const SealedAuth = Type.Object({
  type: Type.Literal('sealed'),
  box: Type.String({ maxLength: 16_384, description: 'base64' }),
})
export type SealedAuth = Static<typeof SealedAuth>

/** What credentials are sealed for: a box moved to another replica, or to another address, does not open. */
export const sealedFor = (of: { worker_id: string; replica_id: string; upstream: string }): string =>
  JSON.stringify([of.worker_id, of.replica_id, of.upstream])

export const Labels = Type.Record(
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$' }),
  Type.String({ maxLength: 256 }),
)
export type Labels = Static<typeof Labels>

/** Options of a provider, as its own announced schema describes them. */
export const Options = Type.Record(Type.String({ maxLength: 64 }), Type.Unknown())
export type Options = Static<typeof Options>

/** What somebody wants mirrored: one upstream on one worker. */
export const ReplicaSpec = Type.Object({
  replica_id: ReplicaId,
  name: ReplicaName,
  kind: Kind,
  upstream: Type.String({ maxLength: 2048 }),
  interval_secs: Nullable(Count),
  labels: Labels,
  options: Options,
  auth: Type.Optional(Nullable(Type.Union([SealedAuth, Auth]))),
  origin: Type.Enum(['config', 'api']),
})
export type ReplicaSpec = Static<typeof ReplicaSpec>

/** How far a running sync is. `percent` only when the tool itself knows it. */
export const Progress = Type.Object({
  phase: Phase,
  percent: Nullable(Type.Number({ minimum: 0, maximum: 100 })),
  bytes: Nullable(Bytes),
  files: Nullable(Count),
  bytes_per_second: Nullable(Type.Number({ minimum: 0 })),
})
export type Progress = Static<typeof Progress>

/**
 * A sync that stopped before it deleted anything, because too much would have gone. Stays until somebody decides, or
 * the upstream recovers.
 */
export const Hold = Type.Object({
  hold_id: Type.String({ maxLength: 64, description: 'Id of the sync that found it first' }),
  since: Instant,
  reason: FailureReason,
  removed: Type.Integer({ minimum: 0, description: 'Entries that would go' }),
  total: Type.Integer({ minimum: 0, description: 'Entries the copy has' }),
  examples: Type.Array(Type.String({ maxLength: 300 }), {
    maxItems: 20,
    description: 'Some of what would go; all of it is in the log of the sync',
  }),
  rejected: Type.Boolean({ description: 'Somebody decided that nothing is deleted' }),
})
export type Hold = Static<typeof Hold>

/** A finished sync: the report a worker sends and the history keeps. Its `sync_id` makes it unique for ever. */
export const SyncReport = Type.Object({
  sync_id: Type.String({ minLength: 1, maxLength: 64 }),
  worker_id: WorkerId,
  replica_id: ReplicaId,
  name: Type.String({ maxLength: 128 }),
  kind: Kind,
  trigger: Trigger,
  request_id: Nullable(Type.String({ maxLength: 64 })),
  outcome: Outcome,
  reason: Nullable(FailureReason),
  message: Nullable(Type.String({ maxLength: 1000, description: 'One line: what happened' })),
  hint: Nullable(Type.String({ maxLength: 1000, description: 'What to do next' })),
  tail: Nullable(Type.String({ maxLength: 8000, description: 'The last lines the tool wrote' })),
  exit_code: Nullable(Type.Integer()),
  started_at: Instant,
  ended_at: Instant,
  duration_ms: Count,
  bytes: Nullable(
    Type.Integer({ minimum: 0, description: 'Received from the upstream; null when the tool does not say' }),
  ),
  files: Nullable(Type.Integer({ minimum: 0, description: 'Files (git: refs) in the tree afterwards' })),
  size_bytes: Nullable(Type.Integer({ minimum: 0, description: 'Size of the tree afterwards' })),
  revision: Nullable(Type.String({ maxLength: 256, description: 'git: commit of HEAD; http: ETag or Last-Modified' })),
  action: Type.Optional(
    Type.Enum(['sync', 'rollback'], { description: 'rollback: no sync, but an earlier tree put in place' }),
  ),
  hold: Type.Optional(Nullable(Hold)),
  content_at: Type.Optional(
    Nullable(
      Type.String({
        format: 'date-time',
        description: 'When the upstream itself last changed its content, as its freshness_file says',
      }),
    ),
  ),
  generation: Type.Optional(
    Nullable(Type.Integer({ minimum: 0, description: 'publish = "swap": the generation that is published' })),
  ),
})
export type SyncReport = Static<typeof SyncReport>

/**
 * What a worker says of one of its replicas. `revision_no` grows with every change and feeds the heartbeat's digest.
 */
export const ReplicaState = Type.Object({
  replica_id: ReplicaId,
  revision_no: Count,
  name: Type.String({ maxLength: 128 }),
  kind: Kind,
  upstream: Type.String({ maxLength: 2048 }),
  interval_secs: Nullable(Count),
  labels: Labels,
  options: Options,
  origin: Type.Enum(['config', 'api']),
  status: ReplicaStatus,
  activity: Activity,
  queue: Nullable(Type.Object({ position: Count, reason: Type.String({ maxLength: 200 }) })),
  current: Nullable(Type.Object({ sync_id: Type.String({ maxLength: 64 }), started_at: Instant, trigger: Trigger })),
  last_sync: Nullable(
    Type.Object({
      sync_id: Type.String({ maxLength: 64 }),
      outcome: Outcome,
      reason: Nullable(FailureReason),
      message: Nullable(Type.String({ maxLength: 1000 })),
      hint: Nullable(Type.String({ maxLength: 1000 })),
      started_at: Instant,
      ended_at: Instant,
      duration_ms: Count,
      bytes: Nullable(Bytes),
    }),
  ),
  last_success_at: Nullable(Instant),
  next_due_at: Nullable(Instant),
  failures: Type.Integer({ minimum: 0, description: 'Failed syncs since the last success' }),
  size_bytes: Nullable(Bytes),
  files: Nullable(Count),
  revision: Nullable(Type.String({ maxLength: 256 })),
  hold: Type.Optional(Nullable(Hold)),
  content_at: Type.Optional(Nullable(Instant)),
  generation: Type.Optional(Nullable(Count)),
})
export type ReplicaState = Static<typeof ReplicaState>

/** A filesystem as seen by a worker. `device` is equal for two workers on one host that share it. */
export const Storage = Type.Object({
  total_bytes: Bytes,
  used_bytes: Bytes,
  device: Type.Optional(Type.String({ maxLength: 200 })),
})
export type Storage = Static<typeof Storage>

/** A kind of upstream a worker can sync, and the JSON Schema of its options. */
export const KindAnnouncement = Type.Object({
  kind: Kind,
  available: Type.Boolean(),
  detail: Type.String({ maxLength: 300, description: 'Version of the tool, or why it is not available' }),
  options: Type.Unknown({ description: 'JSON Schema of this kind’s options' }),
  roots: Type.Optional(
    Type.Array(Type.String({ maxLength: 4096 }), {
      maxItems: 64,
      description: 'Folders of the worker below which file:// upstreams are allowed; absent: none',
    }),
  ),
})
export type KindAnnouncement = Static<typeof KindAnnouncement>

/** Slots in use on a worker. */
export const Jobs = Type.Object({ running: Count, queued: Count, limit: Count })
export type Jobs = Static<typeof Jobs>
