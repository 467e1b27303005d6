// views.ts — What the routes under /api/v1 return. Instants are RFC 3339; no credentials are in any shape.
import Type, { type Static } from 'typebox'
import { FieldChange } from './edits.ts'
import { FoldersSeen } from './folders.ts'
import {
  Admission,
  Health,
  Instant,
  Jobs,
  KindAnnouncement,
  Labels,
  Nullable,
  Outcome,
  Presence,
  Progress,
  ReplicaState,
  ResourceStatus,
  Storage,
  SyncReport,
  Trigger,
} from './model.ts'
import { DayStrip, TypicalDuration } from './views/history.ts'
import { DiskForecast, DiskTotals } from './views/storage.ts'

const Count = Type.Integer({ minimum: 0 })

/** How many replicas have each health. */
export const HealthCounts = Type.Record(Type.String(), Count, {
  description: 'Number of replicas by health; a health that no replica has is absent',
})
export type HealthCounts = Record<string, number>

/** Who paused a replica, when and why. */
export const Paused = Type.Object({
  by: Type.String(),
  at: Instant,
  reason: Nullable(Type.String({ maxLength: 1000 })),
})
export type Paused = Static<typeof Paused>

const SilentSince = Type.Optional({
  ...Nullable(Instant),
  description: 'When its worker was last heard, null: that is not known; only there while the worker is silent',
})

/** A replica: what its worker reports, and what the supervisor knows about it. */
export const Replica = Type.Object({
  ...ReplicaState.properties,
  worker_id: Type.String(),
  worker_name: Type.String(),
  worker_presence: Presence,
  worker_admission: Type.Optional(Admission),
  worker_silent_since: SilentSince,
  health: Health,
  health_detail: Type.String({ description: 'The reason for the health, in one sentence' }),
  progress: Nullable(Progress),
  paused: Nullable(Paused),
  pending_requests: Type.Integer({
    minimum: 0,
    description: 'Requested syncs that the worker has not started to handle',
  }),
  etag: Type.Optional({
    ...Nullable(Type.String()),
    description: 'What If-Match of an edit compares, with its quotes; null: it cannot be edited through the API',
  }),
  has_credentials: Type.Optional({
    ...Nullable(Type.Boolean()),
    description: 'Whether it has credentials, which no route returns; null: only its worker knows',
  }),
  edit_pending: Type.Optional(Type.Boolean({ description: 'Its worker has not taken the last edit yet' })),
})
export type Replica = Static<typeof Replica>

/** A replica in a list, with what `include` asked for. */
export const ListedReplica = Type.Object({
  ...Replica.properties,
  strip: Type.Optional(DayStrip),
  usual: Type.Optional(TypicalDuration),
})
export type ListedReplica = Static<typeof ListedReplica>

/** A replica after an edit: what was changed, and from when on that counts. */
export const ReplicaEdited = Type.Object({
  ...Replica.properties,
  changes: Type.Array(FieldChange, { description: 'Empty: it was all so already, and nothing was written' }),
  takes_effect: Nullable(Type.String({ description: 'One sentence: when; null: nothing was changed' })),
})
export type ReplicaEdited = Static<typeof ReplicaEdited>

/** A worker: what it announces, what was decided about it, and how it is now. */
export const Worker = Type.Object({
  worker_id: Type.String(),
  name: Type.String(),
  admission: Admission,
  reason: Nullable(Type.String()),
  presence: Presence,
  first_seen_at: Instant,
  last_seen_at: Nullable(Instant),
  decided_at: Nullable(Instant),
  decided_by: Nullable(Type.String()),
  version: Nullable(Type.String()),
  hostname: Nullable(Type.String()),
  http_addr: Nullable(Type.String()),
  data_dir: Nullable(Type.String()),
  declared_in: Type.Optional(
    Type.String({
      description: 'Where its own replicas are declared: path of worker.toml, or variable; absent: not known',
    }),
  ),
  older_wire: Type.Boolean({ description: 'The worker speaks the messages of earlier versions' }),
  conflict: Nullable(Type.String({ description: 'Another process uses the same worker id' })),
  kinds: Type.Array(KindAnnouncement),
  storage: Nullable(Storage),
  disk_forecast: Type.Optional({
    ...Nullable(DiskForecast),
    description: 'When its disk is full; null while that was not looked at',
  }),
  jobs: Nullable(Jobs),
  desired_rev: Count,
  observed_rev: Count,
  replicas_total: Count,
  health_counts: HealthCounts,
  folders: Type.Optional({
    ...Nullable(FoldersSeen),
    description: 'Folders in data_dir that belong to no replica; null while the worker has not said',
  }),
})
export type Worker = Static<typeof Worker>

/** A mirror: all replicas of one name on approved workers. */
export const Resource = Type.Object({
  name: Type.String(),
  status: ResourceStatus,
  kinds: Type.Array(Type.String()),
  labels: Labels,
  replicas_total: Count,
  health_counts: HealthCounts,
  worst_health: Health,
  newest_success_at: Nullable(Instant),
  content_at: Type.Optional({
    ...Nullable(Instant),
    description: 'Of when the content of the newest copy is, as the upstream says; null: that is not known',
  }),
  next_due_at: Nullable({
    ...Instant,
    description: 'When the first of those replicas is due that nothing keeps from syncing; null: there is none',
  }),
  size_bytes: Nullable(Count),
})
export type Resource = Static<typeof Resource>

/** A mirror with its replicas. */
export const ResourceDetail = Type.Object({ ...Resource.properties, replicas: Type.Array(Replica) })
export type ResourceDetail = Static<typeof ResourceDetail>

/** A sync: running, as its worker last reported it, or finished, from the history. */
export const Sync = Type.Object({
  sync_id: Type.String(),
  state: Type.Enum(['running', 'finished']),
  worker_id: Type.String(),
  worker_name: Type.String(),
  worker_silent_since: SilentSince,
  replica_id: Type.String(),
  name: Type.String(),
  kind: Type.String(),
  trigger: Trigger,
  request_id: Nullable(Type.String()),
  outcome: Nullable(Outcome),
  reason: SyncReport.properties.reason,
  message: Nullable(Type.String()),
  hint: Nullable(Type.String()),
  tail: Nullable(Type.String()),
  exit_code: Nullable(Type.Integer()),
  started_at: Instant,
  ended_at: Nullable(Instant),
  duration_ms: Nullable(Count),
  bytes: Nullable(Count),
  files: Nullable(Count),
  size_bytes: Nullable(Count),
  revision: Nullable(Type.String()),
  action: SyncReport.properties.action,
  hold: SyncReport.properties.hold,
  content_at: SyncReport.properties.content_at,
  generation: SyncReport.properties.generation,
  left_out: SyncReport.properties.left_out,
  kept_files: SyncReport.properties.kept_files,
  progress: Nullable(Progress),
  usual: Type.Optional({
    ...TypicalDuration,
    description: 'How long syncs of its replica usually take; only with sort=ending',
  }),
})
export type Sync = Static<typeof Sync>

const CauseExample = Type.Object({ replica_id: Type.String(), name: Type.String(), worker_name: Type.String() })

/** Failing replicas with the same reason. */
export const Cause = Type.Object({
  reason: Type.String(),
  message: Type.String(),
  hint: Type.String(),
  replicas: Count,
  held: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'How many of them are held, that is wait for a decision; the others failed',
    }),
  ),
  since: Nullable({
    ...Instant,
    description: 'When the first failure of the longest streak among them ended; null: that is not known of any',
  }),
  workers: Type.Array(Type.String({ description: 'Names, of the first five' })),
  workers_total: Type.Optional({ ...Count, description: 'On how many workers they are' }),
  examples: Type.Array(CauseExample),
  last: Type.Optional(
    Nullable(
      Type.Object(
        {
          ...CauseExample.properties,
          sync_id: Type.String(),
          at: Instant,
          line: Type.String({ maxLength: 1000, description: 'What its last sync said, on one line' }),
        },
        { description: 'The replica among them whose sync ended last; null: it said nothing' },
      ),
    ),
  ),
})
export type Cause = Static<typeof Cause>

/** The whole fleet on one page. */
export const Summary = Type.Object({
  at: Instant,
  version: Type.String(),
  started_at: Instant,
  workers: Type.Object({
    total: Count,
    approved: Count,
    pending: Count,
    rejected: Count,
    online: { ...Count, description: 'Of the approved ones, as late and lost' },
    late: Count,
    lost: Count,
  }),
  replicas_total: Count,
  resources_total: Count,
  health_counts: HealthCounts,
  jobs: Type.Object({
    running: Count,
    queued: Count,
    limit: Count,
    unknown: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Syncs that ran when workers that are silent now were last heard; not in running',
      }),
    ),
  }),
  queues: Type.Optional(
    Type.Object(
      {
        workers: Type.Integer({ minimum: 0, description: 'How many workers have one' }),
        longest: Type.Array(Type.Object({ worker_id: Type.String(), name: Type.String(), ...Jobs.properties }), {
          maxItems: 5,
        }),
      },
      { description: 'Workers on which syncs wait for a slot, the longest queue first' },
    ),
  ),
  storage: Type.Object({
    total_bytes: Count,
    used_bytes: Count,
    available_bytes: Type.Optional({ ...Count, description: 'What workers may still write' }),
  }),
  disks: Type.Optional(DiskTotals),
  causes: Type.Array(Cause),
  nats: Type.Object({ connected: Type.Boolean(), server_version: Nullable(Type.String()) }),
  last_failure: Nullable(Type.Object({ at: Instant, name: Type.String(), worker_name: Type.String() })),
})
export type Summary = Static<typeof Summary>

/** The syncs beside one, of the same replica; the order is that in which they were recorded. */
export const SyncNeighbours = Type.Object({
  previous_sync_id: Nullable(Type.String()),
  next_sync_id: Nullable(Type.String({ description: 'A running sync comes after all that have ended' })),
})
export type SyncNeighbours = Static<typeof SyncNeighbours>

/** A join token without its secret. */
export const JoinToken = Type.Object({
  id: Type.String(),
  worker_id: Nullable(Type.String({ description: 'The only worker id that may use it' })),
  uses: Count,
  used: Count,
  made_at: Instant,
  made_by: Type.String(),
  expires_at: Instant,
})
export type JoinToken = Static<typeof JoinToken>

/** A join token that was just created. */
export const NewJoinToken = Type.Object({
  ...JoinToken.properties,
  token: Type.String({ description: 'Shown only this once: the supervisor stores only its hash' }),
})
export type NewJoinToken = Static<typeof NewJoinToken>

/** The requests that were recorded; workers carry them out later. */
export const SyncAccepted = Type.Object({
  requests: Type.Array(
    Type.Object({
      request_id: Type.String(),
      replica_id: Type.String(),
      name: Type.String(),
      worker_id: Type.String(),
    }),
  ),
})
export type SyncAccepted = Static<typeof SyncAccepted>

/** The replica that was added; its worker reports it later. */
export const ReplicaAccepted = Type.Object({ replica_id: Type.String(), name: Type.String(), worker_id: Type.String() })

/** The body of every error. */
export const ErrorBody = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    hint: Type.String(),
    field: Nullable(Type.String()),
    request_id: Type.String(),
  }),
})
export type ErrorBody = Static<typeof ErrorBody>

/** One page of a list. `next_cursor` is opaque, and null on the last page; `total` counts all items of the list. */
export const pageOf = <T extends Type.TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), next_cursor: Nullable(Type.String()), total: Count })
/** The type of one page of a list. */
export interface Page<T> {
  items: T[]
  next_cursor: string | null
  total: number
}
