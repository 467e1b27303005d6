// older-replicas.ts — What workers of the older wire, and the database of the original Kagami, say of replicas, as
// states of ours. Pure.
import { checkFor, OlderReplica, WorkerId, type ReplicaState } from '@kagami/protocol'
import type { OriginalFleet, StoredReplica, WorkerRecord } from '../store/store.ts'
import { withOlderJoin } from './records.ts'

/** The instance of workers of the older wire, which name none. */
export const OLDER_INSTANCE = 'older'

/** Their state of a replica as ours. Without a change it is the present one; the time of a change is ours. */
export function olderState(
  { workerId, before, now }: { workerId: string; before: ReplicaState | null; now: Date },
  replica: OlderReplica,
): ReplicaState {
  const same =
    before?.status === replica.status &&
    before.upstream === replica.upstream &&
    before.name === replica.name &&
    before.interval_secs === (replica.interval_secs || null)
  if (before && same) return before
  const { status } = replica
  const ended = (status === 'success' || status === 'failed') && before?.status !== status
  return {
    replica_id: replica.replica_id,
    revision_no: (before?.revision_no ?? 0) + 1,
    name: replica.name.slice(0, 128),
    kind: replica.kind,
    upstream: replica.upstream.slice(0, 2048),
    interval_secs: replica.interval_secs || null,
    labels: replica.labels ?? {},
    options: {},
    origin: 'config',
    status,
    activity: status === 'syncing' ? 'syncing' : 'idle',
    queue: null,
    current: null,
    last_sync: ended ? endedSync(workerId, replica, now) : (before?.last_sync ?? null),
    last_success_at: ended && status === 'success' ? now.toISOString() : (before?.last_success_at ?? null),
    next_due_at: null,
    failures: ended ? failuresOf(status, before?.failures ?? 0) : (before?.failures ?? 0),
    size_bytes: null,
    files: null,
    revision: null,
  }
}

/** What is known of a sync that ended: that it did, and how. */
function endedSync(workerId: string, replica: OlderReplica, now: Date): ReplicaState['last_sync'] {
  const failed = replica.status === 'failed'
  return {
    sync_id: `${workerId}.${replica.replica_id}.${now.getTime()}`.slice(0, 64),
    outcome: failed ? 'failed' : 'success',
    reason: failed ? 'unknown' : null,
    message: failed ? 'the sync failed; a worker of this version does not say why' : null,
    hint: null,
    started_at: now.toISOString(),
    ended_at: now.toISOString(),
    duration_ms: 0,
    bytes: null,
  }
}

function failuresOf(status: OlderReplica['status'], before: number): number {
  if (status === 'failed') return before + 1
  return status === 'success' ? 0 : before
}

/** The fleet of the original Kagami as ours: who is approved stays approved. What cannot be used is counted. */
export function carryOriginal(
  original: OriginalFleet,
  now: Date,
): { workers: WorkerRecord[]; replicas: StoredReplica[]; leftOut: number } {
  const usable = checkFor(OlderReplica)
  const workers = original.workers.filter(({ worker_id }) => isWorkerId(worker_id)).map((row) => carryWorker(row, now))
  const known = new Set(workers.map((worker) => worker.worker_id))
  const replicas = original.replicas.flatMap(({ worker_id, ...row }) => {
    const replica = { ...row, kind: carryKind(row.kind), status: String(row.status).toLowerCase() }
    return known.has(worker_id) && usable.ok(replica)
      ? [{ worker_id, state: carryState(olderState({ workerId: worker_id, before: null, now }, replica)) }]
      : []
  })
  const rows = original.workers.length + original.replicas.length
  return { workers, replicas, leftOut: rows - workers.length - replicas.length }
}

const isWorkerId = checkFor(WorkerId).ok

function carryWorker({ worker_id, approved, last_seen }: OriginalFleet['workers'][number], now: Date): WorkerRecord {
  const seen = new Date(Number(last_seen) * 1000)
  const known = last_seen > 0 && seen <= now
  return {
    ...withOlderJoin(null, worker_id, { autoApprove: false, now: known ? seen : now }),
    admission: approved ? 'approved' : 'pending',
    decided_by: approved ? 'the original Kagami' : null,
    last_seen_at: known ? seen.toISOString() : null,
  }
}

const KINDS: readonly string[] = ['git', 'rsync', 'http']

function carryKind(kind: string): string {
  const word = String(kind).toLowerCase()
  return KINDS.includes(word) ? word : 'unknown'
}

/** The original does not tell when a replica was synced last. A sync that ran has ended, or is reported again. */
function carryState(state: ReplicaState): ReplicaState {
  return { ...state, last_sync: null, last_success_at: null }
}
