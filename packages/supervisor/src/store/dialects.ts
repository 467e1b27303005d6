// dialects.ts — Opens SQLite or PostgreSQL for the query builder. Only this file knows how they are opened.
import { existsSync, realpathSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ConfigError, lockFile, type Logger } from '@kagami/runtime'
import { PostgresDialect, SqliteDialect, type Dialect, type SqliteDatabase, type SqliteStatement } from 'kysely'
import type { Pool } from 'pg'
import { whyNotOpened } from './start-errors.ts'

/** Statements of SQLite that stay prepared, and the longest text of one, characters. */
const KEPT_STATEMENTS_MAX = 64
const KEPT_TEXT_MAX = 1000

/**
 * Runs a statement `times` times with the parameters of each, in the transaction that is open; returns how many rows
 * each has changed.
 */
export type RunForEach = (text: string, times: number, parametersOf: (index: number) => unknown[]) => number[]

/** Prepares a statement that returns its rows as lists of their columns: far cheaper than as objects. */
export type PrepareRead = <Row extends readonly unknown[]>(text: string) => (...parameters: number[]) => Row[]

/** An open database. */
export interface OpenDialect {
  readonly dialect: Dialect
  readonly kind: 'sqlite' | 'postgres'
  /** Directory of the database file; null when it is a server. */
  readonly directory: string | null
  /** Far cheaper than as many queries; null when it is a server. */
  readonly runForEach: RunForEach | null
  /** Null when it is a server. */
  readonly prepareRead: PrepareRead | null
}

/**
 * Opens what a database URL names: `sqlite://file.db?mode=rwc`, `sqlite:///abs/file.db`, `postgres://…`. Throws
 * ConfigError.
 */
export async function openDialect(url: string, logger: Logger): Promise<OpenDialect> {
  if (url.startsWith('sqlite:')) return openSqlite(url)
  if (/^postgres(ql)?:\/\//.test(url))
    return {
      dialect: new PostgresDialect({ pool: await postgresPool(url, logger) }),
      kind: 'postgres',
      directory: null,
      runForEach: null,
      prepareRead: null,
    }
  throw new ConfigError(
    `database URL ${url.split(':')[0]}:… is not understood`,
    'Use sqlite://supervisor.db?mode=rwc, sqlite:///abs/path.db?mode=rwc or postgres://user:password@host/database.',
  )
}

/** The file that a sqlite URL names, and whether it may be created. */
export function sqliteFile(url: string): { path: string; create: boolean } {
  const [location = '', query = ''] = url.replace(/^sqlite:(\/\/)?/, '').split('?')
  const mode = new URLSearchParams(query).get('mode') ?? 'rwc'
  if (!location) throw new ConfigError(`database URL ${url} names no file`)
  return { path: resolve(decodeURIComponent(location)), create: mode === 'rwc' }
}

async function openSqlite(url: string): Promise<OpenDialect> {
  const { path, create } = sqliteFile(url)
  if (!create && !existsSync(path))
    throw new ConfigError(`${path}: there is no such database`, 'Add ?mode=rwc to the URL to create it.')
  // SQLite would open an empty file as a new database, and the history would silently be lost.
  if (existsSync(path) && statSync(path).isFile() && statSync(path).size === 0)
    throw new ConfigError(
      `${path} is empty: it is not a database`,
      'Restore it from a backup, or remove the file to start with a new database.',
    )
  try {
    mkdirSync(dirname(path), { recursive: true })
    const lock = await lockFile(`${existsSync(path) ? realpathSync(path) : path}.lock`)
    if (!lock)
      throw new ConfigError(
        `another supervisor already uses ${path}`,
        'Stop it first. Several supervisors need PostgreSQL.',
      )
    const database = openPrivately(path)
    const problem = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    // From here on waiting inside SQLite would block the API, so writers try again instead.
    database.exec('PRAGMA busy_timeout=50')
    if (problem !== 'ok')
      throw new ConfigError(
        `${path} is damaged: ${String(problem)}`,
        'Restore the database from a backup. Mirrors keep syncing without the supervisor.',
      )
    const adapted = adapt(database, lock.release)
    return {
      dialect: new SqliteDialect({ database: adapted }),
      kind: 'sqlite',
      directory: dirname(path),
      runForEach(text, times, parametersOf) {
        const statement = adapted.prepare(text)
        return Array.from({ length: times }, (_, index) => Number(statement.run(parametersOf(index)).changes))
      },
      prepareRead<Row extends readonly unknown[]>(text: string) {
        const statement = database.prepare(text)
        statement.setReturnArrays(true)
        return (...parameters: number[]) => statement.all(...parameters) as unknown as Row[]
      },
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const reason = whyNotOpened(path)
    if (reason !== null)
      throw new ConfigError(
        `${path} cannot be opened: ${reason}`,
        'Correct that, or name another file in SUPERVISOR_DATABASE_URL.',
      )
    throw new ConfigError(
      `${path} cannot be opened: ${(error as Error).message}`,
      'It must be a SQLite database that this user can write to. If it was one, restore it from a backup. Mirrors ' +
        'keep syncing without the supervisor.',
    )
  }
}

/** Opens the file; one that is created here can be read only by its owner. */
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

/**
 * node:sqlite with the interface that the query builder expects. Short statements stay prepared: those come again, and
 * long ones have as many rows as there happened to be.
 */
function adapt(database: DatabaseSync, onClose: () => void): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>()
  return {
    close() {
      prepared.clear()
      database.close()
      onClose()
    },
    prepare(text) {
      const known = prepared.get(text)
      if (known) return known
      const statement = prepareStatement(database, text)
      if (text.length > KEPT_TEXT_MAX) return statement
      if (prepared.size === KEPT_STATEMENTS_MAX) prepared.delete(prepared.keys().next().value!)
      prepared.set(text, statement)
      return statement
    },
  }
}

function prepareStatement(database: DatabaseSync, text: string): SqliteStatement {
  // A deferred transaction fails at its first write when another process writes; an immediate one waits.
  const statement = database.prepare(text === 'begin' ? 'begin immediate' : text)
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as never[])),
    run: (parameters) => statement.run(...(parameters as never[])),
    iterate: (parameters) => statement.iterate(...(parameters as never[])) as IterableIterator<unknown>,
  }
}

/** The client is loaded only where it is needed. */
async function postgresPool(url: string, logger: Logger): Promise<Pool> {
  const { default: pg } = await import('pg')
  // bigint columns hold milliseconds and counts, all far below 2^53.
  pg.types.setTypeParser(pg.types.builtins.INT8, Number)
  const pool = new pg.Pool({ connectionString: url, max: 8, connectionTimeoutMillis: 5000, idleTimeoutMillis: 30_000 })
  const logLoss = (error: Error) =>
    logger.warn({ reason: error.message }, 'lost a database connection; a new one is opened when needed')
  pool.on('error', logLoss)
  // Without this listener, a client in use would end the process when the server goes away.
  pool.on('connect', (client) => client.on('error', logLoss))
  return pool
}
