// programs.ts — Starts, watches and ends the real programs, each in its own process.
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createClient, type Client } from '@kagami/protocol'
import type { Place } from './place.ts'
import { until } from './wait.ts'

export const ROOT = join(import.meta.dirname, '..', '..')
export const MAIN = join(ROOT, 'packages', 'cli', 'src', 'main.ts')
export const LAUNCHER = join(ROOT, 'packages', 'cli', 'bin', 'kagami.js')

export interface Program {
  readonly child: ChildProcess
  readonly pid: number
  /** Everything it has written to stdout and stderr so far. */
  output(): string
  /** Resolves with the exit code; null when it was killed. */
  readonly exited: Promise<number | null>
  kill(signal?: NodeJS.Signals): Promise<void>
}

interface Through {
  readonly through: readonly string[]
  readonly words: readonly string[]
  readonly env?: Record<string, string>
  readonly cwd?: string
}

/** Starts `kagami` with these arguments. Of our environment it gets only PATH, and the variables in `env`. */
export function startProgram(
  place: Place,
  words: readonly string[],
  env: Record<string, string> = {},
  cwd = place.dir,
): Program {
  return startThrough(place, { through: [], words, env, cwd })
}

/** Starts `kagami` through another program, which sets a limit or takes a right away, and then becomes it. */
export function startThrough(place: Place, { through, words, env = {}, cwd = place.dir }: Through): Program {
  const clean: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: place.dir,
    KAGAMI_LOG: 'json',
    ...env,
  }
  const [command = '', ...args] = [...through, process.execPath, MAIN, ...words]
  const child = spawn(command, args, { cwd, env: clean, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const program: Program = {
    child,
    pid: child.pid!,
    output: () => text,
    exited,
    async kill(signal = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exited
    },
  }
  place.onEnd(() => program.kill())
  return program
}

/** A TCP port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

export interface SupervisorProgram extends Program {
  readonly url: string
  readonly api: Client
}

/** Starts a real supervisor, and waits until it is ready. The same `port` and database: the same supervisor again. */
export async function startSupervisor(
  place: Place,
  options: { nats: string; port?: number; db?: string; env?: Record<string, string> },
): Promise<SupervisorProgram> {
  const port = options.port ?? (await freePort())
  const env = {
    KAGAMI_NATS_URL: options.nats,
    SUPERVISOR_HTTP_ADDR: `127.0.0.1:${port}`,
    SUPERVISOR_AUTH: 'none',
    SUPERVISOR_DATABASE_URL: options.db ?? `sqlite://${place.at('supervisor.db')}?mode=rwc`,
    ...options.env,
  }
  const program = startProgram(place, ['run', 'supervisor'], env)
  const url = `http://127.0.0.1:${port}`
  await until('the supervisor is ready', async () => (await fetch(`${url}/readyz`)).ok, {
    seen: () => program.output(),
  })
  return {
    ...program,
    url,
    api: createClient({ baseUrl: url, token: () => options.env?.['SUPERVISOR_API_TOKEN'] ?? null }),
  }
}

interface WorkerOptions {
  readonly nats: string
  readonly dir?: string
  readonly providers?: readonly object[]
  readonly env?: Record<string, string>
  /** The program that becomes it; see `startThrough`. */
  readonly through?: readonly string[]
}

/** Starts a real worker. The same `dir`: the same worker again. */
export async function startWorker(place: Place, options: WorkerOptions): Promise<Program & { http: string }> {
  const port = await freePort()
  const env = {
    KAGAMI_NATS_URL: options.nats,
    KAGAMI_DATA_DIR: place.at(options.dir ?? 'data'),
    KAGAMI_HTTP_ADDR: `127.0.0.1:${port}`,
    KAGAMI_PROVIDERS: JSON.stringify(options.providers ?? []),
    KAGAMI_GRACE_SECS: '1',
    ...options.env,
  }
  const through = options.through ?? []
  return { ...startThrough(place, { through, words: ['run', 'worker'], env }), http: `http://127.0.0.1:${port}` }
}

/** Runs `kagami` with these arguments and waits until it ends. */
export async function runKagami(
  place: Place,
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const clean: Record<string, string> = { PATH: process.env['PATH'] ?? '', HOME: place.dir, ...env }
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: place.dir,
    env: clean,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('close', (exit) => resolve(exit)))
  return { code, stdout, stderr }
}
