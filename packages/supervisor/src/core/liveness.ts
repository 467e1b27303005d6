// liveness.ts — The presence of a worker, by the supervisor's own clock. Nothing a worker says about time counts.
import { HEARTBEAT_SECONDS, type Presence } from '@kagami/protocol'

/** A worker is late after one and a half heartbeat intervals, lost after three. */
export const LATE_MS = HEARTBEAT_SECONDS * 1500
export const LOST_MS = HEARTBEAT_SECONDS * 3000

/** Presence by monotonic ms: of the last heartbeat (null: none yet), of the supervisor's start, and now. */
export function presenceOf(lastSeenMs: number | null, startedMs: number, nowMs: number): Presence {
  // After the supervisor starts, every worker has the full time before it counts as lost.
  const silent = nowMs - (lastSeenMs ?? startedMs)
  if (silent >= LOST_MS) return 'lost'
  if (lastSeenMs === null || silent >= LATE_MS) return 'late'
  return 'online'
}
