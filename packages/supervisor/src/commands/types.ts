// types.ts — The commands of the API: what people can ask of workers, replicas and syncs. Types only.
import type { FieldChange, LogReply, NewTrial, ReplicaPatch, ReplicaSpec, Trial } from '@kagami/protocol'
import type { ReplicaEntry } from '../core/entries.ts'
import type { NewReplica } from '../core/new-replica.ts'
export type { BulkTarget } from '../store/store.ts'

/** Who sent the request; recorded in the audit. */
export interface Caller {
  readonly actor: string
  readonly remote: string | null
}

/** A replica to sync: one that its worker reports, or one that was added and is not reported yet. */
export interface SyncTarget {
  readonly worker_id: string
  readonly replica_id: string
  readonly name: string
}

/** A sync that was requested. */
export interface SyncRequested extends SyncTarget {
  readonly request_id: string
}

/** An edit of a replica. */
export interface Edit {
  readonly patch: ReplicaPatch
  /** The header If-Match; null: there was none. */
  readonly ifMatch: string | null
}

/** What is decided about a hold. */
export interface HoldDecision {
  readonly action: 'approve' | 'reject'
  /** The hold the caller looked at; null means the present one. */
  readonly holdId: string | null
}

/** Where a log is read. */
export interface LogPosition {
  readonly workerId: string
  readonly replicaId: string
  readonly syncId: string
  readonly offset: number
  readonly limit: number
}

/** Commands about workers, by id. */
export interface WorkerCommands {
  approve(id: string, by: Caller): Promise<void>
  reject(id: string, reason: string | null, by: Caller): Promise<void>
  terminate(id: string, by: Caller): Promise<void>
  /** Rejects a worker and makes NATS cut it off. Only where NATS is locked. */
  revoke(id: string, reason: string | null, by: Caller): Promise<void>
}

/** Commands about single replicas. */
export interface ReplicaCommands {
  addReplica(workerId: string, request: NewReplica, by: Caller): Promise<ReplicaSpec>
  /** Changes what a patch says of an added replica; returns what that was. Nothing is written when it is nothing. */
  editReplica(entry: ReplicaEntry, edit: Edit, by: Caller): Promise<FieldChange[]>
  removeReplica(workerId: string, replicaId: string, by: Caller): Promise<void>
  pauseReplica(entry: ReplicaEntry, reason: string | null, by: Caller): Promise<void>
  resumeReplica(entry: ReplicaEntry, by: Caller): Promise<void>
  /** Allows the held sync to delete what it would have deleted, or decides that nothing is deleted. */
  decideHold(entry: ReplicaEntry, decision: HoldDecision, by: Caller): Promise<SyncRequested>
  /**
   * Publishes an earlier tree and pauses the replica, so that the next sync does not undo it. Null: the tree before the
   * present one.
   */
  rollBack(entry: ReplicaEntry, generation: number | null, by: Caller): Promise<SyncRequested>
  /** Asks for a sync that looks at the whole copy and mends it. */
  verify(entry: ReplicaEntry, by: Caller): Promise<SyncRequested>
  /** Gives readers back what was kept, by its id, and pauses the replica, so that the next sync does not undo it. */
  restore(entry: ReplicaEntry, keptId: string, by: Caller): Promise<SyncRequested>
  /** Gives an added replica another name, and syncs it. */
  renameReplica(entry: ReplicaEntry, name: string, by: Caller): Promise<SyncRequested>
}

/** Commands about syncs. */
export interface SyncCommands {
  /** Null syncs every replica of the worker. */
  syncWorker(id: string, resource: string | null, by: Caller): Promise<SyncRequested[]>
  syncReplicas(targets: readonly SyncTarget[], by: Caller): Promise<SyncRequested[]>
  cancelSync(entry: ReplicaEntry, syncId: string, by: Caller): Promise<void>
  readLog(position: LogPosition): Promise<LogReply>
}

/** Commands that only ask. */
export interface TrialCommands {
  /** Has a worker ask an upstream what it has; what failed there is in the answer. */
  tryUpstream(workerId: string, request: NewTrial, by: Caller): Promise<Trial>
}

/** Every command. What is not allowed is thrown as a Refusal; the API writes refusals to the audit. */
export interface Commands extends WorkerCommands, ReplicaCommands, SyncCommands, TrialCommands {}
