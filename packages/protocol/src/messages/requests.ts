// requests.ts — What the supervisor asks of a worker directly: cancel a sync, read a log, answer a ping, send
// everything, try an upstream.
import Type, { type Static } from 'typebox'
import { Nullable, Options, SealedAuth } from '../model.ts'
import { Instance, Kind, ReplicaId } from '../names.ts'
import { Trial } from '../views/trial.ts'

/** Stops a running sync. */
export const CancelRequest = Type.Object({ sync_id: Type.String({ minLength: 1, maxLength: 64 }) })

/** `cancelled` is false when the sync has already ended. */
export const CancelReply = Type.Object({ cancelled: Type.Boolean() })

/** Reads a part of a log. */
export const LogRequest = Type.Object({
  replica_id: ReplicaId,
  sync_id: Type.String({ minLength: 1, maxLength: 64 }),
  offset: Type.Integer({ description: 'Byte to start at; negative counts from the end' }),
  limit: Type.Integer({ minimum: 1, maximum: 262_144, description: 'bytes' }),
})
export type LogRequest = Static<typeof LogRequest>

/** A part of a log, and where to read on. */
export const LogReply = Type.Object({
  found: Type.Boolean(),
  text: Type.String(),
  offset: Type.Integer({ minimum: 0, description: 'Byte the text starts at' }),
  next_offset: Type.Integer({ minimum: 0 }),
  size_bytes: Type.Integer({ minimum: 0 }),
  running: Type.Boolean(),
})
export type LogReply = Static<typeof LogReply>

/** Asks the process with this instance to answer. */
export const Ping = Type.Object({ instance: Instance })

/** Asks for a full heartbeat. */
export const RefreshRequest = Type.Object({
  states_only: Type.Optional(
    Type.Boolean({ description: 'The supervisor knows this process; absent: the worker joins again as well' }),
  ),
})
export type RefreshRequest = Static<typeof RefreshRequest>

/** Whether a full heartbeat follows. */
export const RefreshReply = Type.Object({ accepted: Type.Boolean() })

/** Asks an upstream what it has; nothing is copied. */
export const TryRequest = Type.Object({
  replica_id: { ...ReplicaId, description: 'The replica that `auth` was sealed for, or an id that is new' },
  kind: Kind,
  upstream: Type.String({ minLength: 1, maxLength: 4096 }),
  options: Options,
  auth: Nullable(SealedAuth),
})
export type TryRequest = Static<typeof TryRequest>

/** What was found; null while another upstream, which is named, is tried. */
export const TryReply = Type.Object({
  trial: Nullable(Trial),
  busy_with: Nullable(Type.String({ maxLength: 4096 })),
})
export type TryReply = Static<typeof TryReply>
