// core/worker.ts — The Worker machine: membership, desired state and replicas together. Decides everything, does
// nothing.
import type { Desired, JoinReply, ReplicaSpec, SyncReport, SyncRequest } from '@kagami/protocol'
import { replicaNameKey } from '@kagami/protocol'
import type { Step } from '@kagami/runtime/machine'
import {
  afterDesired,
  afterJoin,
  afterTime,
  mayWork,
  membershipDue,
  mustStop,
  notJoined,
  type Membership,
} from './membership.ts'
import {
  advanceReplica,
  isDue,
  openReplica,
  type SyncOrder,
  type Remembered,
  type Replica,
  type ReplicaEvent,
} from './replica.ts'
import { fraction } from './schedule.ts'
import { hostOf, assignSlots, type Limits } from './slots.ts'

export interface WorkerState {
  readonly id: string
  readonly instance: string
  readonly membership: Membership
  readonly limits: Limits
  /** Replicas of worker.toml. */
  readonly declared: readonly ReplicaSpec[]
  readonly desired: Desired | null
  /** The document that a later run of this worker would find; null while there is none. */
  readonly kept: Pick<Desired, 'term' | 'rev'> | null
  readonly replicas: ReadonlyMap<string, Replica>
  /** Desired documents read so far. */
  readonly documents: number
  /** What earlier runs of this worker remember of replicas that are not open yet. */
  readonly remembered: ReadonlyMap<string, Remembered>
  readonly stopping: boolean
}

export type WorkerEvent =
  | { readonly type: 'join_answered'; readonly reply: JoinReply | null }
  | { readonly type: 'desired_read'; readonly desired: Desired; readonly cached: boolean }
  /** The document is on the disk, or waits in memory for a disk that refuses. */
  | { readonly type: 'desired_kept'; readonly kept: Pick<Desired, 'term' | 'rev'> }
  | { readonly type: 'woke' }
  | { readonly type: 'clock_jumped'; readonly byMs: number }
  | { readonly type: 'sync_requested'; readonly replicaId: string; readonly requestId: string }
  | { readonly type: 'sync_ended'; readonly report: SyncReport }
  | { readonly type: 'cancel_asked'; readonly syncId: string }
  | { readonly type: 'stop_asked' }

export type WorkerEffect =
  | { readonly type: 'persist'; readonly replica: Replica }
  | { readonly type: 'forget'; readonly replicaId: string }
  | { readonly type: 'start'; readonly replica: Replica; readonly syncId: string }
  | { readonly type: 'abort'; readonly syncId: string; readonly reason: 'cancelled' | 'interrupted' }
  | { readonly type: 'keep_desired'; readonly desired: Desired }
  | { readonly type: 'announce'; readonly changed: readonly Replica[]; readonly removed: readonly string[] }
  /** Reads the document once more before a rejection is obeyed. */
  | { readonly type: 'ask_again' }
  | { readonly type: 'wake'; readonly at: Date | null }
  | { readonly type: 'end'; readonly why: 'rejected' | 'terminated'; readonly reason: string | null }

/** The worker when it knows only its own configuration: the declared replicas exist, and wait for approval. */
export function openWorker(
  parts: Pick<WorkerState, 'id' | 'instance' | 'limits' | 'declared' | 'remembered'> & {
    /** The fleet approved it, and what it last wanted is lost. Then only what synced before goes on. */
    readonly approvedBefore?: boolean
  },
  now: Date,
): WorkerState {
  const { approvedBefore = false, ...known } = parts
  // One without a record may have been removed through the API.
  const open = parts.declared.filter(({ replica_id }) => !approvedBefore || parts.remembered.has(replica_id))
  const replicas = new Map(
    open.map((spec) => [spec.replica_id, openReplica(spec, parts.remembered.get(spec.replica_id) ?? null, now)]),
  )
  const membership: Membership = approvedBefore ? { ...notJoined, standing: 'approved' } : notJoined
  return { ...known, membership, desired: null, kept: null, replicas, documents: 0, stopping: false }
}

/** Creates the machine. `newId` names each sync; it is the only source of anything new. */
export function createWorkerMachine(
  newId: () => string,
): (state: WorkerState, event: WorkerEvent, now: Date) => Step<WorkerState, WorkerEffect> {
  return (state, event, now) => {
    const before = state
    const after = schedule(apply(state, event, now), now, newId)
    return { state: after, effects: consequences(before, after, event) }
  }
}

function apply(state: WorkerState, event: WorkerEvent, now: Date): WorkerState {
  switch (event.type) {
    case 'join_answered':
      return { ...state, membership: afterJoin(state.membership, event.reply, now) }
    case 'desired_read':
      return reconcile(state, event.desired, event.cached, now)
    case 'desired_kept':
      return { ...state, kept: event.kept }
    case 'sync_requested':
      return advanceOne(state, event.replicaId, { type: 'requested', order: plainOrder(event.requestId) }, now)
    case 'sync_ended':
      return advanceOne(state, event.report.replica_id, { type: 'finished', report: event.report }, now)
    case 'clock_jumped':
      return {
        ...state,
        replicas: new Map([...state.replicas].map(([id, replica]) => [id, advanceReplica(replica, event, now)])),
      }
    case 'stop_asked':
      return { ...state, stopping: true }
    case 'woke':
      return { ...state, membership: afterTime(state.membership, now) }
    case 'cancel_asked':
      return state
  }
}

/**
 * Makes the replicas what worker.toml and the document together ask for. Reading the same document twice changes
 * nothing.
 */
function reconcile(state: WorkerState, desired: Desired, cached: boolean, now: Date): WorkerState {
  if (state.desired && desired.term < state.desired.term) return state
  const membership = afterDesired(state.membership, desired, { instance: cached ? null : state.instance, now })
  const specs = wantedSpecs(state.declared, desired)
  const open = new Set(desired.syncs.map((request) => request.request_id))
  const documents = state.documents + 1
  const replicas = new Map<string, Replica>()
  for (const spec of specs) {
    const known = state.replicas.get(spec.replica_id)
    let replica = known
      ? advanceReplica(known, { type: 'respecified', spec }, now)
      : {
          ...openReplica(spec, state.remembered.get(spec.replica_id) ?? null, now),
          revisionNo: firstRevision(spec.replica_id, documents),
        }
    for (const request of desired.syncs.filter(({ replica_id }) => replica_id === spec.replica_id)) {
      // The record of a request is written before the document that it came with is kept: what is in a kept document
      // was taken, also when the record is lost.
      const event = cached
        ? ({ type: 'was_taken', requestId: request.request_id } as const)
        : ({ type: 'requested', order: syncOrderOf(request) } as const)
      replica = advanceReplica(replica, event, now)
    }
    replica = advanceReplica(
      replica,
      { type: 'paused', paused: desired.paused?.includes(spec.replica_id) ?? false },
      now,
    )
    replicas.set(spec.replica_id, advanceReplica(replica, { type: 'settled', open }, now))
  }
  return { ...state, membership, desired, kept: cached ? desired : state.kept, replicas, documents }
}

/**
 * Where a new replica's revision numbers begin: far apart, so that another set of replicas does not have the same sum.
 */
function firstRevision(id: string, documents: number): number {
  return 1 + Math.floor(fraction(`${id}/${documents}`) * 2 ** 31)
}

function plainOrder(requestId: string): SyncOrder {
  return { requestId, action: 'sync', holdId: null, generation: null, decidedOn: null, keptId: null }
}

function syncOrderOf({ request_id, action, hold_id, generation, decided_on, kept_id }: SyncRequest): SyncOrder {
  return {
    requestId: request_id,
    action: action ?? 'sync',
    holdId: hold_id ?? null,
    generation: generation ?? null,
    decidedOn: decided_on ?? null,
    keptId: kept_id ?? null,
  }
}

/** Declared replicas that nobody removed, then added ones. A name in worker.toml takes precedence over an added one. */
function wantedSpecs(declared: readonly ReplicaSpec[], desired: Desired): ReplicaSpec[] {
  const kept = declared.filter((spec) => !desired.removed.includes(spec.replica_id))
  const names = new Set(kept.map((spec) => replicaNameKey(spec.name)))
  return [...kept, ...desired.replicas.filter((spec) => !names.has(replicaNameKey(spec.name)))]
}

function advanceOne(state: WorkerState, replicaId: string, event: ReplicaEvent, now: Date): WorkerState {
  const replica = state.replicas.get(replicaId)
  if (!replica) return state
  const next = advanceReplica(replica, event, now)
  return next === replica ? state : { ...state, replicas: new Map(state.replicas).set(replicaId, next) }
}

/** Queues what is due and starts what has a slot. When the worker may not sync, empties the queue. */
function schedule(state: WorkerState, now: Date, newId: () => string): WorkerState {
  const replicas = new Map(state.replicas)
  const working = mayWork(state.membership) && !state.stopping
  for (const [id, replica] of replicas) {
    if (working && isDue(replica, now)) replicas.set(id, advanceReplica(replica, { type: 'due' }, now))
    // A requested sync stays queued through a pause; what the schedule wanted becomes due again by itself.
    else if ((!working || replica.paused) && replica.life.state === 'queued' && !replica.life.requestId)
      replicas.set(id, advanceReplica(replica, { type: 'withdrawn' }, now))
  }
  if (working) startWaiting(replicas, state.limits, now, newId)
  return { ...state, replicas }
}

function startWaiting(replicas: Map<string, Replica>, limits: Limits, now: Date, newId: () => string) {
  const all = [...replicas.values()]
  const waiting = all.flatMap(({ spec, life }) =>
    life.state === 'queued'
      ? [{ id: spec.replica_id, host: hostOf(spec.upstream), since: life.since, asked: life.trigger === 'manual' }]
      : [],
  )
  if (waiting.length === 0) return
  const running = all
    .filter((replica) => replica.life.state === 'syncing')
    .map((replica) => hostOf(replica.spec.upstream))
  const turn = assignSlots(waiting, running, limits)
  for (const id of turn.start)
    replicas.set(id, advanceReplica(replicas.get(id)!, { type: 'started', syncId: newId() }, now))
  for (const { id, position, reason } of turn.wait)
    replicas.set(id, advanceReplica(replicas.get(id)!, { type: 'waiting', position, reason }, now))
}

/**
 * The revision of the desired document that survives the loss of everything else; 0 when that is one of another term. A
 * request is done for good once it is remembered twice: in the replica's record and in this document.
 */
export function keptRevOf({ desired, kept }: Pick<WorkerState, 'desired' | 'kept'>): number {
  return kept && kept.term === desired?.term ? kept.rev : 0
}

/** Every effect follows from what is different now. The order matters: what must survive a crash comes first. */
function consequences(before: WorkerState, after: WorkerState, event: WorkerEvent): WorkerEffect[] {
  const changed = [...after.replicas.values()].filter(
    (replica) => before.replicas.get(replica.spec.replica_id)?.revisionNo !== replica.revisionNo,
  )
  const removed = [...before.replicas.values()].filter((replica) => !after.replicas.has(replica.spec.replica_id))
  const effects: WorkerEffect[] = []
  for (const replica of changed)
    if (mustPersist(before.replicas.get(replica.spec.replica_id), replica)) effects.push({ type: 'persist', replica })
  for (const replica of changed) {
    const { life } = replica
    if (life.state === 'syncing' && syncIdOf(before.replicas.get(replica.spec.replica_id)) !== life.syncId)
      effects.push({ type: 'start', replica, syncId: life.syncId })
  }
  for (const syncId of abortsOf(before, after, event)) effects.push(syncId)
  for (const replica of removed) effects.push({ type: 'forget', replicaId: replica.spec.replica_id })
  const observed = after.desired !== before.desired && after.desired?.rev !== before.desired?.rev
  if (after.desired && after.desired !== before.desired && event.type === 'desired_read' && !event.cached)
    effects.push({ type: 'keep_desired', desired: after.desired })
  const kept = keptRevOf(after) !== keptRevOf(before)
  if (changed.length > 0 || removed.length > 0 || observed || kept)
    effects.push({ type: 'announce', changed, removed: removed.map((replica) => replica.spec.replica_id) })
  if (after.membership.rejection && !before.membership.rejection) effects.push({ type: 'ask_again' })
  if (mustStop(after.membership) && !mustStop(before.membership)) {
    effects.push({
      type: 'end',
      why: after.membership.standing as 'rejected' | 'terminated',
      reason: after.membership.reason,
    })
  }
  effects.push({ type: 'wake', at: nextWake(after) })
  return effects
}

function abortsOf(before: WorkerState, after: WorkerState, event: WorkerEvent): WorkerEffect[] {
  const effects: WorkerEffect[] = []
  for (const replica of before.replicas.values()) {
    const syncId = syncIdOf(replica)
    if (!syncId) continue
    if (event.type === 'cancel_asked' && event.syncId === syncId)
      effects.push({ type: 'abort', syncId, reason: 'cancelled' })
    else if (!after.replicas.has(replica.spec.replica_id)) effects.push({ type: 'abort', syncId, reason: 'cancelled' })
    else if (mayWork(before.membership) && !mayWork(after.membership))
      effects.push({ type: 'abort', syncId, reason: 'interrupted' })
  }
  return effects
}

function syncIdOf(replica: Replica | undefined): string | null {
  return replica?.life.state === 'syncing' ? replica.life.syncId : null
}

/** A position in the queue is not worth a write to disk; a state, a request or a fact is. */
function mustPersist(before: Replica | undefined, after: Replica): boolean {
  return (
    !before ||
    before.life.state !== after.life.state ||
    before.facts !== after.facts ||
    before.taken !== after.taken ||
    before.again !== after.again
  )
}

function nextWake(state: WorkerState): Date | null {
  let next: Date | null = membershipDue(state.membership)
  if (!mayWork(state.membership) || state.stopping) return next
  for (const { life, facts, paused } of state.replicas.values()) {
    if (life.state === 'idle' && !paused && facts.nextDueAt && (!next || facts.nextDueAt < next)) next = facts.nextDueAt
  }
  return next
}
