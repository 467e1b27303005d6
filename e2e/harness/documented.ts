// documented.ts — Runs command lines of docs/operations.md: a test that runs one fails when it is not there any more.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAIN, ROOT } from './programs.ts'
import type { Place } from './place.ts'

/** docs/operations.md. */
export const operationsPage = readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8')

/** Throws when these words do not stand in docs/operations.md as they are. */
export function expectDocumented(words: string): void {
  if (!operationsPage.includes(words)) throw new Error(`docs/operations.md does not say: ${words}`)
}

export interface DocumentedRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a command line that stands in docs/operations.md, between backquotes or on a line of its own, with what a test
 * has (`to`) in the place of what the document names (the keys of `to`).
 */
export async function runDocumented(
  place: Place,
  line: string,
  { to = {}, env = {} }: { to?: Readonly<Record<string, string>>; env?: Record<string, string> } = {},
): Promise<DocumentedRun> {
  if (!operationsPage.includes(`\`${line}\``) && !operationsPage.includes(`\n${line}\n`))
    throw new Error(`docs/operations.md has no such command line: ${line}`)
  let command = line
  for (const [word, mine] of Object.entries(to)) {
    if (!command.includes(word)) throw new Error(`${line} does not have ${word}`)
    command = command.replaceAll(word, mine)
  }
  return runLine(place, command, env)
}

/** Runs a command line in a shell in which `kagami` and `npx kagami` are this one. */
export async function runLine(place: Place, command: string, env: Record<string, string>): Promise<DocumentedRun> {
  const bin = place.at('bin')
  mkdirSync(bin, { recursive: true })
  const kagami = `exec '${process.execPath}' '${MAIN}'`
  for (const [name, script] of [
    ['kagami', `${kagami} "$@"`],
    ['npx', `shift\n${kagami} "$@"`],
  ] as const) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  // Not waited for in one step: upstreams of tests answer from this process.
  const child = spawn('sh', ['-c', command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: place.dir,
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: place.dir, ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** Runs it and throws when it fails; returns what it printed. */
export async function followDocumented(...call: Parameters<typeof runDocumented>): Promise<string> {
  const { code, stdout, stderr } = await runDocumented(...call)
  if (code !== 0) throw new Error(`${call[1]} ended with ${code}: ${stderr}${stdout}`)
  return stdout
}
