// outcome.ts — What an error means for a sync: outcome, reason, one line. Pure; decides nothing about retries.
import type { FailureReason, Outcome } from '@kagami/protocol'
import { SyncFailure } from '../providers/provider.ts'

export interface Ending {
  readonly outcome: Outcome
  readonly reason: FailureReason | null
  readonly message: string | null
  readonly tail: string | null
  readonly exitCode: number | null
  /** A bug of ours: worth a stack in the log. */
  readonly fault: boolean
}

/** How a sync that threw has ended. `stopped` is the reason its signal was aborted with; `timedOut` says its time was up. */
export function endingOf(error: unknown, { stopped, timedOut, timeoutSeconds }: { stopped: unknown; timedOut: boolean; timeoutSeconds: number }): Ending {
  const failed = (reason: FailureReason, message: string): Ending => ({ outcome: 'failed', reason, message, tail: null, exitCode: null, fault: false })
  if (stopped === 'interrupted') return { ...failed('interrupted', 'the worker stopped while the sync ran'), outcome: 'interrupted' }
  if (stopped !== null) return { ...failed('cancelled', 'the sync was stopped'), outcome: 'cancelled' }
  if (timedOut) return failed('timed_out', `the sync took longer than its limit of ${timeoutSeconds} s`)
  if (error instanceof SyncFailure) return { ...failed(error.reason, error.message), tail: error.tail, exitCode: error.exitCode }
  const code = codeOf(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return failed('disk_full', 'no space is left on the disk')
  return { ...failed('unknown', `fault: ${error instanceof Error ? error.message : String(error)}`), fault: true }
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return (error as NodeJS.ErrnoException).code ?? codeOf(error.cause)
}

/** Text on one line of at most `max` UTF-16 units, not cut inside a character. */
export function oneLine(text: string, max = 1000): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return (line.length > max ? `${line.slice(0, max - 1)}…` : line).toWellFormed()
}
