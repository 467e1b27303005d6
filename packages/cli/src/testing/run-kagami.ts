// testing/run-kagami.ts — Runs one command line in this process, as main.ts does, and catches what it writes.
import { stripVTControlCharacters } from 'node:util'
import { reportError } from '../output.ts'
import { createProgram } from '../program.ts'

export interface Ran {
  /** Exit code. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const OURS = /^(KAGAMI|SUPERVISOR)_|^(HOME|XDG_STATE_HOME|XDG_CONFIG_HOME)$/

/** Runs `kagami` with these words, split at spaces. `env` is all that it knows of our variables. */
export async function runKagami(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const restore = remember()
  const written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    process[name].write = (text: string | Uint8Array) => {
      written[name] += stripVTControlCharacters(String(text))
      return true
    }
  process.argv = ['node', 'kagami', ...line.split(' ').filter((word) => word !== '')]
  for (const name of Object.keys(process.env)) if (OURS.test(name)) delete process.env[name]
  Object.assign(process.env, { HOME: '/nonexistent', ...env })
  process.exitCode = 0
  try {
    await createProgram(process.argv.slice(2)).parseAsync(process.argv)
    return { code: process.exitCode, ...written }
  } catch (error) {
    const code = reportError(error)
    return { code, ...written }
  } finally {
    restore()
  }
}

/** Remembers what a command line changes in a process; returns how to put it back. */
function remember(): () => void {
  const { argv, exitCode, env } = process
  const before = { ...env }
  const [out, err] = [process.stdout.write, process.stderr.write]
  return () => {
    process.stdout.write = out
    process.stderr.write = err
    process.argv = argv
    process.exitCode = exitCode
    for (const name of Object.keys(env)) if (!(name in before)) delete env[name]
    Object.assign(env, before)
  }
}
