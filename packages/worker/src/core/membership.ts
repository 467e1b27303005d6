// membership.ts — Whether this worker belongs to the fleet, and when it asks next. Nothing syncs before approval.
import type { Desired, JoinReply } from '@kagami/protocol'
import { fraction } from './schedule.ts'

/** `standing`: what we were last told. `fenced`: another process holds our id, so we wait. */
export interface Membership {
  readonly standing: 'unknown' | 'pending' | 'approved' | 'rejected' | 'terminated'
  readonly fenced: boolean
  readonly reason: string | null
  /** Joins that did not lead to an approval, since the last that did. */
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

/** What a join's answer makes of us; null is no answer, which never takes an approval away. */
export function afterJoin(membership: Membership, reply: JoinReply | null): Membership {
  if (!reply) return { ...membership, attempts: membership.attempts + 1 }
  if (reply.terminated) return { standing: 'terminated', fenced: false, reason: reply.reason, attempts: 0 }
  if (reply.status === 'rejected') return { standing: 'rejected', fenced: false, reason: reply.reason, attempts: 0 }
  if (reply.status === 'approved') {
    // Approved, yet not accepted: the id is approved, but another process holds it.
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
 * What a desired document makes of us. A document for another process of our id fences us; one from the cache cannot.
 */
export function afterDesired(membership: Membership, desired: Desired, instance: string | null): Membership {
  // A cached approval lets us work alone; a cached no is asked for anew, since starting again is how one comes back.
  if (instance === null)
    return desired.admission === 'approved' && !desired.terminate ? { ...membership, standing: 'approved' } : membership
  if (desired.terminate) return { ...membership, standing: 'terminated', reason: desired.reason }
  const fenced = desired.instance !== null && desired.instance !== instance
  return { ...membership, standing: desired.admission, reason: desired.reason, fenced }
}

/** Milliseconds until the next join: growing pauses with jitter while waiting, now and then when approved. */
export function nextJoinMs(membership: Membership, workerId: string): number {
  if (mayWork(membership) && membership.attempts === 0) return 300_000 * (0.8 + 0.4 * fraction(workerId))
  const pause = Math.min(30_000, 1000 * 1.6 ** Math.min(12, Math.max(0, membership.attempts - 1)))
  return pause * (0.75 + 0.5 * fraction(`${workerId}/${membership.attempts}`))
}
