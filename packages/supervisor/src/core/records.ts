// records.ts — The next record of a worker: after a join, a decision, or a request for its replicas. Pure; what is not
// allowed is thrown as a Refusal.
import {
  Refusal,
  type Capability,
  type Join,
  type Paused,
  type ReplicaSpec,
  type ReplicaState,
  type SyncRequest,
} from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'
import { addedSpec } from './edits.ts'
import type { WorkerEntry } from './entries.ts'

interface JoinFacts {
  readonly autoApprove: boolean
  readonly now: Date
  /** Why the disk of the worker seems to be missing; null: it does not. */
  readonly missingDisk: string | null
  /**
   * Revision of the last document that was written for this id: a worker that was removed may still keep that one, and
   * takes requests up to its revision for done.
   */
  readonly lastRev?: number
}

/** The record after a join. */
export function withJoin(record: WorkerRecord | null, join: Join, facts: JoinFacts): WorkerRecord {
  const before = record ?? newRecord(join.worker_id, facts)
  const { name, version, hostname, http_addr, data_dir, declared_in, kinds, capabilities, sealing_key, instance } = join
  return withPlace(facts, {
    ...before,
    name,
    version,
    hostname,
    http_addr,
    data_dir,
    declared_in,
    kinds,
    capabilities,
    sealing_key,
    instance,
    // The document names the process it is for, so a new process needs a new revision.
    rev: before.instance === instance ? before.rev : before.rev + 1,
    older_wire: false,
  })
}

/** Whether two records say the same. Of kinds, which are long, only those that are shared do. */
export function isSameRecord(one: WorkerRecord, other: WorkerRecord): boolean {
  const textOf = ({ kinds: _long, ...record }: WorkerRecord) => JSON.stringify(record)
  return one.kinds === other.kinds && textOf(one) === textOf(other)
}

/** A worker whose disk seems to be missing waits for a decision; one whose disk is back goes on as before. */
function withPlace({ missingDisk, now }: JoinFacts, record: WorkerRecord): WorkerRecord {
  if (missingDisk !== null) {
    if (record.missing_disk) return { ...record, reason: missingDisk }
    const decided = { decided_at: null, decided_by: null }
    return { ...record, ...decided, admission: 'pending', reason: missingDisk, missing_disk: true, rev: record.rev + 1 }
  }
  if (!record.missing_disk) return record
  const by = { by: 'its disk is back', reason: null, now }
  return withAdmission(record, 'approved', by)
}

/** The record after the join of a worker of the older wire, which announces nothing but its id. */
export function withOlderJoin(
  record: WorkerRecord | null,
  workerId: string,
  facts: Omit<JoinFacts, 'missingDisk'>,
): WorkerRecord {
  return { ...(record ?? newRecord(workerId, facts)), older_wire: true, instance: null }
}

/** A worker that is seen for the first time: pending, or approved when joins are approved automatically. */
function newRecord(workerId: string, { autoApprove, now, lastRev = 0 }: Omit<JoinFacts, 'missingDisk'>): WorkerRecord {
  const at = now.toISOString()
  return {
    worker_id: workerId,
    name: workerId,
    admission: autoApprove ? 'approved' : 'pending',
    reason: null,
    first_seen_at: at,
    decided_at: autoApprove ? at : null,
    decided_by: autoApprove ? 'auto-approve' : null,
    version: null,
    hostname: null,
    http_addr: null,
    data_dir: null,
    older_wire: false,
    kinds: [],
    instance: null,
    rev: lastRev + 1,
    replicas: [],
    removed: [],
    syncs: [],
    paused: [],
    last_seen_at: at,
  }
}

/** The record after a worker was approved or rejected. */
export function withAdmission(
  record: WorkerRecord,
  admission: 'approved' | 'rejected',
  { by, reason, now }: { by: string; reason: string | null; now: Date },
): WorkerRecord {
  const { missing_disk: _decided, ...rest } = record
  return { ...rest, admission, reason, decided_at: now.toISOString(), decided_by: by, rev: record.rev + 1 }
}

/** Refuses unless the worker exists and is approved. */
export function requireApproved(worker: WorkerEntry | undefined, id: string): WorkerEntry {
  if (!worker) throw new Refusal('unknown_worker', `there is no worker ${id}`)
  if (worker.record.admission !== 'approved')
    throw new Refusal('not_approved', `worker ${worker.record.name} is ${worker.record.admission}, not approved`)
  return worker
}

/** Refuses unless the worker carries out requests of this kind, which the first versions do not. */
export function requireCapability({ record }: WorkerEntry, capability: Capability): void {
  if (record.capabilities?.includes(capability)) return
  throw new Refusal(
    'conflict',
    `worker ${record.name} is of an earlier version, which does not know this command: upgrade it`,
  )
}

/** The record with one more replica. */
export function withReplica(record: WorkerRecord, spec: ReplicaSpec): WorkerRecord {
  return { ...record, replicas: [...record.replicas, spec], rev: record.rev + 1 }
}

/** The record without a replica: one that was added is taken out, one of worker.toml is marked as removed. */
export function withoutReplica(worker: WorkerEntry, replicaId: string): WorkerRecord {
  const { record } = worker
  const added = record.replicas.some((spec) => spec.replica_id === replicaId)
  const shown = worker.replicas.get(replicaId)
  if (!added && (!shown || record.removed.includes(replicaId)))
    throw new Refusal('no_such_replica', `worker ${record.name} has no replica ${replicaId}`, 'replica_id')
  const replicas = record.replicas.filter((spec) => spec.replica_id !== replicaId)
  const removed = added ? record.removed : [...record.removed, replicaId]
  return {
    ...record,
    replicas,
    removed,
    syncs: record.syncs.filter((request) => request.replica_id !== replicaId),
    paused: withoutPause(record, replicaId),
    rev: record.rev + 1,
  }
}

/** The record in which an added replica has another name. */
export function withNewName(record: WorkerRecord, replicaId: string, name: string): WorkerRecord {
  const rev = record.rev + 1
  const renamed = { name, spec_rev: rev }
  const replicas = record.replicas.map((spec) => (spec.replica_id === replicaId ? { ...spec, ...renamed } : spec))
  return { ...record, replicas, rev }
}

/** Whether a replica that was once reported still belongs to the worker, as far as people decided. */
export function isWanted(record: WorkerRecord, { replica_id, origin }: Pick<ReplicaState, 'replica_id' | 'origin'>) {
  if (record.removed.includes(replica_id)) return false
  return origin === 'config' || record.older_wire || addedSpec({ record }, replica_id) !== null
}

function withoutPause(record: WorkerRecord, replicaId: string) {
  return record.paused.filter((paused) => paused.replica_id !== replicaId)
}

/** The record with a replica paused, or resumed when `paused` is null. The same record when nothing changes. */
export function withPause(record: WorkerRecord, replicaId: string, paused: Paused | null): WorkerRecord {
  const known = record.paused.some((one) => one.replica_id === replicaId)
  if (known === (paused !== null)) return record
  return {
    ...record,
    paused: [...withoutPause(record, replicaId), ...(paused ? [{ replica_id: replicaId, ...paused }] : [])],
    rev: record.rev + 1,
  }
}

/** What can be requested besides a plain sync. */
export type RequestedAction = Pick<SyncRequest, 'action' | 'hold_id' | 'generation' | 'decided_on' | 'kept_id'>

/**
 * The record with one request for each replica: a sync, or the `action`. Requests that the worker has already applied
 * are removed.
 */
export function withSyncs(
  worker: WorkerEntry,
  replicaIds: readonly string[],
  { newId, now, action }: { newId: () => string; now: Date; action?: RequestedAction },
): WorkerRecord {
  const { record, keptRev } = worker
  const rev = record.rev + 1
  const open = record.syncs.filter((request) => request.rev > keptRev)
  const requested = replicaIds.map((replica_id) => ({
    request_id: newId(),
    replica_id,
    rev,
    requested_at: now.toISOString(),
    ...action,
  }))
  return { ...record, syncs: [...open, ...requested], rev }
}

/**
 * The record without the requests that the worker has on its disk: it remembers them, and a database that is restored
 * must not bring them back. The same record when there are none.
 */
export function withoutObserved({ record, keptRev }: WorkerEntry): WorkerRecord {
  const open = record.syncs.filter((request) => request.rev > keptRev)
  return open.length === record.syncs.length ? record : { ...record, syncs: open, rev: record.rev + 1 }
}

/** The replicas of a worker with this name, or all of them: those it reports and those that were added. */
export function replicasNamed(worker: WorkerEntry, name: string | null): { replica_id: string; name: string }[] {
  const all = new Map<string, { replica_id: string; name: string }>()
  for (const { replicaId, name: has } of worker.replicas) all.set(replicaId, { replica_id: replicaId, name: has })
  for (const spec of worker.record.replicas) all.set(spec.replica_id, { replica_id: spec.replica_id, name: spec.name })
  const found = [...all.values()].filter(
    (replica) => !worker.record.removed.includes(replica.replica_id) && (name === null || replica.name === name),
  )
  if (name !== null && found.length === 0)
    throw new Refusal('not_found', `worker ${worker.record.name} has no resource "${name}"`, 'resource')
  return found
}
