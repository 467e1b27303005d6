// nats-server.ts — The embedded nats-server: found or fetched, started on loopback, never left behind, never sharing a store.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pause } from './clock.ts'
import { fetchProgram, findProgram } from './debian.ts'

const execute = promisify(execFile)
/** Oldest nats-server we work with. */
const OLDEST: readonly [number, number, number] = [2, 9, 10]

export interface NatsBinary {
  readonly path: string
  readonly version: string
}

/** Finds nats-server: `KAGAMI_NATS_SERVER`, PATH, our cache, else fetches it from Debian's archive. */
export async function findNatsServer(onStep: (step: string) => void = () => {}, env: NodeJS.ProcessEnv = process.env): Promise<NatsBinary> {
  const named = env['KAGAMI_NATS_SERVER']
  const found = named || findProgram('nats-server', ['/usr/sbin', '/usr/local/sbin']) || (await fetchNewest(onStep))
  const version = await versionOf(found)
  if (!atLeast(version, OLDEST)) throw new Error(`${found} is nats-server ${version}; ${OLDEST.join('.')} or newer is needed. Set KAGAMI_NATS_SERVER to a newer one.`)
  return { path: found, version }
}

/** A newer version runs on older Debians too and starts faster; the machine's own suite is the fallback. */
async function fetchNewest(onStep: (step: string) => void): Promise<string> {
  const newer = await fetchProgram({ program: 'nats-server', package: 'nats-server', suite: 'trixie' }, onStep).catch(() => null)
  if (newer && (await versionOf(join(newer, 'nats-server')).catch(() => null))) return join(newer, 'nats-server')
  return join(await fetchProgram({ program: 'nats-server', package: 'nats-server' }, onStep), 'nats-server')
}

async function versionOf(path: string): Promise<string> {
  const { stdout, stderr } = await execute(path, ['--version'])
  return /v?(\d+\.\d+\.\d+)/.exec(stdout + stderr)?.[1] ?? '0.0.0'
}

function atLeast(version: string, floor: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (let i = 0; i < 3; i++) if (parts[i] !== floor[i]) return parts[i]! > floor[i]!
  return true
}

export interface NatsServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly version: string
  /** Resolves with the exit code when the server ends by itself or is killed. */
  readonly exited: Promise<number | null>
  stop(): Promise<void>
}

/** Another process already runs a server on this store. */
export class StoreInUse extends Error {
  constructor(store: string) {
    super(`another nats-server already uses ${store}`)
    this.name = 'StoreInUse'
  }
}

/** Starts nats-server with JetStream on loopback. The port is random the first time and kept in `dir` afterwards, since workers remember it. */
export async function startNatsServer(options: { dir: string; binary: NatsBinary; port?: number; logFile?: string }): Promise<NatsServer> {
  mkdirSync(join(options.dir, 'ports'), { recursive: true })
  for (const stale of readdirSync(join(options.dir, 'ports'))) rmSync(join(options.dir, 'ports', stale))
  const port = options.port ?? rememberedPort(options.dir)
  writeFileSync(join(options.dir, 'nats-server.conf'), configuration(options.dir, port, options.logFile ?? join(options.dir, 'nats-server.log')))
  const child = spawnGuarded(options.binary.path, options.dir)
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const started = await Promise.race([ready(options.dir, child), exited.then((code) => ({ code }))])
  if ('code' in started) {
    if (started.code === 75) throw new StoreInUse(options.dir)
    throw new Error(`nats-server did not start (exit ${started.code}): ${lastWords(options.dir, options.logFile)}`)
  }
  writeFileSync(join(options.dir, 'port'), String(started.port))
  return {
    url: `nats://127.0.0.1:${started.port}`, port: started.port, pid: child.pid!, version: options.binary.version, exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await exited
    },
  }
}

function rememberedPort(dir: string): number {
  try {
    return Number(readFileSync(join(dir, 'port'), 'utf8')) || -1
  } catch {
    return -1
  }
}

function configuration(dir: string, port: number, log: string): string {
  return [
    'host: "127.0.0.1"', `port: ${port}`, 'http: "127.0.0.1:-1"', `ports_file_dir: ${JSON.stringify(join(dir, 'ports'))}`,
    `log_file: ${JSON.stringify(log)}`, 'max_payload: 1MB', `jetstream { store_dir: ${JSON.stringify(join(dir, 'jetstream'))} }`, '',
  ].join('\n')
}

/** flock keeps a second server off the store; pdeathsig ends it with us. Both exec, so the child's pid is nats-server's. */
function spawnGuarded(binary: string, dir: string): ChildProcess {
  const config = ['-c', join(dir, 'nats-server.conf')]
  const guard = findProgram('setpriv') ? ['setpriv', '--pdeathsig', 'TERM'] : []
  const lock = findProgram('flock') ? ['flock', '-n', '-E', '75', '--no-fork', join(dir, 'lock')] : []
  const [command, ...args] = [...lock, ...guard, binary, ...config]
  return spawn(command!, args, { stdio: ['ignore', 'ignore', 'ignore'], detached: true })
}

async function ready(dir: string, child: ChildProcess): Promise<{ port: number }> {
  const file = join(dir, 'ports', `nats-server_${child.pid}.ports`)
  while (child.exitCode === null) {
    try {
      const ports = JSON.parse(readFileSync(file, 'utf8')) as { nats: string[]; monitoring: string[] }
      const health = await fetch(`${ports.monitoring[0]}/healthz`).catch(() => null)
      if (health?.ok) return { port: Number(new URL(ports.nats[0]!).port) }
    } catch {
      // Not written yet.
    }
    await pause(25)
  }
  // The exit is told by the other branch of the race.
  return new Promise(() => {})
}

function lastWords(dir: string, logFile?: string): string {
  try {
    return readFileSync(logFile ?? join(dir, 'nats-server.log'), 'utf8').trim().split('\n').slice(-2).join(' | ')
  } catch {
    return 'no log was written'
  }
}
