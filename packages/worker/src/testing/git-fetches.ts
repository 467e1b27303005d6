// git-fetches.ts — A git that writes down what a copy has whenever something is fetched into it, and stays there once
// the copy keeps what its upstream lost: there the run is stopped.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram } from '@kagami/runtime'
import type { SyncReport } from '@kagami/protocol'
import { expect, vi } from 'vitest'
import { PATIENCE } from './patience.ts'

/** Where that git is made, and the copy that it looks at. */
export interface Watched {
  readonly folder: string
  readonly copy: string
}

/**
 * Stops a sync in the first fetch after something was kept. Returns what `git for-each-ref` said of the copy before
 * each fetch.
 */
export async function killOnceKept(
  { folder, copy }: Watched,
  sync: (signal: AbortSignal) => Promise<SyncReport>,
): Promise<string[]> {
  const [bin, seen, stays] = ['bin', 'seen', 'stays'].map((name) => join(folder, name)) as [string, string, string]
  for (const each of [bin, seen]) mkdirSync(each, { recursive: true })
  const git = findProgram('git') ?? '/usr/bin/git'
  const script = `#!/bin/sh
case " $* " in *" fetch "*)
  seen=${seen}/$(ls ${seen} | wc -l)
  ${git} --git-dir=${copy} for-each-ref > "$seen"
  if grep -q refs/kagami "$seen"; then touch ${stays}; sleep 1000; fi
esac
exec ${git} "$@"
`
  writeFileSync(join(bin, 'git'), script, { mode: 0o755 })
  vi.stubEnv('PATH', `${bin}:${dirname(git)}:${process.env['PATH']}`)
  const stop = new AbortController()
  const running = sync(stop.signal)
  await vi.waitFor(() => expect(existsSync(stays)).toBe(true), PATIENCE)
  stop.abort()
  expect(await running).not.toMatchObject({ outcome: 'success' })
  vi.unstubAllEnvs()
  const numbers = readdirSync(seen).sort((one, other) => Number(one) - Number(other))
  return numbers.map((number) => readFileSync(join(seen, number), 'utf8'))
}
