// model.ts — The nouns of the contract: worker, replica, sync and their parts, in messages and in the API. Schema and
// type have the same name.
import Type, { type Static } from 'typebox'
import { PlainText } from './printable.ts'
import { Kind, ReplicaId, ReplicaName, WorkerId } from './names.ts'

/** A schema that also allows null. */
export const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** RFC 3339, UTC. */
export const Instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' })
const Count = Type.Integer({ minimum: 0 })
const Bytes = Type.Integer({ minimum: 0, description: 'bytes' })

/** What people decided about a worker. */
export const Admission = Type.Enum(['pending', 'approved', 'rejected'])
export type Admission = Static<typeof Admission>

/** How long the last heartbeat of a worker is ago, by the supervisor's clock. */
export const Presence = Type.Enum(['online', 'late', 'lost'])
export type Presence = Static<typeof Presence>

/** What a replica is doing now. */
export const Activity = Type.Enum(['idle', 'queued', 'syncing', 'paused'])
export type Activity = Static<typeof Activity>

/** The state of a replica in one word, as API v0 and earlier versions have it. */
export const ReplicaStatus = Type.Enum(['init', 'syncing', 'success', 'failed'])
export type ReplicaStatus = Static<typeof ReplicaStatus>

/** The state of a resource in one word, as API v0 has it. */
export const ResourceStatus = Type.Enum(['ready', 'syncing', 'failed', 'error'])
export type ResourceStatus = Static<typeof ResourceStatus>

/** The health of a replica in one word for people, worst first. */
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
  'missing_disk',
  'local_denied',
  'disk_error',
  'foreign_files',
])
export type FailureReason = Static<typeof FailureReason>

/** The steps of a running sync, in order. A kind skips those it does not have. */
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

/** Credentials for an upstream. They are only sent to workers; no route and no log contains them. */
export const Auth = Type.Union([
  Type.Object({
    type: Type.Literal('basic'),
    username: Type.String({ minLength: 1, maxLength: 256 }),
    password: Type.String({ maxLength: 1024 }),
  }),
  Type.Object({ type: Type.Literal('token'), token: Type.String({ minLength: 1, maxLength: 4096 }) }),
])
export type Auth = Static<typeof Auth>

/** Credentials as they are stored and sent: encrypted for one worker, replica and upstream, with HPKE (RFC 9180). */
export const SealedAuth = Type.Object({
  type: Type.Literal('sealed'),
  box: Type.String({ maxLength: 16_384, description: 'base64' }),
})
export type SealedAuth = Static<typeof SealedAuth>

/** The purpose of sealed credentials: they cannot be opened for another replica or another upstream. */
export const sealedFor = (of: { worker_id: string; replica_id: string; upstream: string }): string =>
  JSON.stringify([of.worker_id, of.replica_id, of.upstream])

/** The key of a label. */
export const LabelKey = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$' })
/** Labels of a replica: free keys and values, to filter by. */
export const Labels = Type.Record(LabelKey, PlainText({ maxLength: 256 }))
export type Labels = Static<typeof Labels>

/** The options of a replica, as the worker announces them for its kind. */
export const Options = Type.Record(Type.String({ maxLength: 64 }), Type.Unknown())
export type Options = Static<typeof Options>

/** A replica as it is declared or added: one upstream on one worker. */
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
  spec_rev: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Revision of the document with which it was last edited; absent: never' }),
  ),
})
export type ReplicaSpec = Static<typeof ReplicaSpec>

/** The progress of a running sync. `percent` is only set when the tool reports it. */
export const Progress = Type.Object({
  phase: Phase,
  percent: Nullable(Type.Number({ minimum: 0, maximum: 100 })),
  bytes: Nullable(Bytes),
  files: Nullable(Count),
  bytes_per_second: Nullable(Type.Number({ minimum: 0 })),
  line: Type.Optional(
    Nullable(PlainText({ maxLength: 200, description: 'What the program said last, of kinds that run one' })),
  ),
})
export type Progress = Static<typeof Progress>

/**
 * A sync that stopped before it changed anything, because it would have deleted too much, or found none of the files
 * that were there (missing_disk), or files of something else (foreign_files). The hold stays until it is decided, or
 * the upstream or the disk is back.
 */
export const Hold = Type.Object({
  hold_id: Type.String({ maxLength: 64, description: 'Id of the first sync that was held' }),
  since: Instant,
  reason: FailureReason,
  removed: Type.Integer({ minimum: 0, description: 'Entries that would be deleted' }),
  total: Type.Integer({ minimum: 0, description: 'Entries in the copy' }),
  examples: Type.Array(Type.String({ maxLength: 300 }), {
    maxItems: 20,
    description: 'Some of the entries that would be deleted; the log of the sync has all of them',
  }),
  rejected: Type.Boolean({ description: 'It was decided that nothing is deleted' }),
})
export type Hold = Static<typeof Hold>

/** What of an upstream a copy does not have, because it cannot: names no disk keeps, unsafe links, forbidden files. */
export const LeftOut = Type.Object({
  count: Type.Integer({ minimum: 1, description: 'Files, folders and links of the upstream that were left out' }),
  examples: Type.Array(Type.String({ maxLength: 300 }), {
    maxItems: 20,
    description: 'The first of them, each with the reason; strange bytes of a name in octal, as `ls -b` shows them',
  }),
})
export type LeftOut = Static<typeof LeftOut>

/** A ref that an upstream lost, and that the copy still has where no reader sees it. */
export const KeptRef = Type.Object({
  id: Type.String({ maxLength: 300, description: 'What to restore it by: the name under which the copy keeps it' }),
  ref: Type.String({ maxLength: 300, description: 'The ref it was; strange bytes in octal, as `ls -b` shows them' }),
  commit: Type.String({ maxLength: 64, description: 'Object id that the ref had' }),
  lost_at: Instant,
  until: Type.String({ format: 'date-time', description: 'When it is removed for good' }),
})
export type KeptRef = Static<typeof KeptRef>

/** Everything that is kept of what an upstream lost. */
export const Kept = Type.Object({
  count: Type.Integer({ minimum: 1 }),
  refs: Type.Array(KeptRef, { maxItems: 50, description: 'The newest of them' }),
})
export type Kept = Static<typeof Kept>

/** Files that an upstream no longer has, and that readers still find in the copy (option keep_deleted). */
export const KeptFiles = Type.Object({
  count: Type.Integer({ minimum: 1 }),
  size_bytes: Bytes,
  next_at: Type.String({ format: 'date-time', description: 'When the first of them may be deleted' }),
  files: Type.Array(
    Type.Object({
      path: Type.String({ maxLength: 300, description: 'Strange bytes in octal, as `ls -b` shows them' }),
      until: Instant,
    }),
    { maxItems: 20, description: 'Those that go first' },
  ),
})
export type KeptFiles = Static<typeof KeptFiles>

/** A finished sync: the report that a worker sends, and that the history stores. Its `sync_id` is unique. */
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
  tail: Nullable(Type.String({ maxLength: 8000, description: 'The last lines of the output of the tool' })),
  exit_code: Nullable(Type.Integer()),
  started_at: Instant,
  ended_at: Instant,
  duration_ms: Count,
  bytes: Nullable(
    Type.Integer({ minimum: 0, description: 'Received from the upstream; null when the tool does not report it' }),
  ),
  files: Nullable(Type.Integer({ minimum: 0, description: 'Files (git: refs) in the tree afterwards' })),
  size_bytes: Nullable(Type.Integer({ minimum: 0, description: 'Size of the tree afterwards' })),
  revision: Nullable(Type.String({ maxLength: 256, description: 'git: commit of HEAD; http: ETag or Last-Modified' })),
  action: Type.Optional(
    Type.Enum(['sync', 'rollback', 'verify', 'restore'], {
      description:
        'verify: a sync that looked at the whole copy. Not a sync: rollback (an earlier tree was published), restore ' +
        '(a kept ref was given back to readers)',
    }),
  ),
  hold: Type.Optional(Nullable(Hold)),
  content_at: Type.Optional(
    Nullable(
      Type.String({
        format: 'date-time',
        description: 'When the upstream last changed its content, according to its freshness_file',
      }),
    ),
  ),
  generation: Type.Optional(
    Nullable(Type.Integer({ minimum: 0, description: 'publish = "swap": the generation that is published' })),
  ),
  left_out: Type.Optional(Nullable(LeftOut)),
  kept: Type.Optional(Nullable(Kept)),
  kept_files: Type.Optional(Nullable(KeptFiles)),
})
export type SyncReport = Static<typeof SyncReport>

/** What a worker reports about a replica. `revision_no` grows with every change, and is part of the digest. */
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
  failing_since: Type.Optional({
    ...Instant,
    description: 'When the first of these failures ended; absent: there is none, or its worker has not kept it',
  }),
  size_bytes: Nullable(Bytes),
  files: Nullable(Count),
  revision: Nullable(Type.String({ maxLength: 256 })),
  hold: Type.Optional(Nullable(Hold)),
  content_at: Type.Optional(Nullable(Instant)),
  generation: Type.Optional(Nullable(Count)),
  kept: Type.Optional(Nullable(Kept)),
  kept_files: Type.Optional(Nullable(KeptFiles)),
  spec_rev: Type.Optional({
    ...ReplicaSpec.properties.spec_rev,
    description: 'The last edit that the worker has taken; absent: none',
  }),
})
export type ReplicaState = Static<typeof ReplicaState>

/** The filesystem of a worker. Two workers that share a filesystem have the same `device`. */
export const Storage = Type.Object({
  total_bytes: Bytes,
  used_bytes: Bytes,
  available_bytes: Type.Optional({ ...Bytes, description: 'What the worker may still write; absent: not said' }),
  device: Type.Optional(Type.String({ maxLength: 200 })),
})
export type Storage = Static<typeof Storage>

/** A kind of upstream that a worker can sync, and the JSON Schema of its options. */
export const KindAnnouncement = Type.Object({
  kind: Kind,
  available: Type.Boolean(),
  detail: Type.String({ maxLength: 300, description: 'Version of the tool, or why it is not available' }),
  options: Type.Unknown({ description: 'JSON Schema of the options of this kind' }),
  roots: Type.Optional(
    Type.Array(Type.String({ maxLength: 4096 }), {
      maxItems: 64,
      description: 'Folders of the worker below which file:// upstreams are allowed. Absent: none',
    }),
  ),
})
export type KindAnnouncement = Static<typeof KindAnnouncement>

/** Syncs on a worker: running, queued, and how many may run at the same time. */
export const Jobs = Type.Object({ running: Count, queued: Count, limit: Count })
export type Jobs = Static<typeof Jobs>
