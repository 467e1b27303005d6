// health.ts — How states look: glyph and tone for each word the server says. Deciding a state is the server's.
import type { Health, Sync, Worker } from '@kagami/protocol'

/** Colour token of a state, see styles/tokens.css. */
export type Tone = 'fresh' | 'late' | 'stale' | 'failed' | 'syncing' | 'queued' | 'quiet'
export interface Look {
  readonly glyph: string
  readonly tone: Tone
}

const look = (glyph: string, tone: Tone): Look => ({ glyph, tone })

/** Every health, worst first. */
export const HEALTHS: readonly Health[] = [
  'failed',
  'held',
  'stale',
  'stuck',
  'unknown',
  'late',
  'syncing',
  'queued',
  'paused',
  'new',
  'fresh',
]

/** The look of each health. */
export const healthLooks: Record<Health, Look> = {
  failed: look('✕', 'failed'),
  held: look('◫', 'stale'),
  stale: look('▲', 'stale'),
  stuck: look('◼', 'stale'),
  unknown: look('?', 'quiet'),
  late: look('◐', 'late'),
  syncing: look('↻', 'syncing'),
  queued: look('◌', 'queued'),
  paused: look('‖', 'quiet'),
  new: look('○', 'quiet'),
  fresh: look('✓', 'fresh'),
}

/** A word for a worker: admission first, then presence. */
export type WorkerState = 'pending' | 'rejected' | 'online' | 'late' | 'lost'
export const workerLooks: Record<WorkerState, Look> = {
  pending: look('○', 'queued'),
  rejected: look('✕', 'failed'),
  online: look('✓', 'fresh'),
  late: look('◐', 'late'),
  lost: look('?', 'stale'),
}
/** What one word says most about this worker. */
export function workerState(worker: Pick<Worker, 'admission' | 'presence'>): WorkerState {
  return worker.admission === 'approved' ? worker.presence : worker.admission
}

/** A word for a sync: its outcome, or that it runs. */
export type SyncState = 'running' | NonNullable<Sync['outcome']>
export const syncLooks: Record<SyncState, Look> = {
  running: look('↻', 'syncing'),
  success: look('✓', 'fresh'),
  failed: look('✕', 'failed'),
  cancelled: look('‖', 'quiet'),
  interrupted: look('◌', 'quiet'),
  held: look('◫', 'stale'),
}
/** What one word says most about this sync. */
export function syncState(sync: Pick<Sync, 'state' | 'outcome'>): SyncState {
  return sync.state === 'running' ? 'running' : (sync.outcome ?? 'running')
}

/** How bad a health is; 0 is worst. Words of a newer server come last. */
export function rank(health: string): number {
  const at = HEALTHS.indexOf(health as Health)
  return at < 0 ? HEALTHS.length : at
}

/** Health counts as [health, n] pairs, worst first, without zeros. */
export function ranked(counts: Readonly<Record<string, number>>): [Health, number][] {
  return HEALTHS.map((health): [Health, number] => [health, counts[health] ?? 0]).filter(([, n]) => n > 0)
}
