// history.ts — The history of a replica in equal parts of time, and how long its syncs usually take. What was not
// measured is null.
import Type, { type Static } from 'typebox'
import { FailureReason, Instant, Nullable, Outcome } from '../model.ts'

const Count = Type.Integer({ minimum: 0 })
const Milliseconds = Type.Integer({ minimum: 0, description: 'ms' })

/** The words of the parameter `days`. */
export const HISTORY_DAYS = ['7', '30', '90'] as const

/** The syncs that ended in one part of the time. Without a sync every figure is null: nothing is carried over. */
export const HistoryBucket = Type.Object({
  from: Instant,
  to: Instant,
  syncs: Count,
  successes: Count,
  failures: Count,
  held: Count,
  other: Type.Integer({ minimum: 0, description: 'Cancelled or interrupted' }),
  worst: Nullable(Outcome),
  first_failure: Nullable(FailureReason),
  p50_ms: Nullable({ ...Milliseconds, description: 'Median duration of the syncs that succeeded, ms' }),
  max_ms: Nullable({ ...Milliseconds, description: 'Longest duration of the syncs that succeeded, ms' }),
  bytes: Nullable({ ...Count, description: 'Received by all syncs that reported it' }),
  size_bytes: Nullable({ ...Count, description: 'Size of the tree after the last sync that reported it' }),
  files: Nullable({ ...Count, description: 'Files in the tree after the last sync that reported them' }),
})
export type HistoryBucket = Static<typeof HistoryBucket>

/** How long the syncs of a replica usually take: of the last 20 that succeeded, without those that verified. */
export const TypicalDuration = Type.Object({
  syncs: Type.Integer({ minimum: 0, maximum: 20, description: 'How many syncs this is taken from' }),
  p50_ms: Nullable({ ...Milliseconds, description: 'Median, ms; null below 3 syncs' }),
  p95_ms: Nullable({ ...Milliseconds, description: '95th percentile, ms; null below 3 syncs' }),
})
export type TypicalDuration = Static<typeof TypicalDuration>

/** The history of a replica, oldest part first. Parts begin at whole hours and days of UTC; the last one goes on. */
export const ReplicaHistory = Type.Object({
  replica_id: Type.String(),
  from: Instant,
  to: Instant,
  known_since: Nullable({
    ...Instant,
    description: 'When the oldest sync ended that is stored: nothing is known of the time before; null: none is stored',
  }),
  typical: TypicalDuration,
  buckets: Type.Array(HistoryBucket),
})
export type ReplicaHistory = Static<typeof ReplicaHistory>

/** The days of the strip that lists show, the present one among them. */
export const STRIP_DAYS = 14

/** How the syncs of a replica ended on each of the last days. Days are those of UTC. */
export const DayStrip = Type.Object({
  from: { ...Instant, description: 'When the first day begins' },
  known_since: Nullable({
    ...Instant,
    description: 'When the first day begins of which a sync is stored: nothing is known of those before; null: no sync',
  }),
  worst: Type.Array(Nullable(Outcome), {
    minItems: STRIP_DAYS,
    maxItems: STRIP_DAYS,
    description: 'The worst outcome of each day, the oldest first; null: no sync ended on it',
  }),
})
export type DayStrip = Static<typeof DayStrip>

/** The fewest syncs of which a usual duration is said. */
export const TYPICAL_SYNCS_MIN = 3
