// recovery.ts — What a worker does about syncs that were running when an earlier process of it ended.
import type { Remembered, Replica } from './core/replica.ts'
import type { Spool } from './edge/spool.ts'
import { interruptedReport, withReport } from './state.ts'

export interface Leftovers {
  readonly workerId: string
  readonly spool: Spool
  /** By replica id; recovered replicas are replaced in it. */
  readonly remembered: Map<string, Remembered>
  readonly specs: readonly Replica['spec'][]
  readonly now: Date
}

/**
 * Gives each sync that was running a report that says it was interrupted, unless its own report is already in the
 * spool.
 */
export function reportInterrupted({ workerId, spool, remembered, specs, now }: Leftovers): void {
  for (const spec of specs) {
    const before = remembered.get(spec.replica_id)
    const report = before && interruptedReport(spec, workerId, before, now)
    if (!before || !report || spool.holds(report.sync_id)) continue
    spool.keep(report)
    // The sync that was requested is still wanted, and runs first.
    remembered.set(spec.replica_id, { ...withReport(spec, before, report), life: before.life })
  }
}
