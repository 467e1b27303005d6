// report.ts — The report of a sync, made from how it ended and what was found out. Secrets are masked here.
import { failures, type FailureReason, type Hold, type LeftOut, type SyncReport } from '@kagami/protocol'
import { escapeBytes, showName } from '../names.ts'
import { oneLine, SyncHeld, type Ending } from './outcome.ts'
import type { SyncJob } from './job.ts'
import type { Mask } from './credentials.ts'
import type { SyncResult } from './update.ts'

const TAIL_MAX = 8000
const EXAMPLES = 20
const EXAMPLE_MAX = 300

export interface ReportParts {
  readonly job: SyncJob
  readonly ending: Ending
  /** Null when the sync failed. */
  readonly result: SyncResult | null
  readonly leftOut: LeftOut | null
  readonly mask: Mask
  readonly startedAt: Date
  readonly endedAt: Date
  readonly durationMs: number
  /** What the run threw. */
  readonly error: unknown
}

/** The report. */
export function reportOf({
  job,
  ending,
  result,
  leftOut,
  mask,
  startedAt,
  endedAt,
  durationMs,
  error,
}: ReportParts): SyncReport {
  const { spec } = job
  const stats = result?.stats
  return {
    sync_id: job.sync_id,
    worker_id: job.worker_id,
    replica_id: spec.replica_id,
    name: spec.name,
    kind: spec.kind,
    trigger: job.trigger,
    request_id: job.request_id,
    outcome: ending.outcome,
    reason: ending.reason,
    message: ending.message === null ? null : oneLine(mask(ending.message)),
    hint: ending.reason === null ? null : oneLine(mask(ending.hint ?? hintOf(ending.reason, job))),
    tail: ending.tail === null ? null : escapeBytes(mask(ending.tail)).slice(-TAIL_MAX).toWellFormed(),
    exit_code: ending.exitCode,
    started_at: startedAt.toISOString(),
    ended_at: endedAt.toISOString(),
    duration_ms: durationMs,
    bytes: stats?.bytes ?? null,
    files: stats?.files ?? null,
    size_bytes: stats?.sizeBytes ?? null,
    revision: stats?.revision?.slice(0, 256) ?? null,
    action: actionOf(job),
    hold: error instanceof SyncHeld && ending.outcome === 'held' ? holdOf(error, job, endedAt) : null,
    content_at: result?.contentAt?.toISOString() ?? null,
    generation: result?.generation ?? null,
    left_out: leftOut,
    kept: stats?.kept ?? null,
    kept_files: stats?.keptFiles ?? null,
  }
}

/** Credentials of worker.toml are not mended as those of an added replica are. */
function hintOf(reason: FailureReason, { authHint }: SyncJob): string {
  return (reason === 'auth_rejected' && authHint) || failures[reason].hint
}

function actionOf({ task }: SyncJob): SyncReport['action'] {
  if (task?.type === 'sync') return task.thorough ? 'verify' : 'sync'
  return task?.type ?? 'sync'
}

function holdOf({ reason, plan }: SyncHeld, job: SyncJob, at: Date): Hold {
  const examples = plan.examples.slice(0, EXAMPLES).map((example) => oneLine(showName(example), EXAMPLE_MAX))
  return {
    hold_id: job.sync_id,
    since: at.toISOString(),
    reason,
    removed: plan.removed,
    total: plan.total,
    examples,
    rejected: false,
  }
}
