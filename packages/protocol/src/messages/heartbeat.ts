// heartbeat.ts — What a worker publishes while it runs: heartbeats, and the progress of syncs.
import Type, { type Static } from 'typebox'
import { Folders } from '../folders.ts'
import { Instant, Jobs, Nullable, Progress, ReplicaState, Storage, Trigger } from '../model.ts'
import { Instance, ReplicaId, WorkerId } from '../names.ts'

/** Shows whether both sides have the same replica states: their number, and the sum of their `revision_no`. */
export const Digest = Type.Object({ count: Type.Integer({ minimum: 0 }), revisions: Type.Integer({ minimum: 0 }) })
export type Digest = Static<typeof Digest>

/** The worker is alive, and these replicas have changed. */
export const Heartbeat = Type.Object({
  worker_id: WorkerId,
  instance: Instance,
  seq: Type.Integer({ minimum: 0 }),
  sent_at: Instant,
  observed_rev: Type.Integer({
    minimum: 0,
    description: 'Revision of the desired document that the worker has applied',
  }),
  kept_rev: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        'Revision of the document that the worker keeps on its disk; a request leaves the document when it is in the ' +
        'kept one, for then no single loss can make it run again; without it: `observed_rev`',
    }),
  ),
  /**
   * A full heartbeat has every replica; the supervisor removes the others. Large ones are sent in parts of one `seq`.
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
  folders: Type.Optional({
    ...Folders,
    description:
      'The folders in data_dir that belong to no replica, when they are others than before, and in the first part of ' +
      'each full heartbeat; a full heartbeat without them: the worker has not looked yet',
  }),
})
export type Heartbeat = Static<typeof Heartbeat>

/** The progress of a running sync. */
export const ProgressEvent = Type.Object({
  worker_id: WorkerId,
  replica_id: ReplicaId,
  sync_id: Type.String({ maxLength: 64 }),
  started_at: Instant,
  trigger: Trigger,
  progress: Progress,
})
export type ProgressEvent = Static<typeof ProgressEvent>
