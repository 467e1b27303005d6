// outcome.ts — What an error means for a sync: outcome, reason, one line. Pure; decides nothing about retries.
import type { FailureReason, Outcome } from '@kagami/protocol'
import type { Objection } from '../core/guard.ts'
import { escapeBytes } from '../names.ts'
import { SyncFailure, type Plan } from '../provider.ts'
import type { Cause } from './limits.ts'

export interface Ending {
  readonly outcome: Outcome
  readonly reason: FailureReason | null
  readonly message: string | null
  readonly tail: string | null
  readonly exitCode: number | null
  /** What to do, where it is not what helps with the reason in general. */
  readonly hint: string | null
  /** A bug of Kagami: its stack goes into the log. */
  readonly fault: boolean
}

/** The ending of a sync that threw nothing. */
export const SUCCESS: Ending = {
  outcome: 'success',
  reason: null,
  message: null,
  tail: null,
  exitCode: null,
  hint: null,
  fault: false,
}

/** Why a run waits for a decision. */
interface Reason {
  readonly reason: Objection['reason'] | 'missing_disk'
  /** One sentence without its full stop. */
  readonly message: string
}

/** A run that would delete more than it may, or finds none of the files that were there: it waits for a decision. */
export class SyncHeld extends SyncFailure {
  readonly plan: Plan
  constructor({ reason, message }: Reason, plan: Plan) {
    super(reason, `${message}; nothing was ${reason === 'missing_disk' ? 'fetched or ' : ''}deleted`)
    this.name = 'SyncHeld'
    this.plan = plan
  }
}

export interface Stopped {
  /** The reason for which the sync was stopped; null when it was not. */
  readonly stopped: unknown
  /** The limit it ran into; null when it ran into none. */
  readonly cause: Cause | null
  readonly timeoutSeconds: number
  readonly stallSeconds: number
}

/** The ending of a sync that threw. */
export function endingOf(error: unknown, { stopped, cause, timeoutSeconds, stallSeconds }: Stopped): Ending {
  const failed = (reason: FailureReason, message: string): Ending => ({
    outcome: 'failed',
    reason,
    message,
    tail: null,
    exitCode: null,
    hint: null,
    fault: false,
  })
  if (stopped === 'interrupted')
    return { ...failed('interrupted', 'the worker stopped while the sync ran'), outcome: 'interrupted' }
  if (stopped !== null) return { ...failed('cancelled', 'the sync was stopped'), outcome: 'cancelled' }
  if (cause === 'timed_out') return failed('timed_out', `the sync took longer than its limit of ${timeoutSeconds} s`)
  if (cause === 'stalled') return failed('stalled', `nothing moved for ${stallSeconds} s`)
  if (cause === 'disk_full')
    return failed('disk_full', 'the disk was about to be full; the sync was ended before it was')
  if (error instanceof SyncHeld) return { ...failed(error.reason, error.message), outcome: 'held' }
  if (error instanceof SyncFailure) {
    const { tail, exitCode, hint } = error
    const ending = { ...failed(error.reason, error.message), tail, exitCode, hint }
    return error.reason === 'cancelled' ? { ...ending, outcome: 'cancelled' } : ending
  }
  if (metFullDisk(error)) return failed('disk_full', 'no space is left on the disk')
  return { ...failed('unknown', `fault: ${error instanceof Error ? error.message : String(error)}`), fault: true }
}

/** Whether the system refused a write because no space is left, on the disk or in the quota. */
export function metFullDisk(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return (error as NodeJS.ErrnoException).code ?? codeOf(error.cause)
}

/** Text on one line of at most `max` UTF-16 units, not cut inside a character. */
export function oneLine(text: string, max = 1000): string {
  const line = escapeBytes(text).replace(/\s+/g, ' ').trim()
  return (line.length > max ? `${line.slice(0, max - 1)}…` : line).toWellFormed()
}
