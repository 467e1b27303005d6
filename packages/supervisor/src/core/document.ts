// document.ts — The desired document of a worker, made from its record. Pure.
import type { Desired } from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'

/**
 * The document of a worker's record. Each worker has one in the bucket, written by compare-and-set: `rev` grows with
 * each change, `term` with each start of a supervisor. The bucket republishes each write as a hint to read it. Workers
 * also read it at start, after each reconnect and about every minute, and ignore one of an earlier term. A supervisor
 * whose database was restored takes a term above every document in the bucket (edge/reconcile.ts).
 */
export function documentOf(record: WorkerRecord, term: number): Desired {
  return {
    worker_id: record.worker_id,
    rev: record.rev,
    term,
    admission: record.admission,
    reason: record.reason,
    terminate: false,
    instance: record.instance,
    replicas: [...record.replicas],
    removed: [...record.removed],
    syncs: [...record.syncs],
    paused: record.paused.map((paused) => paused.replica_id),
  }
}
