// entries.ts — The types of the fleet in memory: replicas, workers, resources. No behaviour.
import type { Folders, Health, Jobs, Presence, Progress, ReplicaState, ReplicaStatus, Storage } from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'
import type { Verdict } from './health.ts'
import type { Tally } from './tally.ts'

/** A replica: what its worker reported, and how it is assessed and counted. */
export interface ReplicaEntry {
  readonly worker: WorkerEntry
  state: ReplicaState
  verdict: Verdict
  progress: Progress | null
  /** The sync that `progress` belongs to. Progress may arrive before the heartbeat that names its sync. */
  progressSyncId: string | null
  /** Unix ms of the last progress of the running sync. */
  progressAt: number | null
  /** The counters it is part of; null while its worker is not approved. */
  counted: { status: ReplicaStatus; health: Health } | null
}

/** A worker: its record, and what is known of it now. */
export interface WorkerEntry {
  record: WorkerRecord
  presence: Presence
  /** Monotonic ms of the last heartbeat; null until the first one of this run of the supervisor. */
  lastSeenMs: number | null
  lastSeenAt: string | null
  instance: string | null
  /** Revision of the document that its worker has applied. */
  observedRev: number
  /** Revision of the one that it keeps on its disk: requests up to it are done for good. */
  keptRev: number
  storage: Storage | null
  jobs: Jobs | null
  /** The folders of its data_dir that belong to no replica; null until it has said. */
  folders: Folders | null
  /** The answer to a second process with this id, and monotonic ms of its last join. */
  conflict: { readonly text: string; readonly at: number } | null
  readonly replicas: Map<string, ReplicaEntry>
  /** Sum of the `revision_no` of `replicas`, for the digest. */
  revisions: number
  readonly healths: Tally
  /** A full heartbeat of which not every part has arrived. */
  partial: { seq: number; states: ReplicaState[]; received: number } | null
  /** Whether a full heartbeat of the present process has arrived. */
  hasFullState: boolean
}

/** A resource: all replicas of one name. */
export interface ResourceEntry {
  readonly name: string
  /** Replicas on approved workers; only these count. */
  readonly replicas: Set<ReplicaEntry>
  readonly statuses: Tally
  readonly healths: Tally
}

/** All workers and replicas, with their counters. */
export interface Fleet {
  readonly workers: Map<string, WorkerEntry>
  readonly replicas: Map<string, ReplicaEntry>
  readonly resources: Map<string, ResourceEntry>
  readonly healths: Tally
  readonly statuses: Tally
  readonly admissions: Tally
  readonly presences: Tally
  /** Replicas to assess again, by the minute in which time alone may change their health. */
  readonly reviews: Map<number, Set<ReplicaEntry>>
}
