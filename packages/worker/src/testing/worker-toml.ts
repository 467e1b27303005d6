// worker-toml.ts — A worker.toml for one test, and the programs that one may name: scripts in a folder.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readCommands, type CommandSettings } from '../config/commands.ts'

/** The path of a worker.toml with this text, with other files beside it; they are gone after the test. */
export function writeToml(text: string | Buffer, beside: Readonly<Record<string, string | Buffer>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'kagami-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(beside)) writeFileSync(join(folder, name), content)
  const file = join(folder, 'worker.toml')
  writeFileSync(file, text)
  return file
}

/** Writes a script of bash, executable. */
export function writeScript(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/bash\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}

/** Commands as worker.toml declares them, each a table of its keys. */
export function commandsOf(...commands: readonly object[]): CommandSettings[] {
  return readCommands({ commands, source: 'worker.toml', folder: '/' })
}

/** The command `script`, whose program is a script with this text at this path. */
export function scriptCommand(path: string, text: string, more: object = {}): CommandSettings[] {
  return commandsOf({ name: 'script', command: [writeScript(path, text)], ...more })
}
