// requests.ts — What the supervisor asks of a worker directly: cancel a sync, read a log, answer a ping, send everything.
import Type, { type Static } from 'typebox'
import { Instance, ReplicaId } from '../names.ts'

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
