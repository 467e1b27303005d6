// records.ts — What several parts of the database keep: workers, entries of the audit, pages. Types only.
import type { Admission, AuditEntry, KindAnnouncement, Paused, ReplicaSpec, SyncRequest } from '@kagami/protocol'

/** A worker, with everything that people decided about it. */
export interface WorkerRecord {
  readonly worker_id: string
  readonly name: string
  readonly admission: Admission
  readonly reason: string | null
  readonly first_seen_at: string
  readonly decided_at: string | null
  readonly decided_by: string | null
  readonly version: string | null
  readonly hostname: string | null
  readonly http_addr: string | null
  readonly data_dir: string | null
  /** Where its own replicas are declared: a path, or a variable; absent: not known. */
  readonly declared_in?: string | undefined
  readonly older_wire: boolean
  readonly kinds: readonly KindAnnouncement[]
  /** Requests that it carries out and the first versions do not; absent for those. */
  readonly capabilities?: readonly string[] | undefined
  /** Public key credentials are sealed with; absent where the worker has none. */
  readonly sealing_key?: string | undefined
  /** It is pending because its data_dir is fresh where a worker had mirrors; absent otherwise. */
  readonly missing_disk?: true | undefined
  /** The process that the desired document is for. */
  readonly instance: string | null
  /** Revision of the desired document; grows with every change of it. */
  readonly rev: number
  readonly replicas: readonly ReplicaSpec[]
  readonly removed: readonly string[]
  readonly syncs: readonly SyncRequest[]
  readonly paused: readonly PausedReplica[]
  readonly last_seen_at: string | null
}

/** A replica that an operator paused. */
export interface PausedReplica extends Paused {
  readonly replica_id: string
}

/** An audit entry that has no id yet. */
export type NewAudit = Omit<AuditEntry, 'id'>

/** One page of rows. */
export interface Paged<T> {
  readonly items: T[]
  readonly nextCursor: string | null
  readonly total: number
}

/** Which page to read. */
export interface PageRequest {
  readonly cursor: string | null
  readonly limit: number
}
