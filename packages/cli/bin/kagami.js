#!/usr/bin/env node
// kagami.js — The launcher: plain JavaScript, so that it starts on an old Node too, finds the pinned one and hands over
// to it.
import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'

// Node 20 has no such cache.
const { enableCompileCache } = nodeModule

const here = dirname(realpathSync(fileURLToPath(import.meta.url)))
const program = join(here, '..', 'src', 'main.ts')

/** The pinned Node of the npm package `node`, looked for from here upwards; else this one, when it is new enough. */
function findNode() {
  if (process.env.KAGAMI_NODE) return process.env.KAGAMI_NODE
  for (let directory = here; ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', 'node', 'bin', 'node')
    if (existsSync(candidate)) return candidate
    if (directory === dirname(directory)) break
  }
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath
  process.stderr.write(
    `error: Kagami needs Node 22.18 or newer; this is ${process.version}, and the pinned one is not ` +
      `installed\nhint: run npm ci in Kagami's folder, or set KAGAMI_NODE\n`,
  )
  process.exit(1)
}

// Hundreds of small files, kept compiled, load in half the time. Only a hint: a place that cannot be written to is no
// harm.
process.env.NODE_COMPILE_CACHE ??= join(
  process.env.KAGAMI_CACHE_DIR || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kagami'),
  'compiled',
)
const node = findNode()
const args = [...(process.execArgv ?? []), '--disable-warning=ExperimentalWarning', program, ...process.argv.slice(2)]
if (realpathSync(node) === realpathSync(process.execPath)) {
  process.argv.splice(1, 1, program)
  enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
  await import(program)
} else {
  // The child watches its parent, so that not even SIGKILL on this process leaves it behind.
  const child = spawn(node, args, { stdio: 'inherit', env: { ...process.env, KAGAMI_LAUNCHED: '1' } })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 128 + 15 : code))
}
