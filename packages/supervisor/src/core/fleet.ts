// fleet.ts — The fleet in memory: workers and their replicas. A heartbeat costs as much as it changes, whatever the
// size of the fleet.
import type { Digest, Heartbeat, Presence, ReplicaState } from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'
import { count, recount, uncount } from './counting.ts'
import type { Fleet, ReplicaEntry, WorkerEntry } from './entries.ts'
import { noChanges, type Changes } from './changes.ts'
import { asDecided } from './edits.ts'
import { assessHealth } from './health.ts'
import { UNREPORTED, unreportedState } from './new-replica.ts'
import { isWanted } from './records.ts'
import { createTally } from './tally.ts'

/** A fleet without workers. */
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

/** Adds a worker or replaces its record. Its replicas are counted again when its admission has changed. */
export function putWorker(fleet: Fleet, record: WorkerRecord, now: number): WorkerEntry {
  const known = fleet.workers.get(record.worker_id)
  if (!known) {
    const entry: WorkerEntry = {
      record,
      presence: 'late',
      lastSeenMs: null,
      lastSeenAt: record.last_seen_at,
      instance: record.instance,
      observedRev: 0,
      keptRev: 0,
      storage: null,
      jobs: null,
      folders: null,
      conflict: null,
      replicas: new Map(),
      revisions: 0,
      healths: createTally(),
      partial: null,
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

/** Removes a worker and its replicas; returns the replicas. */
export function dropWorker(fleet: Fleet, worker: WorkerEntry): ReplicaEntry[] {
  const replicas = [...worker.replicas.values()]
  for (const replica of replicas) dropReplica(fleet, replica)
  fleet.workers.delete(worker.record.worker_id)
  fleet.admissions.move(worker.record.admission, null)
  fleet.presences.move(worker.presence, null)
  return replicas
}

/** Sets the presence of a worker, and assesses its replicas again when that has changed. */
export function setPresence(fleet: Fleet, worker: WorkerEntry, presence: Presence, now: number): Changes {
  const changes = noChanges()
  if (worker.presence === presence) return changes
  fleet.presences.move(worker.presence, presence)
  worker.presence = presence
  changes.workers.add(worker)
  for (const replica of worker.replicas.values()) if (recount(fleet, replica, now)) changes.replicas.add(replica)
  return changes
}

/**
 * Applies a heartbeat. `mismatch`: the fleet does not hold the same states as the worker, so a full heartbeat is
 * needed.
 */
export function applyHeartbeat(
  fleet: Fleet,
  worker: WorkerEntry,
  beat: Heartbeat,
  now: number,
): { changes: Changes; mismatch: boolean } {
  const changes = noChanges()
  const update = { fleet, worker, changes, now }
  applyFolders(worker, beat, changes)
  if (beat.full) {
    const whole = collectParts(worker, beat)
    if (!whole) return { changes, mismatch: false }
    replaceAll(update, whole)
    worker.hasFullState = true
  } else if (worker.hasFullState) {
    for (const state of beat.replicas) putReplica(update, state)
    for (const id of beat.removed) removeReplica(update, id)
  }
  // What it has observed shows in the states of its replicas: before those are known, a request looks done too early.
  const observedRev = worker.hasFullState ? beat.observed_rev : worker.observedRev
  if (worker.observedRev !== observedRev || JSON.stringify(worker.jobs) !== JSON.stringify(beat.jobs))
    changes.workers.add(worker)
  worker.observedRev = observedRev
  applyKept(worker, beat, changes)
  worker.storage = beat.storage ?? worker.storage
  worker.jobs = beat.jobs
  // The parts of one heartbeat arrive in order, and the digest is that of the whole.
  const last = beat.part.index === beat.part.of - 1
  return { changes, mismatch: last && !(worker.hasFullState && matches(worker, beat.digest)) }
}

/** Replicas whose requests are done for good show so. */
function applyKept(worker: WorkerEntry, { kept_rev, observed_rev }: Heartbeat, changes: Changes) {
  if (!worker.hasFullState) return
  const before = worker.keptRev
  worker.keptRev = kept_rev ?? observed_rev
  for (const { rev, replica_id } of worker.record.syncs) {
    const entry = worker.replicas.get(replica_id)
    if (entry && rev > before !== rev > worker.keptRev) changes.replicas.add(entry)
  }
}

function applyFolders(worker: WorkerEntry, { full, part, folders }: Heartbeat, changes: Changes) {
  const now = folders ?? (full && part.index === 0 ? null : worker.folders)
  if (now?.looked_at !== worker.folders?.looked_at) changes.workers.add(worker)
  worker.folders = now
}

/** Those that were not reported yet do not count in the sum of the revision numbers either. */
function matches({ replicas, revisions }: WorkerEntry, digest: Digest): boolean {
  if (revisions !== digest.revisions) return false
  if (replicas.size === digest.count) return true
  return [...replicas.values()].filter((entry) => !isUnreported(entry)).length === digest.count
}

/** All states of a full heartbeat when its last part has arrived; null until then. */
function collectParts(worker: WorkerEntry, beat: Heartbeat): ReplicaState[] | null {
  if (beat.part.of === 1) return beat.replicas
  if (worker.partial?.seq !== beat.seq) worker.partial = { seq: beat.seq, states: [], received: 0 }
  worker.partial.states.push(...beat.replicas)
  worker.partial.received++
  if (worker.partial.received < beat.part.of) return null
  const { states } = worker.partial
  worker.partial = null
  return states
}

/** The worker of a fleet whose replicas change, at Unix ms `now`. */
export interface WorkerUpdate {
  readonly fleet: Fleet
  readonly worker: WorkerEntry
  readonly changes: Changes
  readonly now: number
}

function replaceAll(update: WorkerUpdate, states: readonly ReplicaState[]) {
  const named = new Set(states.map((state) => state.replica_id))
  for (const [id, entry] of update.worker.replicas)
    if (!named.has(id) && !isUnreported(entry)) removeReplica(update, id)
  for (const state of states) putReplica(update, state)
}

/**
 * Shows what was decided before the worker says it: an added or edited replica at once, and no longer one that was
 * removed before its worker ever reported it.
 */
export function showDecisions(update: WorkerUpdate): void {
  const { worker } = update
  for (const [id, entry] of worker.replicas)
    if (isUnreported(entry) && !isWanted(worker.record, entry.state)) removeReplica(update, id)
  if (worker.record.older_wire) return
  for (const spec of worker.record.replicas)
    putReplica(update, worker.replicas.get(spec.replica_id)?.state ?? unreportedState(spec))
}

function isUnreported({ state }: ReplicaEntry): boolean {
  return state.revision_no === UNREPORTED
}

/** Adds or updates one replica. Ignored when the id belongs to a replica of another worker. */
export function putReplica({ fleet, worker, changes, now }: WorkerUpdate, reported: ReplicaState): void {
  const state = asDecided(worker, reported)
  const known = worker.replicas.get(state.replica_id)
  if (!known) {
    if (fleet.replicas.has(state.replica_id)) return
    const entry: ReplicaEntry = {
      worker,
      state,
      verdict: assessHealth(state, worker.presence, null, now),
      progress: null,
      progressSyncId: null,
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
  if (known.state === state) return
  worker.revisions += state.revision_no - known.state.revision_no
  if (known.state.revision_no === state.revision_no && JSON.stringify(known.state) === JSON.stringify(state)) return
  if (known.state.name !== state.name) uncount(fleet, known)
  if (known.progressSyncId !== (state.current?.sync_id ?? null))
    Object.assign(known, { progress: null, progressSyncId: null, progressAt: null })
  known.state = state
  recount(fleet, known, now)
  changes.replicas.add(known)
}

function removeReplica({ fleet, worker, changes }: WorkerUpdate, replicaId: string) {
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
