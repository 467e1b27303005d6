// worker-toml.ts — A worker.toml for one test.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** The path of a worker.toml with this text, with other files beside it; they are gone after the test. */
export function writeToml(text: string | Buffer, beside: Readonly<Record<string, string | Buffer>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'kagami-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(beside)) writeFileSync(join(folder, name), content)
  const file = join(folder, 'worker.toml')
  writeFileSync(file, text)
  return file
}
