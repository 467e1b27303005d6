// guard.ts — Decides whether a run may delete what it is about to delete. Pure; counts only.
import type { FailureReason, Policy } from '@kagami/protocol'

/** What a run would do to a published tree; null where a size is not known. */
export interface Removal {
  readonly removed: number
  readonly total: number
  readonly sizeBeforeBytes: number | null
  readonly sizeAfterBytes: number | null
}

export interface Objection {
  readonly reason: Extract<FailureReason, 'too_many_deletions' | 'upstream_empty'>
  /** One sentence without its full stop. */
  readonly message: string
}

/** Smaller losses are how small files change, not how mirrors are lost. */
const SHRINK_MIN_BYTES = 4096

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
  const { removed, total, sizeBeforeBytes, sizeAfterBytes } = plan
  if (approved !== null && removed <= approved) return null
  const empties = total > 0 && removed >= total
  if (empties && sizeAfterBytes === 0)
    return { reason: 'upstream_empty', message: `the upstream is empty, the copy has ${total} ${noun}` }
  if (removed * 100 > total * limits.max_delete_percent && (removed > 1 || empties)) {
    return {
      reason: 'too_many_deletions',
      message: `${removed} of ${total} ${noun} would be deleted, more than ${limits.max_delete_percent} %`,
    }
  }
  const lost = sizeBeforeBytes !== null && sizeAfterBytes !== null ? sizeBeforeBytes - sizeAfterBytes : 0
  if (
    sizeBeforeBytes !== null &&
    lost >= SHRINK_MIN_BYTES &&
    lost * 100 > sizeBeforeBytes * limits.max_shrink_percent
  ) {
    return {
      reason: 'too_many_deletions',
      message:
        `the copy would shrink from ${sizeBeforeBytes} to ${sizeAfterBytes} bytes, by more than ` +
        `${limits.max_shrink_percent} %`,
    }
  }
  return null
}
