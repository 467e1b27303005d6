// postgres-server.ts — A real PostgreSQL server on loopback, with its files in a scratch folder. For tests and benches.
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { freePort } from '@kagami/demo'
import { pause } from '@kagami/runtime'

const READY_MS = 30_000
const LOOK_MS = 100

/** A running server. */
export interface PostgresServer {
  readonly url: string
  /** Stops it like `pg_ctl stop -m immediate`: all connections break at once, and nothing is flushed. */
  stopImmediately(): Promise<void>
  stop(): Promise<void>
  start(): Promise<void>
}

/** Where initdb and postgres of the newest version on this machine are; null when there is none. */
export function postgresDirectory(): string | null {
  const base = '/usr/lib/postgresql'
  if (!existsSync(base)) return null
  const versions = readdirSync(base).sort((a, b) => Number(b) - Number(a))
  const folders = versions.map((version) => join(base, version, 'bin'))
  return folders.find((bin) => existsSync(join(bin, 'initdb'))) ?? null
}

/**
 * Starts a server with its files in `dir`, which is made. PostgreSQL does not run as root, so under root it runs as the
 * user `postgres`, which Debian's package creates.
 */
export async function openPostgres(bin: string, dir: string): Promise<PostgresServer> {
  mkdirSync(dir, { mode: 0o700 })
  const as = serverUser(dir)
  const data = join(dir, 'data')
  execFileSync(join(bin, 'initdb'), ['--no-sync', '-A', 'trust', '-U', 'kagami', '-E', 'UTF8', '-D', data], as)
  const port = await freePort()
  let stop = async (_signal: NodeJS.Signals) => {}
  const start = async () => {
    const server = spawn(
      'setpriv',
      ['--pdeathsig', 'QUIT', join(bin, 'postgres'), '-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir],
      as,
    )
    const ended = new Promise((resolve) => server.once('exit', resolve))
    stop = async (signal) => void (server.kill(signal), await ended)
    await untilReady(bin, port)
  }
  await start()
  execFileSync(join(bin, 'createdb'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'kagami', 'kagami'])
  return {
    url: `postgres://kagami@127.0.0.1:${port}/kagami`,
    start,
    stop: () => stop('SIGINT'),
    stopImmediately: () => stop('SIGQUIT'),
  }
}

async function untilReady(bin: string, port: number): Promise<void> {
  for (const since = performance.now(); ; await pause(LOOK_MS)) {
    try {
      execFileSync(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)])
      return
    } catch (error) {
      if (performance.now() - since > READY_MS) throw error
    }
  }
}

/** Options for spawn, with the user that PostgreSQL runs as. */
function serverUser(dir: string) {
  const as = { stdio: 'ignore' as const, cwd: '/' }
  if (process.getuid?.() !== 0) return as
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })),
  ) as [number, number]
  execFileSync('chmod', ['711', dirname(dir)])
  chownSync(dir, uid, gid)
  return { ...as, uid, gid }
}
