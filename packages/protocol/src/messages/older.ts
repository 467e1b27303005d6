// older.ts — The messages of earlier versions of Kagami. Workers and supervisors of those versions speak exactly these:
// nothing here may change.
import Type, { type Static } from 'typebox'
import { Auth, Labels, Nullable, ReplicaStatus } from '../model.ts'
import { ReplicaId, WorkerId } from '../names.ts'

const OlderKind = Type.Enum(['git', 'rsync', 'http', 'unknown'])
/** A replica of an older worker. */
export const OlderReplica = Type.Object({
  replica_id: ReplicaId,
  name: Type.String({ minLength: 1, maxLength: 256 }),
  kind: OlderKind,
  upstream: Type.String({ maxLength: 4096 }),
  status: ReplicaStatus,
  interval_secs: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
  labels: Type.Optional(Nullable(Labels)),
})
export type OlderReplica = Static<typeof OlderReplica>

/** An older worker introduces itself. */
export const OlderJoin = Type.Object({
  worker_id: WorkerId,
  replicas: Type.Array(OlderReplica, { maxItems: 20_000 }),
  /** Ours: this worker prefers our wire; a supervisor that speaks it leaves this join unanswered. */
  wire: Type.Optional(Type.Integer()),
})
export type OlderJoin = Static<typeof OlderJoin>

/** An older worker is alive; always with all replicas. */
export const OlderHeartbeat = Type.Object({
  worker_id: WorkerId,
  time_stamp: Type.Integer(),
  replicas: Type.Array(OlderReplica, { maxItems: 20_000 }),
  storage: Type.Optional(
    Nullable(Type.Object({ total_bytes: Type.Number({ minimum: 0 }), used_bytes: Type.Number({ minimum: 0 }) })),
  ),
})
export type OlderHeartbeat = Static<typeof OlderHeartbeat>

/** The status of one replica has changed. */
export const OlderStatus = Type.Object({ worker_id: WorkerId, replica_id: ReplicaId, status: ReplicaStatus })
export type OlderStatus = Static<typeof OlderStatus>

/** A command to an older worker. */
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

/** Whether the worker accepts a command. */
export const OlderCommandReply = Type.Object({
  worker_id: WorkerId,
  command: Type.String(),
  accepted: Type.Boolean(),
  detail: Type.Optional(Nullable(Type.String())),
})
export type OlderCommandReply = Static<typeof OlderCommandReply>
