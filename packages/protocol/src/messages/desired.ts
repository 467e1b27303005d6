// desired.ts — What the fleet wants of one worker: its desired document, and the requests in it.
import Type, { type Static } from 'typebox'
import { Admission, Instant, Nullable, ReplicaSpec } from '../model.ts'
import { Instance, ReplicaId, WorkerId } from '../names.ts'

/**
 * What is requested: a sync, a decision about a hold (`approve` also syncs), an earlier tree, a sync that looks at the
 * whole copy, or a kept ref given back to readers.
 */
export const SyncAction = Type.Enum(['sync', 'approve', 'reject', 'rollback', 'verify', 'restore'])
export type SyncAction = Static<typeof SyncAction>

/**
 * One request for a replica; carried out once, however often the worker reads it. It leaves the document once the
 * worker has it on its disk: then no single loss can make it run again.
 */
export const SyncRequest = Type.Object({
  request_id: Type.String({ minLength: 1, maxLength: 64 }),
  replica_id: ReplicaId,
  /** Revision of the first document with this request. */
  rev: Type.Integer({ minimum: 0 }),
  requested_at: Instant,
  action: Type.Optional(SyncAction),
  hold_id: Type.Optional(Nullable(Type.String({ maxLength: 64 }))),
  generation: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
  decided_on: Type.Optional(
    Nullable(
      Type.Integer({
        minimum: 0,
        description: 'rollback: the generation that was published then. When it is another, nothing is changed',
      }),
    ),
  ),
  kept_id: Type.Optional(Nullable(Type.String({ maxLength: 300, description: 'restore: the id of what is kept' }))),
})
export type SyncRequest = Static<typeof SyncRequest>

/**
 * Everything the fleet wants of one worker: the value of its key in the bucket. Always complete, never a difference.
 */
export const Desired = Type.Object({
  worker_id: WorkerId,
  rev: Type.Integer({ minimum: 1, description: 'Grows with every change' }),
  term: Type.Integer({ minimum: 0, description: 'Term of the supervisor that wrote it; lower terms are ignored' }),
  admission: Admission,
  reason: Nullable(Type.String({ maxLength: 1000 })),
  terminate: Type.Boolean(),
  /** The process this document is for, when two use the same worker id; null: any process. */
  instance: Nullable(Instance),
  replicas: Type.Array(ReplicaSpec, { description: 'Replicas added by the API' }),
  removed: Type.Array(ReplicaId, { description: 'Replicas of worker.toml that were removed through the API' }),
  syncs: Type.Array(SyncRequest, { description: 'Requests; each is carried out once' }),
  paused: Type.Optional(Type.Array(ReplicaId, { description: 'Replicas whose syncs do not start by themselves' })),
})
export type Desired = Static<typeof Desired>
