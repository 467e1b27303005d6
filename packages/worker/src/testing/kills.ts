// kills.ts — What tests of whole syncs share: a sandbox for each test, a worker that is killed in the middle, a reader
// who looks all the time. No assertions.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { pause } from '@kagami/runtime'
import { afterEach, beforeEach } from 'vitest'
import { createSandbox, type Sandbox } from './sandbox.ts'
import type { Readings } from './tree-reader.ts'

const fixture = fileURLToPath(new URL('sync-program.ts', import.meta.url))
const reader = fileURLToPath(new URL('tree-reader.ts', import.meta.url))

/**
 * Gives each test of a file or suite a fresh sandbox. What is pushed onto the list it returns is stopped afterwards,
 * last in, first out.
 */
export function sandboxForEach(begin: (sandbox: Sandbox) => unknown): (() => Promise<void>)[] {
  const stops: (() => Promise<void>)[] = []
  let sandbox: Sandbox
  beforeEach(async () => {
    sandbox = createSandbox()
    await begin(sandbox)
  })
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
    sandbox.remove()
  })
  return stops
}

/**
 * Lets a process of its own sync, and kills it so many milliseconds after the sync began. What `spec` leaves out is
 * that of the default replica.
 */
export async function killAfter(ms: number, dataDir: string, spec: object): Promise<void> {
  const task = {
    dataDir,
    spec: {
      interval_secs: null,
      labels: {},
      options: {},
      auth: null,
      origin: 'api',
      name: 'copy',
      replica_id: 'replica-1',
      ...spec,
    },
  }
  const worker = spawn(process.execPath, [fixture, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(worker.stdout, 'data')
  // The moment is the subject of the test, not a way to wait for something.
  await pause(ms)
  worker.kill('SIGKILL')
  if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit')
}

/**
 * Reads a published tree over and over in a process of its own, until the function that is returned is called: it tells
 * what was seen.
 */
export function watchReadings(published: string): () => Promise<Readings> {
  const watching = spawn(process.execPath, [reader, published], { stdio: ['ignore', 'pipe', 'inherit'] })
  const readings = (async () => {
    let text = ''
    for await (const chunk of watching.stdout) text += String(chunk)
    return JSON.parse(text) as Readings
  })()
  return () => {
    watching.kill('SIGTERM')
    return readings
  }
}
