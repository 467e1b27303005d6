// dialects.ts — The two databases behind the query builder. Nothing else knows which one it is.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ConfigError, lockDirectory, type Logger } from '@kagami/runtime'
import { PostgresDialect, SqliteDialect, type Dialect, type SqliteDatabase } from 'kysely'
import pg from 'pg'

export interface OpenDialect {
  readonly dialect: Dialect
  readonly kind: 'sqlite' | 'postgres'
  /** Directory of the database file; null when it is a server. */
  readonly directory: string | null
}

/**
 * Opens what a database URL names: `sqlite://file.db?mode=rwc`, `sqlite:///abs/file.db`, `postgres://…`. Throws
 * ConfigError.
 */
export async function openDialect(url: string, logger: Logger): Promise<OpenDialect> {
  if (url.startsWith('sqlite:')) return openSqlite(url)
  if (/^postgres(ql)?:\/\//.test(url))
    return { dialect: new PostgresDialect({ pool: postgresPool(url, logger) }), kind: 'postgres', directory: null }
  throw new ConfigError(
    `database URL ${url.split(':')[0]}:… is not understood`,
    'Use sqlite://supervisor.db?mode=rwc, sqlite:///abs/path.db?mode=rwc or postgres://user:password@host/database.',
  )
}

/** The file a sqlite URL names, and whether it may be made. */
export function sqliteFile(url: string): { path: string; create: boolean } {
  const [location = '', query = ''] = url.replace(/^sqlite:(\/\/)?/, '').split('?')
  const mode = new URLSearchParams(query).get('mode') ?? 'rwc'
  if (!location) throw new ConfigError(`database URL ${url} names no file`)
  return { path: resolve(decodeURIComponent(location)), create: mode === 'rwc' }
}

async function openSqlite(url: string): Promise<OpenDialect> {
  const { path, create } = sqliteFile(url)
  if (!create && !existsSync(path))
    throw new ConfigError(`${path}: there is no such database`, 'Add ?mode=rwc to the URL to have it made.')
  // An empty file opens as a fresh database: somebody's history would seem never to have been.
  if (existsSync(path) && statSync(path).size === 0)
    throw new ConfigError(
      `${path} is empty: it is no database`,
      'Restore it from a backup, or remove the file to start anew.',
    )
  try {
    mkdirSync(dirname(path), { recursive: true })
    const lock = await lockDirectory(dirname(path), `supervisor:${path}`)
    if (!lock)
      throw new ConfigError(
        `another supervisor already uses ${path}`,
        'Stop it first. Several supervisors need PostgreSQL.',
      )
    const database = openPrivately(path)
    const problem = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    // From here on waiting would keep the API waiting too: whoever writes asks again instead.
    database.exec('PRAGMA busy_timeout=50')
    if (problem !== 'ok')
      throw new ConfigError(
        `${path} is damaged: ${String(problem)}`,
        'Mirrors keep syncing without the supervisor. Restore the database from a backup.',
      )
    return {
      dialect: new SqliteDialect({ database: adapt(database, lock.release) }),
      kind: 'sqlite',
      directory: dirname(path),
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(
      `${path} cannot be opened: ${(error as Error).message}`,
      'It must be a SQLite database this user can write to. If it was one: mirrors keep syncing without the ' +
        'supervisor; restore the database from a backup.',
    )
  }
}

/** It holds credentials of upstreams: a file that is made now can be read by its owner alone. */
function openPrivately(path: string): DatabaseSync {
  const before = process.umask(0o077)
  try {
    const database = new DatabaseSync(path)
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000')
    return database
  } finally {
    process.umask(before)
  }
}

/** node:sqlite in the shape the query builder expects. */
function adapt(database: DatabaseSync, onClose: () => void): SqliteDatabase {
  return {
    close() {
      database.close()
      onClose()
    },
    prepare(text) {
      // A deferred transaction that upgrades to writing fails at once when another process writes; an immediate one
      // waits.
      const statement = database.prepare(text === 'begin' ? 'begin immediate' : text)
      const reader = statement.columns().length > 0
      return {
        reader,
        all: (parameters) => statement.all(...(parameters as never[])),
        run: (parameters) => statement.run(...(parameters as never[])),
        iterate: (parameters) => statement.iterate(...(parameters as never[])) as IterableIterator<unknown>,
      }
    },
  }
}

function postgresPool(url: string, logger: Logger): pg.Pool {
  // bigint columns hold milliseconds and counts, all far below 2^53.
  pg.types.setTypeParser(pg.types.builtins.INT8, Number)
  const pool = new pg.Pool({ connectionString: url, max: 8, connectionTimeoutMillis: 5000, idleTimeoutMillis: 30_000 })
  const said = (error: Error) =>
    logger.warn({ reason: error.message }, 'lost a database connection; a new one is opened when needed')
  pool.on('error', said)
  // A checked-out client without a listener of its own would end the process when the server goes away.
  pool.on('connect', (client) => client.on('error', said))
  return pool
}
