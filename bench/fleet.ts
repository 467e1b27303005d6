// fleet.ts — Shared by the benchmarks of the control plane: a NATS server, the real programs, and generated replicas.
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { NODE_FLAGS } from '../packages/cli/bin/flags.js'
import { freePort } from '@kagami/demo'
import { findNatsServer, findProgram, startNatsServer } from '@kagami/runtime'
import { until, type Bench } from './measure.ts'

/** Through the launcher, as operators start it: it knows where compiled code is kept. */
const LAUNCHER = join(import.meta.dirname, '..', 'packages', 'cli', 'bin', 'kagami.js')

/** A real nats-server on loopback; returns its address. */
export async function startNats(dir: string, onEnd: Bench['onEnd']): Promise<string> {
  const server = await startNatsServer({ dir: join(dir, 'nats'), binary: await findNatsServer() })
  onEnd(() => server.stop())
  return server.url
}

/** A process of our own that is ended with the bench. Its output is shown only when it dies early. */
export function startProcess(
  args: readonly string[],
  env: Record<string, string>,
  onEnd: Bench['onEnd'],
): ChildProcess {
  // Whatever ends the bench ends it too.
  const tie = findProgram('setpriv') ? ['setpriv', '--pdeathsig', 'KILL'] : []
  const [command, ...words] = [...tie, process.execPath, ...args]
  const child = spawn(command!, words, {
    env: { PATH: process.env['PATH'] ?? '', HOME: homedir(), KAGAMI_LOG: 'json', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-2000)))
  child.once('exit', (code) => code && console.error(`  a process ended with ${code}: ${output}`))
  onEnd(() => endOf(child))
  return child
}

/** Ends a process and waits until it is gone. */
export async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

/** Starts a real supervisor, and waits until it is ready. */
export async function startSupervisor(
  dir: string,
  nats: string,
  onEnd: Bench['onEnd'],
  timeoutMs?: number,
): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort()
  const env = {
    KAGAMI_NATS_URL: nats,
    SUPERVISOR_HTTP_ADDR: `127.0.0.1:${port}`,
    SUPERVISOR_AUTH: 'none',
    SUPERVISOR_DATABASE_URL: `sqlite://${join(dir, 'supervisor.db')}?mode=rwc`,
  }
  const child = startProcess([...NODE_FLAGS, LAUNCHER, 'run', 'supervisor'], env, onEnd)
  await until('the supervisor is ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, timeoutMs)
  return { url: `http://127.0.0.1:${port}`, child }
}

/** Starts a real worker. */
export function startWorker(
  options: { dataDir: string; nats: string; id: string; providers?: readonly object[]; env?: Record<string, string> },
  onEnd: Bench['onEnd'],
): ChildProcess {
  const env = {
    KAGAMI_NATS_URL: options.nats,
    KAGAMI_DATA_DIR: options.dataDir,
    KAGAMI_HTTP_ADDR: '127.0.0.1:0',
    KAGAMI_WORKER_ID: options.id,
    KAGAMI_PROVIDERS: JSON.stringify(options.providers ?? []),
    ...options.env,
  }
  return startProcess([...NODE_FLAGS, LAUNCHER, 'run', 'worker'], env, onEnd)
}

/** Memory of a process in MiB: its resident memory, and the part that it shares with no other process. */
export function memoryOf(pid: number): { rss: number; own: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kib = (field: string) => Number(new RegExp(`^${field}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN)
  return { rss: kib('Rss') / 1024, own: (kib('Private_Clean') + kib('Private_Dirty')) / 1024 }
}
