// entries.ts — The types of the fleet in memory: replicas, workers, resources. No behaviour.
import type { Folders, Health, Jobs, Presence, Progress, ReplicaState, Storage } from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'
import type { Judged, Verdict } from './health.ts'
import type { Growth } from './storage/forecast.ts'
import type { Orders } from './table/orders.ts'
import type { Search, Searching } from './table/search.ts'
import type { Setting } from './table/settings.ts'
import type { Counts, Tally } from './tally.ts'

/**
 * A replica: what its worker reported, and how it is assessed. Each field is read when it is asked for; `state` is
 * unpacked each time. Of a replica that is gone, everything but its id is a Refusal.
 */
export interface ReplicaEntry {
  /** Its number in the table, while it is there. */
  readonly row: number
  readonly replicaId: string
  readonly gone: boolean
  readonly worker: WorkerEntry
  readonly name: string
  readonly state: ReplicaState
  readonly health: Health
  readonly verdict: Verdict
  /** The verdict by its number, as health.ts numbers them. */
  readonly judged: number
  readonly progress: Progress | null
  /** Whether a sync of it runs. */
  readonly running: boolean
  /** Why its last sync did not succeed; null: it did, or there was none. */
  readonly cause: string | null
  /** Unix ms of its last success; null: none. */
  readonly succeededMs: number | null
  /** Unix ms when the first of its failures ended; null: it has none, or that is not known. */
  readonly failingSinceMs: number | null
  /** Unix ms when its last sync ended; null: there was none. */
  readonly endedMs: number | null
  /** Unix ms when it is synced next; null: that is not known. */
  readonly dueMs: number | null
  readonly sizeBytes: number | null
  /** What it is set to; shared by those that are set alike. */
  readonly setting: Setting
  readonly revision: number
}

/** What is still known of a replica that was removed. */
export interface GoneReplica {
  readonly worker: WorkerEntry
  readonly replicaId: string
  readonly name: string
}

/** The replicas of one worker, or of one resource. */
export interface Replicas extends Iterable<ReplicaEntry> {
  readonly size: number
  values(): IteratorObject<ReplicaEntry>
  rows(): IteratorObject<number>
}

/** The replicas of one worker. */
export interface ReplicaSet extends Replicas {
  get(replicaId: string): ReplicaEntry | undefined
  has(replicaId: string): boolean
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
  /** Unix ms when that was measured. */
  storageMs: number | null
  /** How fast its disk fills; null until it was looked at. */
  growth: Growth | null
  jobs: Jobs | null
  /** The folders of its data_dir that belong to no replica; null until it has said. */
  folders: Folders | null
  /** The answer to a second process with this id, and monotonic ms of its last join. */
  conflict: { readonly text: string; readonly at: number } | null
  readonly replicas: ReplicaSet
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
  readonly replicas: Replicas
  readonly statuses: Counts
  readonly healths: Counts
}

/** The resources of a fleet, by name. */
export interface Resources extends Iterable<[string, ResourceEntry]> {
  readonly size: number
  get(name: string): ResourceEntry | undefined
  /** In the order in which they came to be. */
  values(): IteratorObject<ResourceEntry>
}

/** Progress of the sync that runs. It may arrive before the heartbeat that names its sync. */
export interface Shown {
  readonly progress: Progress
  readonly syncId: string
  /** Unix ms when it arrived. */
  readonly at: number
}

/** What a replica counts as: positions of its status and of its health. */
export interface Counted {
  readonly status: number
  readonly health: number
}

/** What a replica was and is counted as; null: not at all. */
export interface CountMove {
  readonly from: Counted | null
  readonly to: Counted | null
}

/** The replicas of a fleet. A row is the number of a replica; it is used again after the replica is gone. */
export interface ReplicaTable {
  readonly size: number
  get(replicaId: string): ReplicaEntry | undefined
  has(replicaId: string): boolean
  /** All replicas; those that go meanwhile are left out. */
  values(): IteratorObject<ReplicaEntry>
  readonly resources: Resources
  /** Replicas of this name, also those that count in no resource. */
  named(name: string): ReplicaEntry[]
  /** Replicas whose ids begin so. */
  withPrefix(prefix: string): ReplicaEntry[]
  /** Gives a worker its set of replicas, which is empty; returns the same object. */
  addWorker(worker: Omit<WorkerEntry, 'replicas'>): WorkerEntry
  /** Forgets a worker, whose replicas must be gone. */
  dropWorker(worker: WorkerEntry): void
  /** The number of a worker, by which filters name it; another one may have it once this one is gone. */
  numberOf(worker: WorkerEntry): number
  /** The row of a replica; -1 when there is none. */
  find(replicaId: string): number
  add(worker: WorkerEntry, state: ReplicaState): number
  /** Replaces the state of a replica. */
  write(row: number, state: ReplicaState): void
  /** Whether a state is the one that a replica has. */
  equals(row: number, state: ReplicaState): boolean
  drop(row: number): void
  entryOf(row: number): ReplicaEntry
  workerOf(row: number): WorkerEntry
  nameOf(row: number): string
  revisionOf(row: number): number
  /** What its health depends on. */
  judged(row: number): Judged
  progressOf(row: number): Shown | null
  showProgress(row: number, shown: Shown | null): void
  /** Number of the verdict it has, as health.ts numbers them. */
  verdictOf(row: number): number
  setVerdict(row: number, verdict: number): void
  /** Counts it, as what it is now with this health; null takes it out. Returns null when it was counted so. */
  count(row: number, health: number | null): CountMove | null
  /** The word of a status, by its position. */
  statusOf(position: number): string
  /** The orders of the list. */
  readonly orders: Orders
  /** Begins to look for a page of the list. */
  search(asked: Search): Searching
  /** A worker has another name, which lists are sorted and filtered by. */
  renamed(worker: WorkerEntry): void
  /** Has it judged again in this minute since 1970. */
  planReview(row: number, minute: number): void
  /** Replicas whose review is in this minute or before; they have none afterwards. */
  takeReviews(minute: number): number[]
}

/** All workers and replicas, with their counters. */
export interface Fleet {
  readonly workers: Map<string, WorkerEntry>
  readonly replicas: ReplicaTable
  readonly resources: Resources
  readonly healths: Tally
  readonly statuses: Tally
  readonly admissions: Tally
  /** Of approved workers. */
  readonly presences: Tally
  /** The minute since 1970 up to which health was judged again. */
  reviewedMinute: number
  /** Announcements of kinds by their JSON. */
  readonly kinds: Map<string, WorkerRecord['kinds']>
}
