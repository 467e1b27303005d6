// entries.ts — The types of the fleet in memory: replicas, workers, resources, and what an event changed. No behaviour.
import type { Health, Jobs, Presence, Progress, ReplicaState, ReplicaStatus, Storage } from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'
import type { Verdict } from './health.ts'
import type { Tally } from './tally.ts'

export interface ReplicaEntry {
  readonly worker: WorkerEntry
  state: ReplicaState
  verdict: Verdict
  progress: Progress | null
  /** The sync `progress` is of; it may be told before the heartbeat that names the sync. */
  progressOf: string | null
  /** Unix ms of the last sign of life of the running sync. */
  progressAt: number | null
  /** How it is counted now; null while its worker is not approved. */
  counted: { status: ReplicaStatus; health: Health } | null
}

export interface WorkerEntry {
  record: WorkerRecord
  presence: Presence
  /** Monotonic ms of the last heartbeat; null before the first since our start. */
  heardMs: number | null
  lastSeenAt: string | null
  instance: string | null
  observedRev: number
  storage: Storage | null
  jobs: Jobs | null
  /** What a second process with this id was told, and monotonic ms of its last try. */
  conflict: { readonly text: string; readonly at: number } | null
  readonly replicas: Map<string, ReplicaEntry>
  /** Sum of the `revision_no` of `replicas`, for the digest. */
  revisions: number
  readonly healths: Tally
  /** Parts of a full heartbeat that has not come whole yet. */
  parts: { seq: number; states: ReplicaState[]; have: number } | null
  /** Cleared until a full heartbeat of the present process came. */
  hasFullState: boolean
}

export interface ResourceEntry {
  readonly name: string
  /** Replicas on approved workers; only these count. */
  readonly replicas: Set<ReplicaEntry>
  readonly statuses: Tally
  readonly healths: Tally
}

export interface Fleet {
  readonly workers: Map<string, WorkerEntry>
  readonly replicas: Map<string, ReplicaEntry>
  readonly resources: Map<string, ResourceEntry>
  readonly healths: Tally
  readonly statuses: Tally
  readonly admissions: Tally
  readonly presences: Tally
  /** Replicas by the minute in which time alone may change their health. */
  readonly reviews: Map<number, Set<ReplicaEntry>>
}
