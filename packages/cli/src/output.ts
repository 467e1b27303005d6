// output.ts — What people and programs read: data on stdout, everything else on stderr, errors with cause and cure.
import { ApiError, Refusal, errors, printable, printableJson } from '@kagami/protocol'
import { CommanderError } from 'commander'
import pc from 'picocolors'
import { renderTable, terminalRoom, type Column } from './table.ts'

/** What is written while data is collected; null: it goes to stdout. */
let collected: string[] | null = null

/** Data: what a command was run for. */
export function writeData(text: string): void {
  if (collected) collected.push(text)
  else process.stdout.write(text)
}

/** The data that a command writes, as one text. */
export async function collectData(run: () => Promise<void>): Promise<string> {
  const own: string[] = (collected = [])
  try {
    await run()
    return own.join('')
  } finally {
    collected = null
  }
}

/** Data for programs: one JSON value. */
export function printJson(value: unknown): void {
  writeData(`${printableJson(JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0))}\n`)
}

/** Data for people: a table without lines. On a terminal it is no wider than the terminal, where columns allow it. */
export function printTable(columns: readonly (string | Column)[], rows: readonly (readonly string[])[]): void {
  const width = terminalRoom()
  writeData(renderTable(columns, rows, { width, heading: pc.bold }))
}

/** A note for people. It goes to stderr, so that stdout holds data alone. */
export function remark(text: string): void {
  if (!collected) process.stderr.write(`${text}\n`)
  // A picture that is drawn again and again has its notes in it; programs need none.
  else if (process.stdout.isTTY) collected.push(`${text}\n`)
}

/** Sets the exit code. The command goes on and ends by itself, so that everything is written. */
export function setExitCode(code: number): void {
  process.exitCode = code
}

/** Reports an error on stderr and returns the exit code. */
export function reportError(error: unknown, json = process.argv.includes('--json')): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const { message, hint, exit, code } = describe(error)
  if (json) process.stderr.write(`${printableJson(JSON.stringify({ error: { code, message, hint } }))}\n`)
  else process.stderr.write(printable(`error: ${message}\n${hint ? `hint: ${hint}\n` : ''}`))
  return exit
}

/** An error in one line. */
export const describeError = (error: unknown): string => `error: ${printable(describe(error).message)}`

/** What happened and what to do, in one line. */
export function explainError(error: unknown): string {
  const { message, hint } = describe(error)
  return printable((hint ? `${message}; ${hint}` : message).replace(/\s*\n\s*/g, ' '))
}

function describe(error: unknown): { message: string; hint: string | null; exit: number; code: string } {
  if (error instanceof ApiError)
    return {
      message: error.requestId ? `${error.message}  [${error.code}, req ${error.requestId}]` : error.message,
      hint: error.hint,
      exit: error.exit,
      code: error.code,
    }
  if (error instanceof Refusal)
    return { message: error.message, hint: error.hint, exit: errors[error.code].exit, code: error.code }
  const { name, message, hint, stack } = error as Error & { hint?: string | null }
  if (name === 'ConfigError') return { message, hint: hint ?? null, exit: 2, code: 'config' }
  return {
    message: stack ?? message,
    hint: 'This is a fault in Kagami. Please report it with the text above.',
    exit: 1,
    code: 'fault',
  }
}
