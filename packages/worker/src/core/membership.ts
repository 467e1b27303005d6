// membership.ts — Whether this worker belongs to the fleet, and when it next asks to join. Nothing syncs before
// approval.
import type { Desired, JoinReply } from '@kagami/protocol'
import { fraction } from './schedule.ts'

/** `standing`: what the fleet last answered. `fenced`: another process holds this worker id, so this one waits. */
export interface Membership {
  readonly standing: 'unknown' | 'pending' | 'approved' | 'rejected' | 'terminated'
  readonly fenced: boolean
  readonly reason: string | null
  /** Joins since the last approval that did not lead to one. */
  readonly attempts: number
}

export const notJoined: Membership = { standing: 'unknown', fenced: false, reason: null, attempts: 0 }

/** Whether syncs may run. */
export function mayWork(membership: Membership): boolean {
  return membership.standing === 'approved' && !membership.fenced
}

/** Whether the worker must end itself. */
export function mustStop(membership: Membership): boolean {
  return membership.standing === 'rejected' || membership.standing === 'terminated'
}

/** Membership after the answer to a join. Null is no answer, which never takes an approval away. */
export function afterJoin(membership: Membership, reply: JoinReply | null): Membership {
  if (!reply) return { ...membership, attempts: membership.attempts + 1 }
  if (reply.terminated) return { standing: 'terminated', fenced: false, reason: reply.reason, attempts: 0 }
  if (reply.status === 'rejected') return { standing: 'rejected', fenced: false, reason: reply.reason, attempts: 0 }
  if (reply.status === 'approved') {
    // Approved but not accepted: the id is approved, and another process holds it.
    return {
      standing: 'approved',
      fenced: !reply.accepted,
      reason: reply.reason,
      attempts: reply.accepted ? 0 : membership.attempts + 1,
    }
  }
  return { standing: 'pending', fenced: false, reason: reply.reason, attempts: membership.attempts + 1 }
}

/**
 * Membership after a desired document. A document for another process of this id fences this one; a cached document
 * cannot.
 */
export function afterDesired(membership: Membership, desired: Desired, instance: string | null): Membership {
  // A cached approval lets the worker sync alone. A cached rejection is asked about again, because starting again is
  // how a worker comes back.
  if (instance === null)
    return desired.admission === 'approved' && !desired.terminate ? { ...membership, standing: 'approved' } : membership
  if (desired.terminate) return { ...membership, standing: 'terminated', reason: desired.reason }
  const fenced = desired.instance !== null && desired.instance !== instance
  return { ...membership, standing: desired.admission, reason: desired.reason, fenced }
}

/**
 * Milliseconds until the next join: growing pauses with jitter while waiting, about every five minutes when approved.
 */
export function nextJoinMs(membership: Membership, workerId: string): number {
  if (mayWork(membership) && membership.attempts === 0) return 300_000 * (0.8 + 0.4 * fraction(workerId))
  const pause = Math.min(30_000, 1000 * 1.6 ** Math.min(12, Math.max(0, membership.attempts - 1)))
  return pause * (0.75 + 0.5 * fraction(`${workerId}/${membership.attempts}`))
}
