#!/usr/bin/env -S node --max-semi-space-size=4
// kagami.js — The launcher. It is plain JavaScript, so that it starts on an older Node too, and runs the command line
// with the pinned one.
import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import { freshBundle, SOURCE } from './bundle.js'
import { NODE_FLAGS } from './flags.js'

// Undefined in Node 20.
const { enableCompileCache } = nodeModule

const here = dirname(realpathSync(fileURLToPath(import.meta.url)))
const root = join(here, '..', '..', '..')
const program = join(root, freshBundle(root) ?? SOURCE)

/** The Node of the npm package `node` in this directory or one above, else this one if it is new enough. */
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
    `error: Kagami needs Node 22.18 or newer; this is ${process.version}, and the pinned one is not installed\n` +
      `hint: run npm ci in Kagami's folder, or set KAGAMI_NODE\n`,
  )
  process.exit(1)
}

/** The home directory; null for a user without any, as one whose id is in no passwd file. */
function findHome() {
  try {
    return homedir() || null
  } catch {
    return null
  }
}

// Hundreds of small files load in half the time when they are compiled already. Node ignores a directory that cannot be
// written.
const home = findHome()
const caches = process.env.XDG_CACHE_HOME || (home && join(home, '.cache'))
const cache = process.env.KAGAMI_CACHE_DIR || (caches && join(caches, 'kagami'))
if (cache) process.env.NODE_COMPILE_CACHE ??= join(cache, 'compiled')
const node = findNode()
const flags = [...new Set([...NODE_FLAGS, ...process.execArgv])]
const args = [...flags, '--disable-warning=ExperimentalWarning', program, ...process.argv.slice(2)]
if (realpathSync(node) === realpathSync(process.execPath)) {
  process.argv.splice(1, 1, program)
  if (process.env.NODE_COMPILE_CACHE) enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
  await import(program)
} else {
  // The child watches its parent, so that it ends even when this process gets SIGKILL.
  const child = spawn(node, args, { stdio: 'inherit', env: { ...process.env, KAGAMI_LAUNCHED: '1' } })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 128 + 15 : code))
}
