// desired.ts — What the fleet wants of one worker: its desired document, and the requests in it.
import Type, { type Static } from 'typebox'
import { Admission, Instant, Nullable, ReplicaSpec } from '../model.ts'
import { Instance, ReplicaId, WorkerId } from '../names.ts'

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
