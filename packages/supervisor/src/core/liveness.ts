// liveness.ts — Whether a worker is there, by our own clock alone. Nothing a worker says about time counts.
import { HEARTBEAT_SECONDS, type Presence } from '@kagami/protocol'

/** Late after one and a half heartbeats, lost after three. */
export const LATE_MS = HEARTBEAT_SECONDS * 1500
export const LOST_MS = HEARTBEAT_SECONDS * 3000

/** Presence from monotonic ms: of the last heartbeat heard (null: none yet), of our own start, and now. */
export function presenceOf(heardMs: number | null, startedMs: number, nowMs: number): Presence {
  // After our own start every worker gets one full timeout before it is called lost.
  const silent = nowMs - (heardMs ?? startedMs)
  if (silent >= LOST_MS) return 'lost'
  if (heardMs === null || silent >= LATE_MS) return 'late'
  return 'online'
}
