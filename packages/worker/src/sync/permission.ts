// permission.ts — What a run may do to a published tree: the deletion guard, the quota and the room on the disk, asked before anything is done.
import type { Policy } from '@kagami/protocol'
import { objectionTo } from '../core/guard.ts'
import { SyncFailure, type Plan } from '../providers/provider.ts'
import { FREE_MIN_BYTES, freeBytes } from './limits.ts'
import { SyncHeld } from './outcome.ts'

export interface Permission {
  readonly policy: Policy
  readonly kind: string
  readonly dataDir: string
  /** Entries somebody allowed this run to delete; null when nobody did. */
  readonly approved: number | null
  log(line: string): void
}

/** Returns when the run may go on; throws SyncHeld, or SyncFailure quota_exceeded or disk_full. */
export function allowPlan(plan: Plan, { policy, kind, dataDir, approved, log }: Permission): void {
  const noun = kind === 'git' ? 'refs' : 'files'
  const objection = objectionTo(plan, policy, { approved, noun })
  if (objection) {
    for (const example of plan.examples) log(`would delete ${example}`)
    if (plan.removed > plan.examples.length) log(`would delete ${plan.removed - plan.examples.length} more`)
    throw new SyncHeld(objection, plan)
  }
  if (plan.removed > 0) log(`${plan.removed} of ${plan.total} ${noun} go`)
  refuseTooLarge(plan, policy)
  const free = freeBytes(dataDir)
  if ((plan.incomingBytes ?? 0) + FREE_MIN_BYTES > free) {
    throw new SyncFailure('disk_full', `${mib(plan.incomingBytes ?? 0)} MiB must come in, ${mib(free)} MiB are free; nothing was begun`)
  }
}

function refuseTooLarge({ sizeAfterBytes }: Plan, { quota_mib }: Policy): void {
  if (quota_mib === 0 || sizeAfterBytes === null || sizeAfterBytes <= quota_mib * 1024 ** 2) return
  throw new SyncFailure('quota_exceeded', `the copy would have ${mib(sizeAfterBytes)} MiB, its quota is ${quota_mib} MiB; nothing was begun`)
}

const mib = (bytes: number) => Math.ceil(bytes / 1024 ** 2)
