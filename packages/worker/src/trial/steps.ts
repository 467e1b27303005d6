// steps.ts — The steps of one trial: each is timed, and described with its secrets masked. Knows no kind.
import { failures, printable, type FailureReason, type TrialStep } from '@kagami/protocol'
import { networkFailure } from '../http/errors.ts'
import { localFailure } from '../local-failure.ts'
import { SyncFailure } from '../provider.ts'
import type { Mask } from '../sync/credentials.ts'
import { oneLine } from '../sync/outcome.ts'

/** How long after its end what does not heed the signal of a trial is waited for, ms. */
const HEED_MS = 2000

/** Why a trial failed, for people. */
export interface TrialFailure {
  readonly reason: FailureReason
  readonly message: string
  readonly hint: string
  /** A bug of Kagami, to be logged. */
  readonly fault: boolean
}

export interface StepsParts {
  /** Aborted when the trial is over. */
  readonly signal: AbortSignal
  /** Aborted when its time is over, which is this long, ms. */
  readonly limit: AbortSignal
  readonly limitMs: number
  readonly dataDir: string
  /** Masks what is known to be secret by now. */
  readonly mask: Mask
}

export interface Steps {
  /** Those that were taken, in order. */
  readonly taken: readonly TrialStep[]
  /** Takes a step. `describe` says what was found; null: nothing worth a line. What is thrown is shown, and thrown. */
  take<T>(what: string, look: () => Promise<T>, describe: (found: T) => string | null): Promise<T>
  /** Something worth telling about the step that is taken. */
  note(line: string): void
  /** What a thrown error means. */
  failureOf(error: unknown): TrialFailure
}

/** No step was taken yet. */
export function createSteps(parts: StepsParts): Steps {
  const { mask, signal } = parts
  const taken: TrialStep[] = []
  let notes: string[] = []
  const overdue = rejectLate(signal)
  const failureOf = (error: unknown) => failureWith(parts, error)
  const line = (texts: readonly string[]) => oneLine(printable(mask(texts.join('; '))))
  return {
    taken,
    failureOf,
    note: (text) => void notes.push(text),
    async take(what, look, describe) {
      const started = performance.now()
      notes = []
      const add = (ok: boolean, detail: string) =>
        taken.push({ what, ok, detail: line([detail, ...notes]), ms: Math.round(performance.now() - started) })
      try {
        signal.throwIfAborted()
        const found = await Promise.race([look(), overdue])
        const detail = describe(found)
        if (detail !== null) add(true, detail)
        return found
      } catch (error) {
        add(false, failureOf(error).message)
        throw error
      }
    },
  }
}

function rejectLate(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  const late = () => setTimeout(() => reject(signal.reason), HEED_MS).unref()
  signal.addEventListener('abort', late, { once: true })
  return promise
}

function failureWith({ signal, limit, limitMs, dataDir, mask }: StepsParts, thrown: unknown): TrialFailure {
  const failed = (reason: FailureReason, message: string, hint: string | null = null): TrialFailure => ({
    reason,
    message,
    hint: printable(mask(hint ?? failures[reason].hint)),
    fault: false,
  })
  if (limit.aborted) return failed('timed_out', `there was no answer within ${limitMs / 1000} s`)
  if (signal.aborted) return failed('interrupted', 'the worker stops')
  const error = networkFailure(thrown)
  const failure = error instanceof SyncFailure ? error : localFailure(error, dataDir)
  if (failure) return failed(failure.reason, failure.message, failure.hint)
  return { ...failed('unknown', `fault: ${error instanceof Error ? error.message : String(error)}`), fault: true }
}
