// report.ts — The report of a sync, made from how it ended and what was found out. Secrets are masked here.
import { failures, type Hold, type SyncReport } from '@kagami/protocol'
import type { SyncStats } from '../provider.ts'
import { oneLine, SyncHeld, type Ending } from './outcome.ts'
import type { SyncJob } from './run.ts'
import type { Mask } from './secrets.ts'

const TAIL_MAX = 8000
const EXAMPLES = 20
const EXAMPLE_MAX = 300

export interface Findings {
  readonly job: SyncJob
  readonly ending: Ending
  readonly stats: SyncStats | null
  readonly contentAt: Date | null
  readonly generation: number | null
  readonly mask: Mask
  readonly startedAt: Date
  readonly endedAt: Date
  readonly durationMs: number
  /** What the run threw. */
  readonly error: unknown
}

/** The report. */
export function reportOf({ job, ending, stats, mask, startedAt, endedAt, ...found }: Findings): SyncReport {
  const { spec } = job
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
    hint: ending.reason === null ? null : failures[ending.reason].hint,
    tail: ending.tail === null ? null : mask(ending.tail).slice(-TAIL_MAX).toWellFormed(),
    exit_code: ending.exitCode,
    started_at: startedAt.toISOString(),
    ended_at: endedAt.toISOString(),
    duration_ms: found.durationMs,
    bytes: stats?.bytes ?? null,
    files: stats?.files ?? null,
    size_bytes: stats?.sizeBytes ?? null,
    revision: stats?.revision?.slice(0, 256) ?? null,
    action: job.task?.type ?? 'sync',
    hold: found.error instanceof SyncHeld && ending.outcome === 'held' ? holdOf(found.error, job, endedAt) : null,
    content_at: found.contentAt?.toISOString() ?? null,
    generation: found.generation,
  }
}

function holdOf({ reason, plan }: SyncHeld, job: SyncJob, at: Date): Hold {
  const examples = plan.examples.slice(0, EXAMPLES).map((example) => oneLine(example, EXAMPLE_MAX))
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
