// bulk.ts — Bulk jobs in the database: what is kept of them, and how it is changed. Types only.
import type { BulkItem, BulkJob } from '@kagami/protocol'
import type { NewAudit, Paged, PageRequest, WorkerRecord } from './records.ts'

/** A bulk job. */
export interface BulkRecord extends Omit<BulkJob, 'waiting' | 'cancelled' | 'started_by'> {
  readonly actor: string
  readonly remote: string | null
}

/** A replica of a bulk job. */
export type BulkItemRecord = Readonly<BulkItem>

/** A replica that a bulk job is to begin with; `name` is NAME@WORKER. */
export type BulkTarget = Pick<BulkItemRecord, 'worker_id' | 'replica_id' | 'name'>

/** What became of a replica of a bulk job. */
export interface BulkOutcome extends Pick<BulkItemRecord, 'position' | 'code' | 'message' | 'hint'> {
  readonly result: 'ok' | 'refused'
}

/** What a bulk job did with replicas of one worker. */
export interface BulkTurn {
  readonly jobId: string
  /** At least one. */
  readonly outcomes: readonly BulkOutcome[]
  /**
   * These replicas were noted as refused before their worker was asked, because its answer could be lost. Those that
   * are ok then come first.
   */
  readonly doubtful?: boolean
  /** The new record of the worker; null: it stays. */
  readonly record: WorkerRecord | null
  readonly audits: readonly NewAudit[]
}

/** Bulk jobs. */
export interface BulkStore {
  /** Adds a job with its replicas, those of one worker after one another. */
  addBulkJob(job: BulkRecord, targets: readonly BulkTarget[], audit: NewAudit): Promise<void>
  /** Newest first. */
  listBulkJobs(page: PageRequest): Promise<Paged<BulkRecord>>
  /** Finds a job by its id, or by a prefix that only one id has. */
  findBulkJob(idOrPrefix: string): Promise<BulkRecord | null>
  /** The oldest job that runs. */
  nextBulkJob(): Promise<BulkRecord | null>
  /** In their order; no results: all. */
  listBulkItems(jobId: string, results: readonly string[], page: PageRequest): Promise<Paged<BulkItemRecord>>
  /**
   * Saves results, the record of their worker and the audit in one transaction, and only once however often it is
   * called. Returns false, and saves nothing, when the job no longer runs.
   */
  saveBulkTurn(turn: BulkTurn): Promise<boolean>
  /** Ends a job; what waits becomes cancelled with it. Returns false when it had ended. */
  endBulkJob(
    jobId: string,
    end: { state: 'finished' | 'cancelled'; at: string; audit: NewAudit | null },
  ): Promise<boolean>
}
