// counting.ts — Keeps the counters of the fleet up to date, one replica at a time, and plans when time alone may change
// the health of a replica.
import { healthOrder } from '@kagami/protocol'
import { noChanges, noteChanged, type Changes } from './changes.ts'
import type { Counted, Fleet } from './entries.ts'
import { judge, positionOf } from './health.ts'

/** Assesses and counts the replica of a row again. Returns true when its health or its counters have changed. */
export function recount(fleet: Fleet, row: number, now: number): boolean {
  const { replicas } = fleet
  const worker = replicas.workerOf(row)
  const before = replicas.verdictOf(row)
  const { verdict, until } = judge(replicas.judged(row), worker.presence, replicas.progressOf(row)?.at ?? null, now)
  replicas.setVerdict(row, verdict)
  const counted = count(fleet, row, worker.record.admission === 'approved' ? positionOf(verdict) : null)
  if (Number.isFinite(until)) replicas.planReview(row, minuteOf(Math.max(until, now)) + 1)
  return counted || before !== verdict
}

/** Removes a replica from every counter. */
export function uncount(fleet: Fleet, row: number): void {
  count(fleet, row, null)
}

/** Counts a replica by its status and this health; null: not at all. Returns true when that is a change. */
function count(fleet: Fleet, row: number, health: number | null): boolean {
  const { replicas, statuses, healths } = fleet
  const moved = replicas.count(row, health)
  if (!moved) return false
  const { from, to } = moved
  const statusOf = (counted: Counted | null) => (counted ? replicas.statusOf(counted.status) : null)
  const healthOf = (counted: Counted | null) => (counted ? healthOrder[counted.health]! : null)
  statuses.move(statusOf(from), statusOf(to))
  healths.move(healthOf(from), healthOf(to))
  replicas.workerOf(row).healths.move(healthOf(from), healthOf(to))
  return true
}

const minuteOf = (ms: number) => Math.floor(ms / 60_000)

/** Assesses the replicas whose review is due. Once a minute it looks at a number of each replica, else at none. */
export function reviewDue(fleet: Fleet, now: number): Changes {
  const changes = noChanges()
  const minute = minuteOf(now)
  if (minute === fleet.reviewedMinute) return changes
  fleet.reviewedMinute = minute
  for (const row of fleet.replicas.takeReviews(minute))
    if (recount(fleet, row, now)) noteChanged(changes, fleet.replicas.entryOf(row))
  return changes
}
