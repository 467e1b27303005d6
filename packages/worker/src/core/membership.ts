// membership.ts — Whether this worker belongs to the fleet, and when it next asks to join. Nothing syncs before
// approval.
import type { Desired, JoinReply } from '@kagami/protocol'
import { fraction } from './schedule.ts'

/** `standing`: what the fleet last answered. `fenced`: another process holds this worker id, so this one waits. */
export interface Membership {
  readonly standing: 'unknown' | 'pending' | 'approved' | 'rejected' | 'terminated'
  readonly fenced: boolean
  readonly reason: string | null
  /**
   * A rejection that is not obeyed yet: somebody may be changing their mind. Until then the worker goes on as before.
   */
  readonly rejection: { readonly at: Date; readonly reason: string | null } | null
  /** Joins since the last approval that did not lead to one. */
  readonly attempts: number
}

export const notJoined: Membership = {
  standing: 'unknown',
  fenced: false,
  reason: null,
  rejection: null,
  attempts: 0,
}

/** A rejection is asked about again after this time, ms, and obeyed when it still stands. */
export const ASK_AGAIN_MS = 2000
/** When nobody answers, it is obeyed after this time, ms. */
const OBEY_MS = 6000

/** Whether syncs may run. */
export function mayWork(membership: Membership): boolean {
  return membership.standing === 'approved' && !membership.fenced
}

/** Whether the worker must end itself. */
export function mustStop(membership: Membership): boolean {
  return membership.standing === 'rejected' || membership.standing === 'terminated'
}

/** Membership after the answer to a join. Null is no answer, which never takes an approval away. */
export function afterJoin(membership: Membership, reply: JoinReply | null, now: Date): Membership {
  if (!reply) return { ...membership, attempts: membership.attempts + 1 }
  if (reply.terminated) return { ...notJoined, standing: 'terminated', reason: reply.reason }
  if (reply.status === 'rejected') return afterRejection(membership, reply.reason, now)
  if (reply.status === 'approved') {
    // Approved but not accepted: the id is approved, and another process holds it.
    return {
      standing: 'approved',
      fenced: !reply.accepted,
      reason: reply.reason,
      rejection: null,
      attempts: reply.accepted ? 0 : membership.attempts + 1,
    }
  }
  return { ...notJoined, standing: 'pending', reason: reply.reason, attempts: membership.attempts + 1 }
}

/** The first word of a rejection is remembered, a later one obeyed. A clock that was set back does not delay it. */
function afterRejection(membership: Membership, reason: string | null, now: Date): Membership {
  const { rejection } = membership
  if (!rejection) return { ...membership, rejection: { at: now, reason } }
  return hasPassed(rejection.at, ASK_AGAIN_MS, now) ? obey(membership, reason) : membership
}

/** Membership after time alone: a rejection that nobody took back while nothing could be asked is obeyed. */
export function afterTime(membership: Membership, now: Date): Membership {
  const { rejection } = membership
  return rejection && hasPassed(rejection.at, OBEY_MS, now) ? obey(membership, rejection.reason) : membership
}

/** When time alone changes the membership; null when it does not. */
export function membershipDue({ standing, rejection }: Membership): Date | null {
  return rejection && standing !== 'rejected' ? new Date(rejection.at.getTime() + OBEY_MS) : null
}

function hasPassed(since: Date, ms: number, now: Date): boolean {
  const passed = now.getTime() - since.getTime()
  return passed >= ms || passed < 0
}

function obey(membership: Membership, reason: string | null): Membership {
  return { ...membership, standing: 'rejected', fenced: false, reason, attempts: 0 }
}

/**
 * Membership after a desired document. A document for another process of this id fences this one; a cached document
 * cannot.
 */
export function afterDesired(
  membership: Membership,
  desired: Desired,
  { instance, now }: { instance: string | null; now: Date },
): Membership {
  // A cached approval lets the worker sync alone. A cached rejection is asked about again, because starting again is
  // how a worker comes back.
  if (instance === null)
    return desired.admission === 'approved' && !desired.terminate ? { ...membership, standing: 'approved' } : membership
  if (desired.terminate) return { ...membership, standing: 'terminated', reason: desired.reason, rejection: null }
  const fenced = desired.instance !== null && desired.instance !== instance
  if (desired.admission === 'rejected') return afterRejection(membership, desired.reason, now)
  return { ...membership, standing: desired.admission, reason: desired.reason, rejection: null, fenced }
}

/**
 * Milliseconds until the next join: growing pauses with jitter while waiting, about every five minutes when approved.
 */
export function nextJoinMs(membership: Membership, workerId: string): number {
  if (mayWork(membership) && membership.attempts === 0) return 300_000 * (0.8 + 0.4 * fraction(workerId))
  const pause = Math.min(30_000, 1000 * 1.6 ** Math.min(12, Math.max(0, membership.attempts - 1)))
  return pause * (0.75 + 0.5 * fraction(`${workerId}/${membership.attempts}`))
}
