// buckets.ts — The history of a replica as it is shown: its finished syncs by the part of the time in which they ended,
// and what is usual. Every figure is one that a sync reported, or a sum of such. Pure.
import {
  TYPICAL_SYNCS_MIN,
  type HistoryBucket,
  type Outcome,
  type ReplicaHistory,
  type TypicalDuration,
} from '@kagami/protocol'
import type { StoredHistory, StoredRun } from '../../store/store.ts'
import { percentile, sortNumbers } from './percentile.ts'

const HOUR_MS = 3_600_000

/** Equal parts of the time: from when to when, Unix ms, and how long each is. */
export interface HistorySpan {
  readonly fromMs: number
  readonly toMs: number
  readonly bucketMs: number
}

/** The parts of the last so many days, up to the one in which `now` lies: of 6 hours for a week, else of a day. */
export function historySpan(days: number, now: number): HistorySpan {
  const bucketMs = (days <= 7 ? 6 : 24) * HOUR_MS
  const toMs = (Math.floor(now / bucketMs) + 1) * bucketMs
  return { fromMs: toMs - days * 24 * HOUR_MS, toMs, bucketMs }
}

/** The history of a replica, with every part of the span. */
export function historyOf(replicaId: string, span: HistorySpan, stored: StoredHistory): ReplicaHistory {
  const instant = (ms: number) => new Date(ms).toISOString()
  const parts = Array.from({ length: (span.toMs - span.fromMs) / span.bucketMs }, (): StoredRun[] => [])
  for (const run of stored.runs)
    if (isSync(run)) parts[Math.floor((run.ended_at - span.fromMs) / span.bucketMs)]?.push(run)
  return {
    replica_id: replicaId,
    from: instant(span.fromMs),
    to: instant(span.toMs),
    known_since: stored.knownSinceMs === null ? null : instant(stored.knownSinceMs),
    typical: typicalOf(stored.lastDurationsMs),
    buckets: parts.map((runs, index) => ({
      from: instant(span.fromMs + index * span.bucketMs),
      to: instant(span.fromMs + (index + 1) * span.bucketMs),
      ...countRuns(runs),
    })),
  }
}

/** Going back to an earlier tree and restoring a ref are recorded as syncs, and are none. */
const isSync = ({ action }: StoredRun) => action !== 'rollback' && action !== 'restore'

/** Every outcome, the worst first. */
export const WORST_FIRST: readonly Outcome[] = ['failed', 'held', 'interrupted', 'cancelled', 'success']

/** Counts syncs that are in the order in which they ended. */
function countRuns(runs: readonly StoredRun[]): Omit<HistoryBucket, 'from' | 'to'> {
  const counts = Object.groupBy(runs, ({ outcome }) => outcome)
  const countOf = (outcome: Outcome) => counts[outcome]?.length ?? 0
  const durations = sortNumbers((counts.success ?? []).map((run) => run.duration_ms))
  const received = runs.map((run) => run.bytes).filter((bytes) => bytes !== null)
  return {
    syncs: runs.length,
    successes: countOf('success'),
    failures: countOf('failed'),
    held: countOf('held'),
    other: countOf('cancelled') + countOf('interrupted'),
    worst: WORST_FIRST.find((outcome) => countOf(outcome) > 0) ?? null,
    first_failure: counts.failed?.[0]?.reason ?? null,
    p50_ms: percentile(durations, 0.5),
    max_ms: durations.at(-1) ?? null,
    bytes: received.length > 0 ? received.reduce((sum, bytes) => sum + bytes, 0) : null,
    size_bytes: runs.findLast((run) => run.size_bytes !== null)?.size_bytes ?? null,
    files: runs.findLast((run) => run.files !== null)?.files ?? null,
  }
}

/** How long syncs usually take that took so long, ms. */
export function typicalOf(durationsMs: readonly number[]): TypicalDuration {
  const syncs = durationsMs.length
  const sorted = syncs < TYPICAL_SYNCS_MIN ? [] : sortNumbers(durationsMs)
  return { syncs, p50_ms: percentile(sorted, 0.5), p95_ms: percentile(sorted, 0.95) }
}
