// messages.ts — Every NATS message: subject, direction, delivery, schema. Nothing is sent that is not written here.
import Type, { type Static } from 'typebox'
import {
  Admission,
  Auth,
  Instant,
  Jobs,
  KindAnnouncement,
  Labels,
  Nullable,
  Progress,
  ReplicaSpec,
  ReplicaState,
  SeedStatus,
  Storage,
  SyncReport,
  Trigger,
} from './model.ts'
import { ReplicaId, WorkerId } from './names.ts'

/** Version of the wire. Peers one version apart work together; unknown fields are ignored both ways. */
export const WIRE_VERSION = 1
/** Seconds between heartbeats. */
export const HEARTBEAT_SECONDS = 15
/** Largest message body we send or accept, bytes. nats-server's own limit is 1 MiB including headers. */
export const MESSAGE_MAX_BYTES = 512 * 1024
/** Largest heartbeat taken from an older worker, which cannot split it. */
export const OLDER_MESSAGE_MAX_BYTES = 1024 * 1024

const Instance = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Made anew at each start: tells two processes with one id apart',
})

export const Join = Type.Object({
  worker_id: WorkerId,
  instance: Instance,
  wire: Type.Integer({ minimum: 1 }),
  name: Type.String({ minLength: 1, maxLength: 128 }),
  version: Type.String({ maxLength: 64 }),
  hostname: Type.String({ maxLength: 256 }),
  http_addr: Type.String({ maxLength: 256 }),
  data_dir: Type.String({ maxLength: 4096 }),
  kinds: Type.Array(KindAnnouncement, { maxItems: 64 }),
  sealing_key: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'X25519 public key, base64: credentials for this worker are sealed with it',
    }),
  ),
  jwt: Type.Optional(
    Type.String({
      maxLength: 8192,
      description:
        'On a locked NATS: the credentials without their key, so that a supervisor whose database was lost ' +
        'knows which key is whose',
    }),
  ),
})
export type Join = Static<typeof Join>

export const JoinReply = Type.Object({
  accepted: Type.Boolean(),
  status: Admission,
  reason: Nullable(Type.String({ maxLength: 1000 })),
  supervisor: Type.Optional(
    Type.Object({
      version: Type.String(),
      wire: Type.Integer(),
      stream: Type.Optional(
        Type.String({
          maxLength: 64,
          description:
            'When the stream of reports was made. A worker that knew another one tells its last reports again',
        }),
      ),
    }),
  ),
  terminated: Type.Optional(Type.Boolean()),
})
export type JoinReply = Static<typeof JoinReply>

/** Asks for credentials on a locked NATS; the subject carries the public key they are to be for. */
export const Enrol = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 128, description: 'Secret of the join token' }),
  join: Join,
  signature: Type.String({
    maxLength: 128,
    description: 'By the key, base64url, over what `enrolProof` makes: nobody asks in the name of another’s key',
  }),
})
export type Enrol = Static<typeof Enrol>

/** What a worker signs when it asks for credentials. */
export function enrolProof(publicKey: string, { token, join }: Pick<Enrol, 'token' | 'join'>): string {
  return ['kagami enrol 1', publicKey, join.worker_id, join.instance, token].join('\n')
}

export const EnrolReply = Type.Object({
  /** `refused`: the token or the key cannot be used for this id; nothing was recorded. */
  status: Type.Union([Admission, Type.Literal('refused')]),
  reason: Nullable(Type.String({ maxLength: 1000 })),
  worker_id: WorkerId,
  public_key: Type.String({ maxLength: 64 }),
  jwt: Nullable(Type.String({ description: 'Present once approved' })),
})
export type EnrolReply = Static<typeof EnrolReply>

/**
 * Proves that both sides hold the same replica states without sending them: how many, and the sum of their
 * `revision_no`.
 */
export const Digest = Type.Object({ count: Type.Integer({ minimum: 0 }), revisions: Type.Integer({ minimum: 0 }) })
export type Digest = Static<typeof Digest>

export const Heartbeat = Type.Object({
  worker_id: WorkerId,
  instance: Instance,
  seq: Type.Integer({ minimum: 0 }),
  sent_at: Instant,
  observed_rev: Type.Integer({ minimum: 0, description: 'Revision of the desired document that is applied' }),
  /**
   * A full heartbeat names every replica; the supervisor forgets those it does not name. Large ones come in parts of
   * one `seq`.
   */
  full: Type.Boolean(),
  part: Type.Object({
    index: Type.Integer({ minimum: 0, maximum: 4095 }),
    of: Type.Integer({ minimum: 1, maximum: 4096 }),
  }),
  replicas: Type.Array(ReplicaState, { maxItems: 20_000 }),
  removed: Type.Array(ReplicaId, { maxItems: 20_000 }),
  digest: Digest,
  storage: Nullable(Storage),
  jobs: Jobs,
})
export type Heartbeat = Static<typeof Heartbeat>

export const Goodbye = Type.Object({ worker_id: WorkerId, instance: Instance })
export type Goodbye = Static<typeof Goodbye>

export const ProgressEvent = Type.Object({
  worker_id: WorkerId,
  replica_id: ReplicaId,
  sync_id: Type.String({ maxLength: 64 }),
  started_at: Instant,
  trigger: Trigger,
  progress: Progress,
})
export type ProgressEvent = Static<typeof ProgressEvent>

/**
 * What is asked of a replica: a sync; a decision about a hold, `approve` also syncing; or going back to an earlier
 * tree.
 */
export const SyncAction = Type.Enum(['sync', 'approve', 'reject', 'rollback'])
export type SyncAction = Static<typeof SyncAction>

export const SyncRequest = Type.Object({
  request_id: Type.String({ minLength: 1, maxLength: 64 }),
  replica_id: ReplicaId,
  /** Revision of the document that first carried this request. */
  rev: Type.Integer({ minimum: 0 }),
  requested_at: Instant,
  action: Type.Optional(SyncAction),
  hold_id: Type.Optional(Nullable(Type.String({ maxLength: 64 }))),
  generation: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
})
export type SyncRequest = Static<typeof SyncRequest>

/** Everything the fleet wants of one worker; the value of its key in the bucket. Always whole, never a difference. */
export const Desired = Type.Object({
  worker_id: WorkerId,
  rev: Type.Integer({ minimum: 1, description: 'Grows with every change' }),
  term: Type.Integer({ minimum: 0, description: 'Term of the supervisor that wrote it; lower terms are refused' }),
  admission: Admission,
  reason: Nullable(Type.String({ maxLength: 1000 })),
  terminate: Type.Boolean(),
  /** The one process this document admits when two claim the id; null admits any. */
  instance: Nullable(Instance),
  replicas: Type.Array(ReplicaSpec, { description: 'Replicas added by the API' }),
  removed: Type.Array(ReplicaId, { description: 'Replicas of worker.toml that people removed' }),
  syncs: Type.Array(SyncRequest, { description: 'Requested syncs; each is started once' }),
  paused: Type.Optional(Type.Array(ReplicaId, { description: 'Replicas that start nothing by themselves' })),
})
export type Desired = Static<typeof Desired>

export const CancelRequest = Type.Object({ sync_id: Type.String({ minLength: 1, maxLength: 64 }) })
export const CancelReply = Type.Object({ cancelled: Type.Boolean() })
export const LogRequest = Type.Object({
  replica_id: ReplicaId,
  sync_id: Type.String({ minLength: 1, maxLength: 64 }),
  offset: Type.Integer({ description: 'Byte to start at; negative counts from the end' }),
  limit: Type.Integer({ minimum: 1, maximum: 262_144, description: 'bytes' }),
})
export type LogRequest = Static<typeof LogRequest>
export const LogReply = Type.Object({
  found: Type.Boolean(),
  text: Type.String(),
  offset: Type.Integer({ minimum: 0, description: 'Byte the text starts at' }),
  next_offset: Type.Integer({ minimum: 0 }),
  size_bytes: Type.Integer({ minimum: 0 }),
  running: Type.Boolean(),
})
export type LogReply = Static<typeof LogReply>
export const Ping = Type.Object({ instance: Instance })
export const RefreshRequest = Type.Object({})
export const RefreshReply = Type.Object({ accepted: Type.Boolean() })

// ---- The wire of older fleets (interfaces.md §6) ----------------------------------------------------------------
const OlderKind = Type.Enum(['git', 'rsync', 'http', 'unknown'])
export const OlderReplica = Type.Object({
  replica_id: ReplicaId,
  name: Type.String({ minLength: 1, maxLength: 256 }),
  kind: OlderKind,
  upstream: Type.String({ maxLength: 4096 }),
  status: SeedStatus,
  interval_secs: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
  labels: Type.Optional(Nullable(Labels)),
})
export type OlderReplica = Static<typeof OlderReplica>
export const OlderJoin = Type.Object({
  worker_id: WorkerId,
  replicas: Type.Array(OlderReplica, { maxItems: 20_000 }),
  /** Ours: this worker prefers our wire; a supervisor that speaks it leaves this join unanswered. */
  wire: Type.Optional(Type.Integer()),
})
export type OlderJoin = Static<typeof OlderJoin>
export const OlderHeartbeat = Type.Object({
  worker_id: WorkerId,
  time_stamp: Type.Integer(),
  replicas: Type.Array(OlderReplica, { maxItems: 20_000 }),
  storage: Type.Optional(
    Nullable(Type.Object({ total_bytes: Type.Number({ minimum: 0 }), used_bytes: Type.Number({ minimum: 0 }) })),
  ),
})
export type OlderHeartbeat = Static<typeof OlderHeartbeat>
export const OlderStatus = Type.Object({ worker_id: WorkerId, replica_id: ReplicaId, status: SeedStatus })
export type OlderStatus = Static<typeof OlderStatus>
export const OlderCommand = Type.Union([
  Type.Object({ type: Type.Literal('sync_resource'), resource: Nullable(Type.String()) }),
  Type.Object({ type: Type.Literal('remove_replica'), replica_id: ReplicaId }),
  Type.Object({ type: Type.Literal('reject'), reason: Nullable(Type.String()) }),
  Type.Object({
    type: Type.Literal('add_replica'),
    name: Type.String(),
    kind: OlderKind,
    upstream: Type.String(),
    interval_secs: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
    auth: Type.Optional(Nullable(Auth)),
    labels: Type.Optional(Nullable(Labels)),
  }),
  Type.Object({ type: Type.Literal('terminate') }),
  Type.Object({ type: Type.Literal('ping') }),
])
export type OlderCommand = Static<typeof OlderCommand>
export const OlderCommandReply = Type.Object({
  worker_id: WorkerId,
  command: Type.String(),
  accepted: Type.Boolean(),
  detail: Type.Optional(Nullable(Type.String())),
})
export type OlderCommandReply = Static<typeof OlderCommandReply>

export interface Message<S extends Type.TSchema = Type.TSchema, R extends Type.TSchema | null = Type.TSchema | null> {
  /** Subject with `<id>` for the worker's id. */
  readonly subject: string
  readonly from: 'worker' | 'supervisor'
  readonly delivery: 'core' | 'request' | 'stream' | 'kv'
  readonly schema: S
  readonly reply: R
  readonly summary: string
}
const message = <S extends Type.TSchema, R extends Type.TSchema | null>(m: Message<S, R>): Message<S, R> => m

/** Every message of the wire. Docs, subjects and validators are made from this record. */
export const messages = {
  join: message({
    subject: 'kagami.api.<id>.join',
    from: 'worker',
    delivery: 'request',
    schema: Join,
    reply: JoinReply,
    summary: 'Introduces a worker; repeated with growing pauses while pending.',
  }),
  enrol: message({
    subject: 'kagami.join.<id>',
    from: 'worker',
    delivery: 'request',
    schema: Enrol,
    reply: EnrolReply,
    summary:
      'On a locked NATS, before a worker has credentials: asks for them with a join token. <id> is the public ' +
      'key of the worker; repeated until approved.',
  }),
  heartbeat: message({
    subject: 'kagami.worker.<id>.hb',
    from: 'worker',
    delivery: 'core',
    schema: Heartbeat,
    reply: null,
    summary: 'Alive, and what changed since the last one. Every 15 s, and at once on a change.',
  }),
  progress: message({
    subject: 'kagami.worker.<id>.progress',
    from: 'worker',
    delivery: 'core',
    schema: ProgressEvent,
    reply: null,
    summary: 'How far a running sync is; at most once a second per sync.',
  }),
  goodbye: message({
    subject: 'kagami.worker.<id>.goodbye',
    from: 'worker',
    delivery: 'core',
    schema: Goodbye,
    reply: null,
    summary: 'The worker stops on purpose.',
  }),
  report: message({
    subject: 'kagami.evt.<id>.report',
    from: 'worker',
    delivery: 'stream',
    schema: SyncReport,
    reply: null,
    summary: 'A finished sync. Kept on the worker until the stream has it; message id = sync id.',
  }),
  desired: message({
    subject: '$KV.KAGAMI_DESIRED.<id>',
    from: 'supervisor',
    delivery: 'kv',
    schema: Desired,
    reply: null,
    summary: 'What the fleet wants of one worker. Republished on kagami.desired.<id> as a hint to read it.',
  }),
  cancel: message({
    subject: 'kagami.rpc.<id>.cancel',
    from: 'supervisor',
    delivery: 'request',
    schema: CancelRequest,
    reply: CancelReply,
    summary: 'Ends a running sync now.',
  }),
  log: message({
    subject: 'kagami.rpc.<id>.log',
    from: 'supervisor',
    delivery: 'request',
    schema: LogRequest,
    reply: LogReply,
    summary: 'A piece of a sync’s log, while it runs and after.',
  }),
  ping: message({
    subject: 'kagami.rpc.<id>.ping',
    from: 'supervisor',
    delivery: 'request',
    schema: Ping,
    reply: Ping,
    summary: 'Asks whether one process is alive; only the process of that instance answers.',
  }),
  refresh: message({
    subject: 'kagami.rpc.<id>.refresh',
    from: 'supervisor',
    delivery: 'request',
    schema: RefreshRequest,
    reply: RefreshReply,
    summary: 'Asks for a full heartbeat: the digest did not match.',
  }),
  olderJoin: message({
    subject: 'kagami.supervisor.join',
    from: 'worker',
    delivery: 'request',
    schema: OlderJoin,
    reply: JoinReply,
    summary: 'Join of an older worker.',
  }),
  olderHeartbeat: message({
    subject: 'kagami.hb.<id>',
    from: 'worker',
    delivery: 'core',
    schema: OlderHeartbeat,
    reply: null,
    summary: 'Heartbeat of an older worker; always complete.',
  }),
  olderStatus: message({
    subject: 'kagami.supervisor.provider_status',
    from: 'worker',
    delivery: 'core',
    schema: OlderStatus,
    reply: null,
    summary: 'A replica of an older worker changed.',
  }),
  olderCommand: message({
    subject: 'kagami.worker.<id>.cmd',
    from: 'supervisor',
    delivery: 'request',
    schema: OlderCommand,
    reply: OlderCommandReply,
    summary: 'A command to an older worker.',
  }),
} as const

/** The subject of a message for one worker. */
export function subjectFor(name: keyof typeof messages, workerId: string): string {
  return messages[name].subject.replace('<id>', workerId)
}

/** The subject that hears a message from every worker. */
export function subjectForAll(name: keyof typeof messages): string {
  return messages[name].subject.replace('<id>', '*')
}

export const DESIRED_BUCKET = 'KAGAMI_DESIRED'
export const EVENTS_STREAM = 'KAGAMI_EVENTS'
export const EVENTS_CONSUMER = 'supervisor'
/** Where the bucket republishes a document: a hint to read it, its content is ignored. */
export const desiredHint = (workerId: string): string => `kagami.desired.${workerId}`
