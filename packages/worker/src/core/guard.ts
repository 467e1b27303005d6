// guard.ts — Decides whether a run may delete what it is about to delete. Pure; counts only.
import type { FailureReason, Policy } from '@kagami/protocol'

/** What a run would do to a published tree; null where a size is not known. */
export interface Removal {
  readonly removed: number
  readonly total: number
  readonly sizeBeforeBytes: number | null
  readonly sizeAfterBytes: number | null
  /** Bytes of both sizes that stay whatever the upstream has. */
  readonly stayingBytes?: number
  /** Folders that stay with fewer entries. */
  readonly shrinking?: readonly { readonly path: string; readonly before: number; readonly after: number }[]
  /** Commits that nothing would reach any more, of all, and how many of the refs that go lose some. */
  readonly history?: { readonly lost: number; readonly of: number; readonly refs: number }
}

export interface Objection {
  readonly reason: Extract<FailureReason, 'too_many_deletions' | 'upstream_empty'>
  /** One sentence without its full stop. */
  readonly message: string
}

/** Smaller losses are how small files change, not how mirrors are lost. */
const SHRINK_MIN_BYTES = 4096
/** A folder that stays is held when it loses so many entries and more than half of them … */
const FOLDER_LOSS_MIN = 20
const FOLDER_LOSS_PERCENT = 50
/** … or all of at least so many: a folder that is meant to go goes as a whole. */
const FOLDER_EMPTIED_MIN = 3
/** The share of commits counts from so many lost ones on: in a small repository one branch is a large share. */
const HISTORY_LOSS_MIN = 20

/**
 * Returns why a run must be held, or null when it may go on. `approved`: entries somebody allowed this run to delete.
 * `noun`: what the entries are, in the plural. A single deletion among several entries never holds a run: in a tree of
 * three it would be a third of all.
 */
export function objectionTo(
  plan: Removal,
  limits: Pick<Policy, 'max_delete_percent' | 'max_shrink_percent'>,
  { approved, noun }: { approved: number | null; noun: string },
): Objection | null {
  const { removed, total, sizeAfterBytes, stayingBytes = 0 } = plan
  if (approved !== null && removed <= approved) return null
  const empties = total > 0 && removed >= total
  if (empties && sizeAfterBytes === stayingBytes)
    return { reason: 'upstream_empty', message: `the upstream is empty, the copy has ${total} ${noun}` }
  if (plan.history) {
    const objection = objectionToLoss(plan, plan.history, limits)
    if (objection) return objection
  } else if (removed * 100 > total * limits.max_delete_percent && (removed > 1 || empties)) {
    return {
      reason: 'too_many_deletions',
      message: `${removed} of ${total} ${noun} would be deleted, more than ${limits.max_delete_percent} %`,
    }
  }
  const folder = limits.max_delete_percent < 100 ? plan.shrinking?.find((one) => losesTooMuch(one, limits)) : undefined
  if (folder)
    return {
      reason: 'too_many_deletions',
      message:
        `the folder "${folder.path || '/'}" would have ${folder.after} of its ${folder.before} entries, though it is ` +
        'still there upstream',
    }
  return objectionToShrinking(plan, limits)
}

/** What stays in any case must not make a loss look small. */
function objectionToShrinking(
  { sizeBeforeBytes, sizeAfterBytes, stayingBytes = 0 }: Removal,
  { max_shrink_percent }: Pick<Policy, 'max_shrink_percent'>,
): Objection | null {
  if (sizeBeforeBytes === null || sizeAfterBytes === null) return null
  const [before, after] = [sizeBeforeBytes - stayingBytes, sizeAfterBytes - stayingBytes]
  const lost = before - after
  if (lost < SHRINK_MIN_BYTES || lost * 100 <= before * max_shrink_percent) return null
  const besides = stayingBytes > 0 ? `, besides ${stayingBytes} bytes that stay` : ''
  return {
    reason: 'too_many_deletions',
    message: `the copy would shrink from ${before} to ${after} bytes${besides}, by more than ${max_shrink_percent} %`,
  }
}

function losesTooMuch(
  { before, after }: { before: number; after: number },
  { max_delete_percent }: Pick<Policy, 'max_delete_percent'>,
): boolean {
  const lost = before - after
  if (after === 0) return lost >= FOLDER_EMPTIED_MIN
  return lost >= FOLDER_LOSS_MIN && lost * 100 > before * Math.max(FOLDER_LOSS_PERCENT, max_delete_percent)
}

/** Refs whose commits all stay reachable go freely; a renamed branch loses nothing. */
function objectionToLoss(
  { removed, total }: Removal,
  { lost, of, refs }: NonNullable<Removal['history']>,
  { max_delete_percent }: Pick<Policy, 'max_delete_percent'>,
): Objection | null {
  const many = refs * 100 > total * max_delete_percent && (refs > 1 || removed >= total)
  const much = lost >= HISTORY_LOSS_MIN && lost * 100 > of * max_delete_percent
  if (lost === 0 || !(many || much)) return null
  return {
    reason: 'too_many_deletions',
    message:
      `${removed} of ${total} refs would be deleted, and with them ${lost} of ${of} commits that no other ref has, ` +
      `more than ${max_delete_percent} %`,
  }
}
