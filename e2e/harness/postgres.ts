// postgres.ts — A real PostgreSQL server on loopback, with its files in a scratch folder.
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Place } from './place.ts'
import { freePort } from './programs.ts'
import { until } from './wait.ts'

export interface PostgresServer {
  readonly url: string
  /** Stops it like `pg_ctl stop -m immediate`: all connections break at once, and nothing is flushed. */
  stopImmediately(): Promise<void>
  start(): Promise<void>
}

/**
 * Starts a server and returns its URL. PostgreSQL does not run as root, so under root it runs as the user `postgres`,
 * which Debian's package creates.
 */
export async function startPostgres(place: Place): Promise<string> {
  return (await startPostgresServer(place)).url
}

/** Starts a server that can be stopped and started again. */
export async function startPostgresServer(place: Place): Promise<PostgresServer> {
  const bin = inject('tools').postgres
  const dir = place.at('postgres')
  mkdirSync(dir, { mode: 0o700 })
  const as = serverUser(place, dir)
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
    await until('PostgreSQL answers', () => {
      execFileSync(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)])
      return true
    })
  }
  place.onEnd(() => stop('SIGINT'))
  await start()
  execFileSync(join(bin, 'createdb'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'kagami', 'kagami'])
  return { url: `postgres://kagami@127.0.0.1:${port}/kagami`, start, stopImmediately: () => stop('SIGQUIT') }
}

/** Options for spawn, with the user that PostgreSQL runs as. */
function serverUser(place: Place, dir: string) {
  const as = { stdio: 'ignore' as const, cwd: '/' }
  if (process.getuid?.() !== 0) return as
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })),
  ) as [number, number]
  execFileSync('chmod', ['711', place.dir])
  chownSync(dir, uid, gid)
  return { ...as, uid, gid }
}
