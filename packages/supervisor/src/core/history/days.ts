// days.ts — What lists show of the history of a replica: how its syncs ended on each of the last days. Pure.
import { STRIP_DAYS, type DayStrip } from '@kagami/protocol'
import type { StoredDays } from '../../store/store.ts'
import { WORST_FIRST } from './buckets.ts'

const DAY_MS = 86_400_000

/** When the first of the days begins that are shown at an instant, both Unix ms: the last one goes on. */
export function stripStart(nowMs: number): number {
  return (Math.floor(nowMs / DAY_MS) + 1 - STRIP_DAYS) * DAY_MS
}

/** The days from `fromMs` on; of a replica without a stored sync nothing is known. */
export function stripOf(fromMs: number, stored: StoredDays | undefined): DayStrip {
  const worstOn = (dayMs: number) => {
    const outcomes = stored?.outcomes.get(dayMs) ?? []
    return WORST_FIRST.find((outcome) => outcomes.includes(outcome)) ?? null
  }
  return {
    from: new Date(fromMs).toISOString(),
    known_since: stored ? new Date(stored.firstMs).toISOString() : null,
    worst: Array.from({ length: STRIP_DAYS }, (_, index) => worstOn(fromMs + index * DAY_MS)),
  }
}
