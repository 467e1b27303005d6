// replica.ts — A replica's life on its worker: idle → queued → syncing → idle, and what is known of it. Knows no other replica.
import type { ReplicaSpec, ReplicaState, SeedStatus, SyncReport, Trigger } from '@kagami/protocol'
import { dueAfter, dueAtStart } from './schedule.ts'

/** What a replica is doing. Each state carries just what it needs. */
export type Life =
  | { readonly state: 'idle' }
  | { readonly state: 'queued'; readonly since: Date; readonly trigger: Trigger; readonly requestId: string | null; readonly position: number; readonly reason: string }
  | { readonly state: 'syncing'; readonly syncId: string; readonly startedAt: Date; readonly trigger: Trigger; readonly requestId: string | null }

/** What is known from earlier syncs; survives restarts. */
export interface Facts {
  readonly lastSync: ReplicaState['last_sync']
  readonly lastSuccessAt: string | null
  readonly nextDueAt: Date | null
  readonly failures: number
  readonly sizeBytes: number | null
  readonly files: number | null
  readonly revision: string | null
}

export interface Replica {
  readonly spec: ReplicaSpec
  readonly life: Life
  readonly facts: Facts
  /** Asked for while a sync ran: the upstream may have changed since, so it runs once more. */
  readonly again: string | null
  /** Requests already taken up that the desired document still carries: each is taken up once, restarts included. */
  readonly taken: readonly string[]
  /** Grows with every change anyone can see. */
  readonly revisionNo: number
}

export type ReplicaEvent =
  | { readonly type: 'due' }
  | { readonly type: 'requested'; readonly requestId: string }
  /** The document now carries just these requests. */
  | { readonly type: 'settled'; readonly open: ReadonlySet<string> }
  | { readonly type: 'waiting'; readonly position: number; readonly reason: string }
  | { readonly type: 'started'; readonly syncId: string }
  | { readonly type: 'finished'; readonly report: SyncReport }
  | { readonly type: 'withdrawn' }
  | { readonly type: 'respecified'; readonly spec: ReplicaSpec }

export const noFacts: Facts = { lastSync: null, lastSuccessAt: null, nextDueAt: null, failures: 0, sizeBytes: null, files: null, revision: null }

/** What of a replica survives a restart. */
export type Remembered = Pick<Replica, 'life' | 'facts' | 'again' | 'taken'>

/** A replica as the worker starts with it: its first due time is spread, and a request cut short is taken up again. */
export function openReplica(spec: ReplicaSpec, before: Remembered | null, now: Date): Replica {
  const facts = before?.facts ?? noFacts
  const nextDueAt = canSync(spec) ? dueAtStart({ id: spec.replica_id, intervalSeconds: spec.interval_secs, nextDueAt: facts.nextDueAt }, now) : null
  const replica: Replica = { spec, life: { state: 'idle' }, facts: { ...facts, nextDueAt }, again: null, taken: before?.taken ?? [], revisionNo: 1 }
  const open = before?.again ?? (before && before.life.state !== 'idle' ? before.life.requestId : null)
  if (open) return queued(replica, now, 'manual', open)
  return before && before.life.state !== 'idle' ? queued(replica, now, 'retry', null) : replica
}

/** Whether anything can be synced at all: a provider given as a bare string has no kind. */
export function canSync(spec: ReplicaSpec): boolean {
  return spec.kind !== 'unknown'
}

/** Whether the schedule wants it now. */
export function isDue(replica: Replica, now: Date): boolean {
  return replica.life.state === 'idle' && replica.facts.nextDueAt !== null && replica.facts.nextDueAt <= now
}

/** Given what the replica is and what happened: what it becomes. Returns the same object when nothing changed. */
export function advanceReplica(replica: Replica, event: ReplicaEvent, now: Date): Replica {
  const next = step(replica, event, now)
  return next === replica ? replica : { ...next, revisionNo: replica.revisionNo + 1 }
}

function step(replica: Replica, event: ReplicaEvent, now: Date): Replica {
  const { life } = replica
  switch (event.type) {
    case 'due':
      return life.state === 'idle' ? queued(replica, now, replica.facts.failures > 0 ? 'retry' : 'schedule', null) : replica
    case 'requested':
      return replica.taken.includes(event.requestId) ? replica : requested({ ...replica, taken: [...replica.taken, event.requestId] }, event.requestId, now)
    case 'settled': {
      const taken = replica.taken.filter((id) => event.open.has(id))
      return taken.length === replica.taken.length ? replica : { ...replica, taken }
    }
    case 'waiting':
      if (life.state !== 'queued' || (life.position === event.position && life.reason === event.reason)) return replica
      return { ...replica, life: { ...life, position: event.position, reason: event.reason } }
    case 'started':
      if (life.state !== 'queued') return replica
      return { ...replica, life: { state: 'syncing', syncId: event.syncId, startedAt: now, trigger: life.trigger, requestId: life.requestId } }
    case 'finished':
      return life.state === 'syncing' && life.syncId === event.report.sync_id ? finished(replica, event.report, now) : replica
    case 'withdrawn':
      return life.state === 'queued' ? { ...replica, life: { state: 'idle' } } : replica
    case 'respecified':
      return respecified(replica, event.spec, now)
  }
}

function requested(replica: Replica, requestId: string, now: Date): Replica {
  const { life } = replica
  if (life.state === 'syncing') return { ...replica, again: requestId }
  if (life.state === 'queued') return { ...replica, life: { ...life, trigger: 'manual', requestId: life.requestId ?? requestId } }
  return queued(replica, now, 'manual', requestId)
}

function queued(replica: Replica, now: Date, trigger: Trigger, requestId: string | null): Replica {
  return { ...replica, life: { state: 'queued', since: now, trigger, requestId, position: 0, reason: 'waiting for its turn' } }
}

function respecified(replica: Replica, spec: ReplicaSpec, now: Date): Replica {
  if (JSON.stringify(spec) === JSON.stringify(replica.spec)) return replica
  const nextDueAt = canSync(spec) ? dueAtStart({ id: spec.replica_id, intervalSeconds: spec.interval_secs, nextDueAt: null }, now) : null
  return { ...replica, spec, facts: { ...replica.facts, nextDueAt } }
}

function finished(replica: Replica, report: SyncReport, now: Date): Replica {
  const facts = learn(replica, report)
  const idle: Replica = { ...replica, life: { state: 'idle' }, facts, again: null }
  return replica.again ? queued(idle, now, 'manual', replica.again) : idle
}

/** What a report adds to what is known. A cancelled or interrupted sync is no failure of the upstream. */
export function learn(replica: Pick<Replica, 'spec' | 'facts'>, report: SyncReport): Facts {
  const { facts, spec } = replica
  const ok = report.outcome === 'success'
  const failures = ok ? 0 : facts.failures + (report.outcome === 'failed' ? 1 : 0)
  const nextDueAt = dueAfter(
    { id: spec.replica_id, intervalSeconds: spec.interval_secs, startedAt: new Date(report.started_at), endedAt: new Date(report.ended_at), outcome: report.outcome, reason: report.reason, failures },
    report.sync_id,
  )
  const { sync_id, outcome, reason, message, hint, started_at, ended_at, duration_ms, bytes } = report
  return {
    lastSync: { sync_id, outcome, reason, message, hint, started_at, ended_at, duration_ms, bytes },
    lastSuccessAt: ok ? report.ended_at : facts.lastSuccessAt,
    nextDueAt,
    failures,
    sizeBytes: report.size_bytes ?? facts.sizeBytes,
    files: report.files ?? facts.files,
    revision: report.revision ?? facts.revision,
  }
}

/** The seed's one word. */
export function seedStatus(replica: Replica): SeedStatus {
  if (replica.life.state === 'syncing') return 'syncing'
  const outcome = replica.facts.lastSync?.outcome
  if (!outcome) return 'init'
  if (outcome === 'success') return 'success'
  // A sync that people or a restart stopped says nothing new about the copy.
  if (outcome === 'cancelled' || outcome === 'interrupted') return replica.facts.lastSuccessAt ? 'success' : replica.facts.failures > 0 ? 'failed' : 'init'
  return 'failed'
}

/** What the worker tells of the replica. Credentials are left out here and nowhere else. */
export function describeReplica(replica: Replica): ReplicaState {
  const { spec, life, facts } = replica
  return {
    replica_id: spec.replica_id, revision_no: replica.revisionNo, name: spec.name, kind: spec.kind, upstream: spec.upstream,
    interval_secs: spec.interval_secs, labels: spec.labels, options: spec.options, origin: spec.origin,
    status: seedStatus(replica),
    activity: life.state,
    queue: life.state === 'queued' ? { position: life.position, reason: life.reason } : null,
    current: life.state === 'syncing' ? { sync_id: life.syncId, started_at: life.startedAt.toISOString(), trigger: life.trigger } : null,
    last_sync: facts.lastSync, last_success_at: facts.lastSuccessAt, next_due_at: facts.nextDueAt?.toISOString() ?? null,
    failures: facts.failures, size_bytes: facts.sizeBytes, files: facts.files, revision: facts.revision,
  }
}
