// permission.ts — What a run may do to a published tree: the deletion guard, the quota and the free space, checked
// before anything is done.
import type { Policy } from '@kagami/protocol'
import { objectionTo } from '../core/guard.ts'
import { showName } from '../names.ts'
import { SyncFailure, type Plan } from '../provider.ts'
import { FREE_MIN_BYTES, freeBytes } from '../tree/space.ts'
import { SyncHeld } from './outcome.ts'

export interface Permission {
  readonly policy: Policy
  readonly kind: string
  readonly dataDir: string
  /** Entries somebody allowed this run to delete; null when nobody did. */
  readonly approved: number | null
  log(line: string): void
}

/** The incoming data does not fit. The run has taken no space yet, so it gives none back. */
export class NoRoom extends SyncFailure {
  constructor(incomingBytes: number, freeBytes: number) {
    super('disk_full', `${mib(incomingBytes)} MiB must come in, ${mib(freeBytes)} MiB are free; none of it was begun`)
    this.name = 'NoRoom'
  }
}

/**
 * Returns when the run may go on; throws SyncHeld, or SyncFailure: quota_exceeded, NoRoom, or disk_full when the disk
 * fills up already.
 */
export function allowPlan(plan: Plan, { policy, kind, dataDir, approved, log }: Permission): void {
  const noun = kind === 'git' ? 'refs' : 'files'
  const objection = objectionTo(plan, policy, { approved, noun })
  if (objection) {
    for (const example of plan.examples) log(`would delete ${showName(example)}`)
    if (plan.removed > plan.examples.length) log(`would delete ${plan.removed - plan.examples.length} more`)
    throw new SyncHeld(objection, plan)
  }
  if (plan.removed > 0) log(`${plan.removed} of ${plan.total} ${noun} go`)
  refuseTooLarge(plan, policy)
  const free = freeBytes(dataDir)
  if (free < FREE_MIN_BYTES) throw new SyncFailure('disk_full', `less than ${mib(FREE_MIN_BYTES)} MiB are free`)
  if ((plan.incomingBytes ?? 0) + FREE_MIN_BYTES > free) throw new NoRoom(plan.incomingBytes ?? 0, free)
}

function refuseTooLarge({ sizeAfterBytes }: Plan, { quota_mib }: Policy): void {
  if (quota_mib === 0 || sizeAfterBytes === null || sizeAfterBytes <= quota_mib * 1024 ** 2) return
  throw new SyncFailure(
    'quota_exceeded',
    `the copy would have ${mib(sizeAfterBytes)} MiB, its quota is ${quota_mib} MiB; nothing was begun`,
  )
}

const mib = (bytes: number) => Math.ceil(bytes / 1024 ** 2)
