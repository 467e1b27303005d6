// document.ts — The desired document of a worker, made from its record. Pure.
import type { Desired } from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'

/** The document of a worker's record. */
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
