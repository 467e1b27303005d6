// facts.ts — What is known of a replica from its syncs: results, sizes, a hold. Pure; it survives restarts.
import type { Hold, Kept, KeptFiles, ReplicaSpec, ReplicaState, SyncReport } from '@kagami/protocol'
import { dueAfter, timingOf } from './schedule.ts'

export interface Facts {
  readonly lastSync: ReplicaState['last_sync']
  readonly lastSuccessAt: string | null
  readonly nextDueAt: Date | null
  readonly failures: number
  /** When the first of these failures ended; null: none, or it was before workers kept this. */
  readonly failingSince: string | null
  readonly sizeBytes: number | null
  readonly files: number | null
  readonly revision: string | null
  readonly hold: Hold | null
  readonly contentAt: string | null
  readonly generation: number | null
  readonly kept: Kept | null
  readonly keptFiles: KeptFiles | null
}

export const noFacts: Facts = {
  lastSync: null,
  lastSuccessAt: null,
  nextDueAt: null,
  failures: 0,
  failingSince: null,
  sizeBytes: null,
  files: null,
  revision: null,
  hold: null,
  contentAt: null,
  generation: null,
  kept: null,
  keptFiles: null,
}

/**
 * What is known after a report. A cancelled or interrupted sync is no failure of the upstream, and a rollback or a
 * restored ref is no success of it.
 */
export function learn(known: { spec: ReplicaSpec; facts: Facts }, report: SyncReport): Facts {
  const { facts, spec } = known
  const { sync_id, outcome, reason, message, hint, started_at, ended_at, duration_ms, bytes } = report
  const lastSync = { sync_id, outcome, reason, message, hint, started_at, ended_at, duration_ms, bytes }
  const kept = outcome === 'success' ? (report.kept ?? null) : facts.kept
  if (report.action === 'rollback') return { ...facts, lastSync, generation: report.generation ?? facts.generation }
  if (report.action === 'restore') return { ...facts, lastSync, kept }
  const ok = outcome === 'success'
  const failures = ok || outcome === 'held' ? 0 : facts.failures + (outcome === 'failed' ? 1 : 0)
  const run = {
    id: spec.replica_id,
    timing: timingOf(spec),
    // Both by one clock: the one it started by may have been set while it ran.
    startedAt: new Date(Date.parse(ended_at) - duration_ms),
    endedAt: new Date(ended_at),
    outcome,
    reason,
    failures,
  }
  return {
    lastSync,
    lastSuccessAt: ok ? ended_at : facts.lastSuccessAt,
    nextDueAt: dueAfter(run, sync_id),
    failures,
    failingSince: failures === 0 ? null : facts.failures === 0 ? ended_at : facts.failingSince,
    sizeBytes: report.size_bytes ?? facts.sizeBytes,
    files: report.files ?? facts.files,
    revision: report.revision ?? facts.revision,
    hold: ok ? null : heldNow(facts.hold, report.hold ?? null),
    contentAt: report.content_at ?? facts.contentAt,
    generation: report.generation ?? facts.generation,
    kept,
    keptFiles: ok ? (report.kept_files ?? null) : facts.keptFiles,
  }
}

/** A run that finds the same as an earlier one is the same hold and keeps the decision about it. */
function heldNow(before: Hold | null, found: Hold | null): Hold | null {
  if (!found) return before
  const same =
    before !== null &&
    before.reason === found.reason &&
    before.removed === found.removed &&
    before.total === found.total
  return same ? { ...found, hold_id: before.hold_id, since: before.since, rejected: before.rejected } : found
}
