// health.ts — How states look and in which order they are listed: one table for the command line and the web UI. Which
// state something has is decided by the supervisor.
import type { Admission, Health, Outcome, Presence } from './model.ts'
import type { Replica, Sync, Worker } from './views.ts'
import type { BulkResult, BulkState } from './views/bulk.ts'

/** What a state means to an operator. Each program has one colour for each tone. */
export type Tone = 'failed' | 'stale' | 'late' | 'syncing' | 'queued' | 'fresh' | 'quiet'

export interface Look {
  readonly glyph: string
  readonly tone: Tone
  /** The English word, small; the command line prints it. */
  readonly word: string
  /** Key of the word in the locales of the UI. */
  readonly words: string
}

/** The look of each health, worst first. */
export const healthLooks: Readonly<Record<Health, Look>> = {
  failed: { glyph: '✕', tone: 'failed', word: 'failed', words: 'health.failed' },
  held: { glyph: '◫', tone: 'stale', word: 'held', words: 'health.held' },
  stale: { glyph: '▲', tone: 'stale', word: 'stale', words: 'health.stale' },
  stuck: { glyph: '◼', tone: 'stale', word: 'stuck', words: 'health.stuck' },
  unknown: { glyph: '?', tone: 'quiet', word: 'unknown', words: 'health.unknown' },
  late: { glyph: '◐', tone: 'late', word: 'late', words: 'health.late' },
  syncing: { glyph: '↻', tone: 'syncing', word: 'syncing', words: 'health.syncing' },
  queued: { glyph: '◌', tone: 'queued', word: 'queued', words: 'health.queued' },
  paused: { glyph: '‖', tone: 'quiet', word: 'paused', words: 'health.paused' },
  new: { glyph: '○', tone: 'quiet', word: 'new', words: 'health.new' },
  fresh: { glyph: '✓', tone: 'fresh', word: 'fresh', words: 'health.fresh' },
}

/** Every health, worst first. */
export const healthOrder = Object.keys(healthLooks) as readonly Health[]

/** Healths that need a person though no sync has failed: no cause of a failure tells of them. */
export const quietTroubles = ['stale', 'stuck'] as const satisfies readonly Health[]

/** The state of a worker: what people decided about it and, once it is approved, its presence. */
export type WorkerState = Exclude<Admission, 'approved'> | Presence

/** The look of each state of a worker, in the order of filters. */
export const workerLooks: Readonly<Record<WorkerState, Look>> = {
  pending: { glyph: '○', tone: 'queued', word: 'pending', words: 'workerState.pending' },
  online: { glyph: '✓', tone: 'fresh', word: 'online', words: 'workerState.online' },
  late: { glyph: '◐', tone: 'late', word: 'late', words: 'workerState.late' },
  lost: { glyph: '?', tone: 'stale', word: 'silent', words: 'workerState.lost' },
  rejected: { glyph: '✕', tone: 'failed', word: 'rejected', words: 'workerState.rejected' },
}

/** The state of a sync: its outcome, or that it is running. */
export type SyncState = 'running' | Outcome

/** The look of each state of a sync, in the order of filters. */
export const syncLooks: Readonly<Record<SyncState, Look>> = {
  running: { glyph: '↻', tone: 'syncing', word: 'running', words: 'syncState.running' },
  failed: { glyph: '✕', tone: 'failed', word: 'failed', words: 'syncState.failed' },
  held: { glyph: '◫', tone: 'stale', word: 'held', words: 'syncState.held' },
  interrupted: { glyph: '◌', tone: 'quiet', word: 'interrupted', words: 'syncState.interrupted' },
  cancelled: { glyph: '‖', tone: 'quiet', word: 'cancelled', words: 'syncState.cancelled' },
  success: { glyph: '✓', tone: 'fresh', word: 'success', words: 'syncState.success' },
}

/** The look of a disk that is full soon. */
export const diskLook: Look = { glyph: '▲', tone: 'late', word: 'disk full soon', words: 'storage.fullSoon' }

/** The look of each state of a bulk job, and of each result in it, in the order of filters. */
export const bulkLooks: Readonly<Record<BulkState | BulkResult, Look>> = {
  running: syncLooks.running,
  finished: { glyph: '✓', tone: 'fresh', word: 'finished', words: 'bulkState.finished' },
  waiting: { glyph: '◌', tone: 'queued', word: 'waiting', words: 'bulkState.waiting' },
  refused: { glyph: '✕', tone: 'failed', word: 'refused', words: 'bulkState.refused' },
  cancelled: syncLooks.cancelled,
  ok: { glyph: '✓', tone: 'fresh', word: 'ok', words: 'bulkState.ok' },
}

/** How bad a health is: 0 is worst. A word of a newer supervisor comes last. */
export function healthRank(health: string): number {
  const rank = healthOrder.indexOf(health as Health)
  return rank < 0 ? healthOrder.length : rank
}

/** Counts by health as pairs, worst first, without those that are zero. */
export function countsWorstFirst(counts: Readonly<Record<string, number>>): [Health, number][] {
  return healthOrder.map((health): [Health, number] => [health, counts[health] ?? 0]).filter(([, n]) => n > 0)
}

/** The state of this worker. */
export function workerState(worker: Pick<Worker, 'admission' | 'presence'>): WorkerState {
  return worker.admission === 'approved' ? worker.presence : worker.admission
}

/** The state of this sync; unknown, as the health is, when it ran while its worker was last heard. */
export function syncState(sync: Pick<Sync, 'state' | 'outcome' | 'worker_silent_since'>): SyncState | 'unknown' {
  if (sync.state === 'running') return sync.worker_silent_since === undefined ? 'running' : 'unknown'
  return sync.outcome ?? 'running'
}

/** Why no sync of a replica starts by itself now. */
export type Halt = 'paused' | 'silent' | 'unapproved'

/** What keeps a replica from its next sync; null: nothing, it starts when it is due. */
export function haltOf(replica: Pick<Replica, 'paused' | 'worker_presence' | 'worker_admission'>): Halt | null {
  if (replica.worker_admission !== undefined && replica.worker_admission !== 'approved') return 'unapproved'
  if (replica.worker_presence === 'lost') return 'silent'
  return replica.paused ? 'paused' : null
}
