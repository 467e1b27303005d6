// replica.ts — A replica's life on its worker: idle → queued → syncing → idle, and what is known of it. Knows no other
// replica.
import { syncsTheSame, type ReplicaSpec, type SyncAction, type SyncReport, type Trigger } from '@kagami/protocol'
import { learn, noFacts, type Facts } from './facts.ts'
import { dueAfterEdit, dueAfterJump, dueAtStart, timingOf } from './schedule.ts'

/**
 * What a run is for: a sync, which somebody may have allowed to delete that many entries, or which looks at the whole
 * copy; a rollback to an earlier generation, null being the one before the published, if `from` is what is published;
 * or a kept ref that is restored.
 */
export type Task =
  | { readonly type: 'sync'; readonly approved: number | null; readonly thorough?: boolean }
  | { readonly type: 'rollback'; readonly to: number | null; readonly from?: number | null }
  | { readonly type: 'restore'; readonly id: string }

/** Requests that are remembered although the document no longer lists them. */
const TAKEN = 50

const plainSync: Task = { type: 'sync', approved: null }

/** What a replica is doing. Each state carries only what it needs. */
export type Life =
  | { readonly state: 'idle' }
  | {
      readonly state: 'queued'
      readonly since: Date
      readonly trigger: Trigger
      readonly requestId: string | null
      readonly task: Task
      readonly position: number
      readonly reason: string
    }
  | {
      readonly state: 'syncing'
      readonly syncId: string
      readonly startedAt: Date
      readonly trigger: Trigger
      readonly requestId: string | null
      readonly task: Task
      /** What it does was edited since it began. */
      readonly outdated?: true
    }

/** What somebody requested of a replica. */
export interface SyncOrder {
  readonly requestId: string
  readonly action: SyncAction
  /** The hold that is decided, for `approve` and `reject`. */
  readonly holdId: string | null
  /** The generation to go back to, for `rollback`; null is the one before. */
  readonly generation: number | null
  /** The generation that was published when a rollback was requested; null when that is not known. */
  readonly decidedOn: number | null
  /** What to give back to readers, for `restore`. */
  readonly keptId: string | null
}

export interface Replica {
  readonly spec: ReplicaSpec
  readonly life: Life
  readonly facts: Facts
  /** Somebody paused it: nothing starts by itself, requested syncs do. */
  readonly paused: boolean
  /** Requested while another run was under way or waiting that cannot do both: it runs once more. */
  readonly again: { readonly requestId: string; readonly task: Task } | null
  /**
   * Requests already taken: those that the desired document still lists, and the last of the others, which a document
   * from a restored database may list again. Each is taken once, even over restarts.
   */
  readonly taken: readonly string[]
  /** Grows with every change that others can see. */
  readonly revisionNo: number
}

export type ReplicaEvent =
  | { readonly type: 'due' }
  | { readonly type: 'requested'; readonly order: SyncOrder }
  /** An earlier run of the worker took this request. */
  | { readonly type: 'was_taken'; readonly requestId: string }
  | { readonly type: 'paused'; readonly paused: boolean }
  /** The document now lists only these requests. */
  | { readonly type: 'settled'; readonly open: ReadonlySet<string> }
  | { readonly type: 'waiting'; readonly position: number; readonly reason: string }
  | { readonly type: 'started'; readonly syncId: string }
  | { readonly type: 'finished'; readonly report: SyncReport }
  | { readonly type: 'withdrawn' }
  /** The wall clock was set by so many ms: what waits goes on waiting as long as before. */
  | { readonly type: 'clock_jumped'; readonly byMs: number }
  | { readonly type: 'respecified'; readonly spec: ReplicaSpec }

/** What survives a restart of a replica. */
export type Remembered = Pick<Replica, 'life' | 'facts' | 'again' | 'taken'>

/** A replica when the worker starts: its first due time is spread, and a request that was cut short is queued again. */
export function openReplica(spec: ReplicaSpec, before: Remembered | null, now: Date): Replica {
  const facts = { ...noFacts, ...before?.facts }
  const nextDueAt = canSync(spec)
    ? dueAtStart({ id: spec.replica_id, timing: timingOf(spec), nextDueAt: facts.nextDueAt }, now)
    : null
  const replica: Replica = {
    spec,
    life: { state: 'idle' },
    facts: { ...facts, nextDueAt },
    paused: false,
    again: null,
    taken: before?.taken ?? [],
    revisionNo: 1,
  }
  if (!before) return replica
  const { life, again } = before
  if (again && life.state !== 'queued') return queued(replica, now, { trigger: 'manual', ...again })
  if (life.state === 'idle') return replica
  const { requestId, task } = life
  const trigger = requestId ? 'manual' : 'retry'
  return { ...queued(replica, now, { trigger, requestId, task: task ?? plainSync }), again }
}

/** Whether anything can be synced at all: a provider given as a plain string has no kind. */
export function canSync(spec: ReplicaSpec): boolean {
  return spec.kind !== 'unknown'
}

/** Whether the schedule wants it to run now. */
export function isDue(replica: Replica, now: Date): boolean {
  return (
    replica.life.state === 'idle' &&
    !replica.paused &&
    replica.facts.nextDueAt !== null &&
    replica.facts.nextDueAt <= now
  )
}

/** The replica after an event. Returns the same object when nothing changed. */
export function advanceReplica(replica: Replica, event: ReplicaEvent, now: Date): Replica {
  const next = step(replica, event, now)
  return next === replica ? replica : { ...next, revisionNo: replica.revisionNo + 1 }
}

function step(replica: Replica, event: ReplicaEvent, now: Date): Replica {
  const { life } = replica
  switch (event.type) {
    case 'due':
      return life.state === 'idle'
        ? queued(replica, now, {
            trigger: replica.facts.failures > 0 ? 'retry' : 'schedule',
            requestId: null,
            task: plainSync,
          })
        : replica
    case 'requested': {
      const { order } = event
      return replica.taken.includes(order.requestId)
        ? replica
        : withRequest({ ...replica, taken: [...replica.taken, order.requestId] }, order, now)
    }
    case 'was_taken':
      return replica.taken.includes(event.requestId)
        ? replica
        : { ...replica, taken: [...replica.taken, event.requestId] }
    case 'paused':
      return replica.paused === event.paused ? replica : { ...replica, paused: event.paused }
    case 'settled': {
      const taken = replica.taken.filter((id, index) => event.open.has(id) || index >= replica.taken.length - TAKEN)
      return taken.length === replica.taken.length ? replica : { ...replica, taken }
    }
    case 'waiting':
      if (life.state !== 'queued' || (life.position === event.position && life.reason === event.reason)) return replica
      return { ...replica, life: { ...life, position: event.position, reason: event.reason } }
    case 'started':
      if (life.state !== 'queued') return replica
      return {
        ...replica,
        life: {
          state: 'syncing',
          syncId: event.syncId,
          startedAt: now,
          trigger: life.trigger,
          requestId: life.requestId,
          task: life.task,
        },
      }
    case 'finished':
      return life.state === 'syncing' && life.syncId === event.report.sync_id
        ? finished(replica, event.report, now)
        : replica
    case 'withdrawn':
      return life.state === 'queued' ? { ...replica, life: { state: 'idle' } } : replica
    case 'clock_jumped': {
      const { spec, facts } = replica
      if (facts.nextDueAt === null) return replica
      const due = { id: spec.replica_id, timing: timingOf(spec), nextDueAt: facts.nextDueAt }
      return { ...replica, facts: { ...facts, nextDueAt: dueAfterJump(due, event.byMs, now) } }
    }
    case 'respecified':
      return respecified(replica, event.spec, now)
  }
}

/** A decision about a hold that no longer exists changes nothing. */
function withRequest(replica: Replica, order: SyncOrder, now: Date): Replica {
  const { hold } = replica.facts
  const decides = hold !== null && hold.hold_id === order.holdId
  if (order.action === 'reject')
    return decides ? { ...replica, facts: { ...replica.facts, hold: { ...hold, rejected: true } } } : replica
  if (order.action === 'approve' && !decides) return replica
  return requested(replica, { requestId: order.requestId, task: taskOf(order, hold?.removed ?? null) }, now)
}

/** `allowed`: entries that an approval allows to delete. */
function taskOf({ action, generation, decidedOn, keptId }: SyncOrder, allowed: number | null): Task {
  switch (action) {
    case 'rollback':
      return { type: 'rollback', to: generation, from: decidedOn }
    case 'restore':
      return { type: 'restore', id: keptId ?? '' }
    case 'verify':
      return { type: 'sync', approved: null, thorough: true }
    default:
      return { type: 'sync', approved: action === 'approve' ? allowed : null }
  }
}

function requested(replica: Replica, asked: { requestId: string; task: Task }, now: Date): Replica {
  const { life } = replica
  if (life.state === 'syncing') {
    const task = replica.again ? (joined(replica.again.task, asked.task) ?? asked.task) : asked.task
    return { ...replica, again: { requestId: asked.requestId, task } }
  }
  if (life.state === 'idle') return queued(replica, now, { trigger: 'manual', ...asked })
  const both = joined(life.task, asked.task)
  if (both === null) return { ...replica, again: asked }
  return { ...replica, life: { ...life, trigger: 'manual', requestId: life.requestId ?? asked.requestId, task: both } }
}

/** The one run that does what a waiting run and a newer request ask for; null when they need one each. */
function joined(waiting: Task, asked: Task): Task | null {
  if (asked.type !== 'sync') return waiting.type === 'sync' ? asked : null
  if (waiting.type !== 'sync') return asked.approved === null && !asked.thorough ? waiting : null
  const approved = asked.approved ?? waiting.approved
  return waiting.thorough || asked.thorough ? { type: 'sync', approved, thorough: true } : { type: 'sync', approved }
}

function queued(replica: Replica, now: Date, run: { trigger: Trigger; requestId: string | null; task: Task }): Replica {
  return { ...replica, life: { state: 'queued', since: now, ...run, position: 0, reason: 'waiting for its turn' } }
}

/**
 * What was edited, goes on as it was where its syncs do the same. Otherwise it is due soon, and no decision about what
 * it did before counts for what it does now.
 */
function respecified(replica: Replica, spec: ReplicaSpec, now: Date): Replica {
  if (JSON.stringify(spec) === JSON.stringify(replica.spec)) return replica
  const { life, facts, again } = replica
  if (syncsTheSame(replica.spec, spec)) {
    const { lastSync, failures } = facts
    const known = { lastStartedAt: lastSync && new Date(lastSync.started_at), failing: failures > 0 }
    const due = {
      id: spec.replica_id,
      before: timingOf(replica.spec),
      timing: timingOf(spec),
      nextDueAt: facts.nextDueAt,
    }
    return { ...replica, spec, facts: { ...facts, nextDueAt: canSync(spec) ? dueAfterEdit(due, known, now) : null } }
  }
  return {
    ...replica,
    spec,
    life:
      life.state === 'idle' ? life : { ...unapproved(life), ...(life.state === 'syncing' ? { outdated: true } : {}) },
    again: again && unapproved(again),
    facts: { ...facts, hold: null, nextDueAt: dueSoon(spec, now) },
  }
}

function dueSoon(spec: ReplicaSpec, now: Date): Date | null {
  return canSync(spec) ? dueAtStart({ id: spec.replica_id, timing: timingOf(spec), nextDueAt: null }, now) : null
}

/** An approval is of what one sync would have deleted. */
function unapproved<T extends { readonly task: Task }>(run: T): T {
  return run.task.type === 'sync' && run.task.approved !== null
    ? { ...run, task: { ...run.task, approved: null } }
    : run
}

function finished(replica: Replica, report: SyncReport, now: Date): Replica {
  const { life, spec } = replica
  const learnt = learn(replica, report)
  const outdated = life.state === 'syncing' && life.outdated
  const facts = outdated ? { ...learnt, hold: null, nextDueAt: dueSoon(spec, now) } : learnt
  const idle: Replica = { ...replica, life: { state: 'idle' }, facts, again: null }
  return replica.again ? queued(idle, now, { trigger: 'manual', ...replica.again }) : idle
}
