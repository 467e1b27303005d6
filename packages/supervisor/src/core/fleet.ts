// fleet.ts — The fleet in memory: workers and their replicas. A heartbeat costs as much as it changes, whatever the
// size of the fleet.
import type { Digest, Heartbeat, Presence, ReplicaState, Storage } from '@kagami/protocol'
import type { StoredReplica, WorkerRecord } from '../store/store.ts'
import { recount, uncount } from './counting.ts'
import type { Fleet, GoneReplica, ReplicaEntry, WorkerEntry } from './entries.ts'
import { noChanges, noteChanged, type Changes } from './changes.ts'
import { asDecided } from './edits.ts'
import { UNREPORTED, unreportedState } from './new-replica.ts'
import { isWanted } from './records.ts'
import { createReplicaTable, type TableLimits } from './table/replica-table.ts'
import { createTally } from './tally.ts'

/** A fleet without workers. */
export function createFleet(limits: TableLimits = {}): Fleet {
  const replicas = createReplicaTable(limits)
  return {
    workers: new Map(),
    replicas,
    resources: replicas.resources,
    healths: createTally(),
    statuses: createTally(),
    admissions: createTally(),
    presences: createTally(),
    reviewedMinute: 0,
    kinds: new Map(),
  }
}

/** Adds a worker or replaces its record. Its replicas are counted again when its admission has changed. */
export function putWorker(fleet: Fleet, given: WorkerRecord, now: number): WorkerEntry {
  const known = fleet.workers.get(given.worker_id)
  const record = withSharedKinds(fleet, given)
  if (!known) {
    const entry: Omit<WorkerEntry, 'replicas'> = {
      record,
      presence: 'late',
      lastSeenMs: null,
      lastSeenAt: record.last_seen_at,
      instance: record.instance,
      observedRev: 0,
      keptRev: 0,
      storage: null,
      storageMs: null,
      growth: null,
      jobs: null,
      folders: null,
      conflict: null,
      revisions: 0,
      healths: createTally(),
      partial: null,
      hasFullState: false,
    }
    const worker = fleet.replicas.addWorker(entry)
    fleet.workers.set(record.worker_id, worker)
    fleet.admissions.move(null, record.admission)
    fleet.presences.move(null, countedPresence(worker))
    return worker
  }
  const { admission: before, name } = known.record
  const presence = countedPresence(known)
  known.record = record
  fleet.presences.move(presence, countedPresence(known))
  if (name !== record.name) fleet.replicas.renamed(known)
  fleet.admissions.move(before, record.admission)
  if (before !== record.admission) for (const row of known.replicas.rows()) recount(fleet, row, now)
  return known
}

/** What a worker is counted as by its presence; null: nobody expects one that was not approved to be there. */
const countedPresence = ({ record, presence }: WorkerEntry): Presence | null =>
  record.admission === 'approved' ? presence : null

/** How many different announcements of kinds are kept once. */
const KINDS_MAX = 256

/** Those that are shared: they need not be looked for by their text. */
const sharedKinds = new WeakSet<WorkerRecord['kinds']>()

/** The record with the kinds that others announce too: workers of one version have the same, with long schemas. */
export function withSharedKinds({ kinds: shared }: Fleet, record: WorkerRecord): WorkerRecord {
  const { kinds } = record
  if (sharedKinds.has(kinds)) return record
  const text = JSON.stringify(kinds)
  const known = shared.get(text)
  if (known) return { ...record, kinds: known }
  if (shared.size >= KINDS_MAX) shared.clear()
  shared.set(text, kinds)
  sharedKinds.add(kinds)
  return record
}

/** Removes a worker and its replicas; returns the replicas. */
export function dropWorker(fleet: Fleet, worker: WorkerEntry): GoneReplica[] {
  const replicas = [...worker.replicas].map((replica) => dropReplica(fleet, replica))
  fleet.replicas.dropWorker(worker)
  fleet.workers.delete(worker.record.worker_id)
  fleet.admissions.move(worker.record.admission, null)
  fleet.presences.move(countedPresence(worker), null)
  return replicas
}

/** Sets the presence of a worker, and assesses its replicas again when that has changed. */
export function setPresence(fleet: Fleet, worker: WorkerEntry, presence: Presence, now: number): Changes {
  const changes = noChanges()
  if (worker.presence === presence) return changes
  const before = countedPresence(worker)
  worker.presence = presence
  fleet.presences.move(before, countedPresence(worker))
  changes.workers.add(worker)
  for (const row of worker.replicas.rows())
    if (recount(fleet, row, now)) noteChanged(changes, fleet.replicas.entryOf(row))
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
  if (beat.storage) putStorage(worker, beat.storage, now)
  worker.jobs = beat.jobs
  // The parts of one heartbeat arrive in order, and the digest is that of the whole.
  const last = beat.part.index === beat.part.of - 1
  return { changes, mismatch: last && !(worker.hasFullState && matches(worker, beat.digest)) }
}

/** Notes what a worker measured of its disk at Unix ms `now`. */
export function putStorage(worker: WorkerEntry, storage: Storage, now: number): void {
  worker.storage = storage
  worker.storageMs = now
}

/** Replicas whose requests are done for good show so. */
function applyKept(worker: WorkerEntry, { kept_rev, observed_rev }: Heartbeat, changes: Changes) {
  if (!worker.hasFullState) return
  const before = worker.keptRev
  worker.keptRev = kept_rev ?? observed_rev
  for (const { rev, replica_id } of worker.record.syncs) {
    const entry = worker.replicas.get(replica_id)
    if (entry && rev > before !== rev > worker.keptRev) noteChanged(changes, entry)
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
  return [...replicas].filter((entry) => !isUnreported(entry)).length === digest.count
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
  const { fleet, worker } = update
  const named = new Set(states.map((state) => fleet.replicas.find(state.replica_id)))
  for (const row of worker.replicas.rows())
    if (fleet.replicas.revisionOf(row) !== UNREPORTED && !named.has(row))
      removeReplica(update, fleet.replicas.entryOf(row).replicaId)
  for (const state of states) putReplica(update, state)
}

/**
 * Shows what was decided before the worker says it: an added or edited replica at once, and no longer one that was
 * removed before its worker ever reported it.
 */
export function showDecisions(update: WorkerUpdate): void {
  const { fleet, worker } = update
  for (const row of worker.replicas.rows()) {
    if (fleet.replicas.revisionOf(row) !== UNREPORTED) continue
    const { state, replicaId } = fleet.replicas.entryOf(row)
    if (!isWanted(worker.record, state)) removeReplica(update, replicaId)
  }
  if (worker.record.older_wire) return
  for (const spec of worker.record.replicas)
    putReplica(update, worker.replicas.get(spec.replica_id)?.state ?? unreportedState(spec))
}

function isUnreported({ revision }: ReplicaEntry): boolean {
  return revision === UNREPORTED
}

/** Adds or updates one replica. Ignored when the id belongs to a replica of another worker. */
export function putReplica(update: WorkerUpdate, reported: ReplicaState): void {
  const row = putState(update, reported)
  if (row !== null) noteChanged(update.changes, update.fleet.replicas.entryOf(row), reported.replica_id)
}

/**
 * Adds replicas that the store had, as they are at Unix ms `now`, by the rules of heartbeats; nobody is told of them.
 * Those of unknown workers are left out, and such as were removed: states are written behind decisions.
 */
export function restoreReplicas(fleet: Fleet, stored: Iterable<StoredReplica>, now: number): void {
  for (const { worker_id, state } of stored) {
    const worker = fleet.workers.get(worker_id)
    // A sync that was running may have ended since; the worker's first full heartbeat corrects it.
    if (worker && isWanted(worker.record, state)) putState({ fleet, worker, now }, state)
  }
}

/** As `putReplica`, without noting the change; returns the row of the replica, null when nothing has changed. */
function putState({ fleet, worker, now }: Omit<WorkerUpdate, 'changes'>, reported: ReplicaState): number | null {
  const { replicas } = fleet
  const state = asDecided(worker, reported)
  const known = replicas.find(state.replica_id)
  if (known < 0) {
    const row = replicas.add(worker, state)
    worker.revisions += state.revision_no
    recount(fleet, row, now)
    return row
  }
  if (replicas.workerOf(known) !== worker) return null
  const revision = replicas.revisionOf(known)
  worker.revisions += state.revision_no - revision
  if (revision === state.revision_no && replicas.equals(known, state)) return null
  // Its resource is that of the name it had.
  if (replicas.nameOf(known) !== state.name) uncount(fleet, known)
  const shown = replicas.progressOf(known)
  if (shown && shown.syncId !== state.current?.sync_id) replicas.showProgress(known, null)
  replicas.write(known, state)
  recount(fleet, known, now)
  return known
}

function removeReplica({ fleet, worker, changes }: WorkerUpdate, replicaId: string) {
  const entry = worker.replicas.get(replicaId)
  if (entry) changes.removed.push(dropReplica(fleet, entry))
}

function dropReplica(fleet: Fleet, { row, worker, replicaId, name, revision }: ReplicaEntry): GoneReplica {
  uncount(fleet, row)
  worker.revisions -= revision
  fleet.replicas.drop(row)
  return { worker, replicaId, name }
}
