// counting.ts — Keeps the counters of the fleet up to date, one replica at a time, and plans when time alone may change
// the health of a replica.
import type { Fleet, ReplicaEntry } from './entries.ts'
import { noChanges, type Changes } from './changes.ts'
import { assessHealth } from './health.ts'
import { moveInResource } from './resources.ts'

/** Assesses and counts a replica again. Returns true when its health or its counters have changed. */
export function recount(fleet: Fleet, entry: ReplicaEntry, now: number): boolean {
  const before = entry.counted
  const { health, detail } = entry.verdict
  entry.verdict = assessHealth(entry.state, entry.worker.presence, entry.progressAt, now)
  count(fleet, entry, now)
  return before !== entry.counted || health !== entry.verdict.health || detail !== entry.verdict.detail
}

/** Counts a replica by its verdict, and plans the next review when the verdict has an end. */
export function count(fleet: Fleet, entry: ReplicaEntry, now: number) {
  const approved = entry.worker.record.admission === 'approved'
  const to = approved ? { status: entry.state.status, health: entry.verdict.health } : null
  const from = entry.counted
  if (from?.status !== to?.status || from?.health !== to?.health) {
    moveInResource(fleet.resources, entry, to)
    fleet.healths.move(from?.health ?? null, to?.health ?? null)
    fleet.statuses.move(from?.status ?? null, to?.status ?? null)
    entry.worker.healths.move(from?.health ?? null, to?.health ?? null)
    entry.counted = to
  }
  if (Number.isFinite(entry.verdict.until)) planReview(fleet, entry, Math.max(entry.verdict.until, now))
}

/** Removes a replica from every counter. */
export function uncount(fleet: Fleet, entry: ReplicaEntry) {
  const from = entry.counted
  if (!from) return
  moveInResource(fleet.resources, entry, null)
  fleet.healths.move(from.health, null)
  fleet.statuses.move(from.status, null)
  entry.worker.healths.move(from.health, null)
  entry.counted = null
}

const minuteOf = (ms: number) => Math.floor(ms / 60_000)

function planReview(fleet: Fleet, entry: ReplicaEntry, at: number) {
  const minute = minuteOf(at) + 1
  const planned = fleet.reviews.get(minute)
  if (planned) planned.add(entry)
  else fleet.reviews.set(minute, new Set([entry]))
}

/** Assesses the replicas whose review is due; the others cost nothing. */
export function reviewDue(fleet: Fleet, now: number): Changes {
  const changes = noChanges()
  for (const [minute, entries] of fleet.reviews) {
    if (minute > minuteOf(now)) continue
    fleet.reviews.delete(minute)
    for (const entry of entries)
      if (fleet.replicas.get(entry.state.replica_id) === entry && recount(fleet, entry, now))
        changes.replicas.add(entry)
  }
  return changes
}
