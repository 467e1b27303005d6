// fleet.ts — The fleet as it is known now, kept incrementally: what one heartbeat changes costs what changed, not what
// exists.
import type { Digest, Heartbeat, Presence, ReplicaState } from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'
import { count, recount, uncount } from './counting.ts'
import type { Fleet, ReplicaEntry, WorkerEntry } from './entries.ts'
import { noChanges, type Changes } from './changes.ts'
import { judge } from './health.ts'
import { createTally } from './tally.ts'

/** A fleet nobody has joined. */
export function createFleet(): Fleet {
  return {
    workers: new Map(),
    replicas: new Map(),
    resources: new Map(),
    healths: createTally(),
    statuses: createTally(),
    admissions: createTally(),
    presences: createTally(),
    reviews: new Map(),
  }
}

/** Adds a worker, or replaces what is remembered of it; its replicas are counted anew when its admission changed. */
export function putWorker(fleet: Fleet, record: WorkerRecord, now: number): WorkerEntry {
  const known = fleet.workers.get(record.worker_id)
  if (!known) {
    const entry: WorkerEntry = {
      record,
      presence: 'late',
      heardMs: null,
      lastSeenAt: record.last_seen_at,
      instance: record.instance,
      observedRev: 0,
      storage: null,
      jobs: null,
      conflict: null,
      replicas: new Map(),
      revisions: 0,
      healths: createTally(),
      parts: null,
      hasFullState: false,
    }
    fleet.workers.set(record.worker_id, entry)
    fleet.admissions.move(null, record.admission)
    fleet.presences.move(null, entry.presence)
    return entry
  }
  const before = known.record.admission
  known.record = record
  fleet.admissions.move(before, record.admission)
  if (before !== record.admission) for (const replica of known.replicas.values()) recount(fleet, replica, now)
  return known
}

/** Forgets a worker and its replicas. */
export function dropWorker(fleet: Fleet, worker: WorkerEntry): ReplicaEntry[] {
  const gone = [...worker.replicas.values()]
  for (const replica of gone) dropReplica(fleet, replica)
  fleet.workers.delete(worker.record.worker_id)
  fleet.admissions.move(worker.record.admission, null)
  fleet.presences.move(worker.presence, null)
  return gone
}

/** Sets what the clock says of a worker; its replicas are judged anew when that changes. */
export function setPresence(fleet: Fleet, worker: WorkerEntry, presence: Presence, now: number): Changes {
  const changes = noChanges()
  if (worker.presence === presence) return changes
  fleet.presences.move(worker.presence, presence)
  worker.presence = presence
  changes.workers.add(worker)
  for (const replica of worker.replicas.values()) if (recount(fleet, replica, now)) changes.replicas.add(replica)
  return changes
}

/** Takes a heartbeat in. `mismatch`: what we hold is not what the worker holds, so a full one must be asked for. */
export function applyHeartbeat(
  fleet: Fleet,
  worker: WorkerEntry,
  beat: Heartbeat,
  now: number,
): { changes: Changes; mismatch: boolean } {
  const changes = noChanges()
  if (beat.full) {
    const whole = collectParts(worker, beat)
    if (!whole) return { changes, mismatch: false }
    replaceAll({ fleet, worker, changes, now }, whole)
    worker.hasFullState = true
  } else if (worker.hasFullState) {
    for (const state of beat.replicas) putReplica({ fleet, worker, changes, now }, state)
    for (const id of beat.removed) removeFrom(fleet, worker, id, changes)
  }
  if (worker.observedRev !== beat.observed_rev || JSON.stringify(worker.jobs) !== JSON.stringify(beat.jobs))
    changes.workers.add(worker)
  worker.observedRev = beat.observed_rev
  worker.storage = beat.storage ?? worker.storage
  worker.jobs = beat.jobs
  // Parts of one delta come in order on one connection: the digest holds after the last.
  const last = beat.part.index === beat.part.of - 1
  return { changes, mismatch: last && !(worker.hasFullState && holds(worker, beat.digest)) }
}

function holds(worker: WorkerEntry, digest: Digest): boolean {
  return worker.replicas.size === digest.count && worker.revisions === digest.revisions
}

/** All states of a full heartbeat once every part is there; null until then. */
function collectParts(worker: WorkerEntry, beat: Heartbeat): ReplicaState[] | null {
  if (beat.part.of === 1) return beat.replicas
  if (worker.parts?.seq !== beat.seq) worker.parts = { seq: beat.seq, states: [], have: 0 }
  worker.parts.states.push(...beat.replicas)
  worker.parts.have++
  if (worker.parts.have < beat.part.of) return null
  const { states } = worker.parts
  worker.parts = null
  return states
}

/** A worker's part of the fleet that is being changed, at Unix ms `now`. */
export interface Target {
  readonly fleet: Fleet
  readonly worker: WorkerEntry
  readonly changes: Changes
  readonly now: number
}

function replaceAll(target: Target, states: readonly ReplicaState[]) {
  const named = new Set(states.map((state) => state.replica_id))
  for (const id of target.worker.replicas.keys())
    if (!named.has(id)) removeFrom(target.fleet, target.worker, id, target.changes)
  for (const state of states) putReplica(target, state)
}

/** Adds or updates one replica. An id that belongs to another worker's replica is refused. */
export function putReplica({ fleet, worker, changes, now }: Target, state: ReplicaState): void {
  const known = worker.replicas.get(state.replica_id)
  if (!known) {
    if (fleet.replicas.has(state.replica_id)) return
    const entry: ReplicaEntry = {
      worker,
      state,
      verdict: judge(state, worker.presence, null, now),
      progress: null,
      progressOf: null,
      progressAt: null,
      counted: null,
    }
    worker.replicas.set(state.replica_id, entry)
    fleet.replicas.set(state.replica_id, entry)
    worker.revisions += state.revision_no
    count(fleet, entry, now)
    changes.replicas.add(entry)
    return
  }
  worker.revisions += state.revision_no - known.state.revision_no
  if (known.state.revision_no === state.revision_no && JSON.stringify(known.state) === JSON.stringify(state)) return
  if (known.state.name !== state.name) uncount(fleet, known)
  if (known.progressOf !== (state.current?.sync_id ?? null))
    Object.assign(known, { progress: null, progressOf: null, progressAt: null })
  known.state = state
  recount(fleet, known, now)
  changes.replicas.add(known)
}

function removeFrom(fleet: Fleet, worker: WorkerEntry, replicaId: string, changes: Changes) {
  const entry = worker.replicas.get(replicaId)
  if (!entry) return
  dropReplica(fleet, entry)
  changes.removed.push(entry)
}

function dropReplica(fleet: Fleet, entry: ReplicaEntry) {
  uncount(fleet, entry)
  entry.worker.revisions -= entry.state.revision_no
  entry.worker.replicas.delete(entry.state.replica_id)
  fleet.replicas.delete(entry.state.replica_id)
}
