// output.ts — What people and programs read: data on stdout, everything else on stderr, errors with cause and cure.
import { ApiError, Refusal, errors } from '@kagami/protocol'
import { CommanderError } from 'commander'

/** Says what went wrong and returns the exit code. */
export function fail(error: unknown, json = process.argv.includes('--json')): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const { message, hint, exit, code } = describe(error)
  if (json) process.stderr.write(`${JSON.stringify({ error: { code, message, hint } })}\n`)
  else process.stderr.write(`error: ${message}\n${hint ? `hint: ${hint}\n` : ''}`)
  return exit
}

function describe(error: unknown): { message: string; hint: string | null; exit: number; code: string } {
  if (error instanceof ApiError) return { message: error.requestId ? `${error.message}  [${error.code}, req ${error.requestId}]` : error.message, hint: error.hint, exit: error.exit, code: error.code }
  if (error instanceof Refusal) return { message: error.message, hint: error.hint, exit: errors[error.code].exit, code: error.code }
  const { name, message, hint, stack } = error as Error & { hint?: string | null }
  if (name === 'ConfigError') return { message, hint: hint ?? null, exit: 2, code: 'config' }
  return { message: stack ?? message, hint: 'This is a fault in Kagami. Please report it with the text above.', exit: 1, code: 'fault' }
}
