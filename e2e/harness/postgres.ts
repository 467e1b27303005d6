// postgres.ts — A real PostgreSQL on loopback, made in a scratch folder and gone afterwards.
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Place } from './place.ts'
import { freePort } from './programs.ts'
import { until } from './wait.ts'

/** Starts one and returns its URL. It refuses root, so then it runs as the user `postgres` that Debian's package made. */
export async function aPostgres(place: Place): Promise<string> {
  const bin = inject('tools').postgres
  const dir = place.at('postgres')
  mkdirSync(dir, { mode: 0o700 })
  const root = process.getuid?.() === 0
  const [uid, gid] = root ? ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))) : []
  if (uid !== undefined && gid !== undefined) {
    execFileSync('chmod', ['711', place.dir])
    chownSync(dir, uid, gid)
  }
  const as = { stdio: 'ignore' as const, cwd: '/', ...(uid === undefined ? {} : { uid, gid: gid! }) }
  const data = join(dir, 'data')
  execFileSync(join(bin, 'initdb'), ['--no-sync', '-A', 'trust', '-U', 'kagami', '-E', 'UTF8', '-D', data], as)
  const port = await freePort()
  const server = spawn('setpriv', ['--pdeathsig', 'QUIT', join(bin, 'postgres'), '-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir], as)
  const ended = new Promise((resolve) => server.once('exit', resolve))
  place.also(() => {
    server.kill('SIGINT')
    return ended
  })
  await until('PostgreSQL answers', () => {
    execFileSync(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)])
    return true
  })
  execFileSync(join(bin, 'createdb'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'kagami', 'kagami'])
  return `postgres://kagami@127.0.0.1:${port}/kagami`
}
