// outcome.ts — What an error means for a sync: outcome, reason, one line. Pure; decides nothing about retries.
import type { FailureReason, Outcome } from '@kagami/protocol'
import type { Objection } from '../core/guard.ts'
import { localFailure } from '../local-failure.ts'
import { escapeBytes } from '../names.ts'
import { SyncFailure, type Plan } from '../provider.ts'
import type { Cause } from './limits.ts'

export interface Ending {
  readonly outcome: Outcome
  readonly reason: FailureReason | null
  readonly message: string | null
  /** What to do next, where it is known better than the reason tells. */
  readonly hint: string | null
  readonly tail: string | null
  readonly exitCode: number | null
  /** A bug of Kagami: its stack goes into the log. */
  readonly fault: boolean
}

/** The ending of a sync that threw nothing. */
export const SUCCESS: Ending = {
  outcome: 'success',
  reason: null,
  message: null,
  hint: null,
  tail: null,
  exitCode: null,
  fault: false,
}

/** Why a run waits for a decision. */
interface Reason {
  readonly reason: Objection['reason'] | 'missing_disk' | 'foreign_files'
  /** One sentence without its full stop. */
  readonly message: string
  /** What to do next, where it can be said better than for the reason in general. */
  readonly hint?: string
}

/** What a held run did not do; the others deleted nothing. */
const LEFT_UNDONE: Partial<Record<Reason['reason'], string>> = {
  missing_disk: 'fetched or deleted',
  foreign_files: 'changed',
}

/**
 * A run that would delete more than it may, or finds none of the files that were there, or files of something else: it
 * waits for a decision.
 */
export class SyncHeld extends SyncFailure {
  readonly plan: Plan
  constructor({ reason, message, hint }: Reason, plan: Plan) {
    const gone = plan.done === 'published' && LEFT_UNDONE[reason] === undefined
    const end = gone ? 'the program has deleted them already' : `nothing was ${LEFT_UNDONE[reason] ?? 'deleted'}`
    super(reason, `${message}; ${end}`, { hint })
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
  /** The folder of the replica, which stands for a file without a path. */
  readonly published: string
}

/** The ending of a sync that threw. */
export function endingOf(error: unknown, { stopped, cause, timeoutSeconds, stallSeconds, published }: Stopped): Ending {
  const failed = (reason: FailureReason, message: string): Ending => ({
    outcome: 'failed',
    reason,
    message,
    hint: null,
    tail: null,
    exitCode: null,
    fault: false,
  })
  if (stopped === 'interrupted')
    return { ...failed('interrupted', 'the worker stopped while the sync ran'), outcome: 'interrupted' }
  if (stopped !== null) return { ...failed('cancelled', 'the sync was stopped'), outcome: 'cancelled' }
  if (cause === 'timed_out') return failed('timed_out', `the sync took longer than its limit of ${timeoutSeconds} s`)
  if (cause === 'stalled') return failed('stalled', `nothing moved for ${stallSeconds} s`)
  if (cause === 'disk_full')
    return failed('disk_full', 'the disk was about to be full; the sync was ended before it was')
  if (error instanceof SyncHeld) return { ...failed(error.reason, error.message), hint: error.hint, outcome: 'held' }
  const failure = error instanceof SyncFailure ? error : localFailure(error, published)
  if (failure) {
    const { reason, message, hint, tail, exitCode } = failure
    const ending = { ...failed(reason, message), hint, tail, exitCode }
    return reason === 'cancelled' ? { ...ending, outcome: 'cancelled' } : ending
  }
  return { ...failed('unknown', `fault: ${error instanceof Error ? error.message : String(error)}`), fault: true }
}

/** Text on one line of at most `max` UTF-16 units, not cut inside a character. */
export function oneLine(text: string, max = 1000): string {
  const line = escapeBytes(text).replace(/\s+/g, ' ').trim()
  return (line.length > max ? `${line.slice(0, max - 1)}…` : line).toWellFormed()
}
