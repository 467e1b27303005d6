// start-errors.ts — What an error of a database means at the start, by who acts next: it is awaited, its operator is
// told what to change, or it is a fault.
import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, pause, type Logger } from '@kagami/runtime'

const RETRY_MS = 1000
/** How often the log repeats what the supervisor waits for, ms. */
const REPEAT_MS = 60_000

/** Errors of a server that cannot be reached now, and may be later. */
const UNREACHED = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|EPIPE|ENOENT|57P0|53300|08)/
const NO_ANSWER = /timeout|Connection terminated/i

/** Errors of PostgreSQL that last until somebody changes something: what is wrong, and the cure. */
const LASTING: readonly (readonly [code: RegExp, problem: string, cure: string])[] = [
  [
    /^28/,
    'PostgreSQL refuses the user or the password of the database URL',
    'Correct SUPERVISOR_DATABASE_URL, or pg_hba.conf of the server.',
  ],
  [
    /^3D000/,
    'there is no such database in PostgreSQL',
    'Create it (createdb NAME), or correct the name in SUPERVISOR_DATABASE_URL.',
  ],
  [
    /^42501/,
    'the database user may not create or change tables',
    'Make it the owner of the database: ALTER DATABASE name OWNER TO user.',
  ],
  [
    /^25006/,
    'the database is read-only',
    'Name the primary in SUPERVISOR_DATABASE_URL, not a standby; or end default_transaction_read_only.',
  ],
  [
    /^ERR_INVALID_URL/,
    'the database URL is not a URL',
    'Use postgres://user:password@host/database; write special characters of a password as %XX.',
  ],
  [/^53100/, 'the disk of PostgreSQL is full', 'Make room on the server. Mirrors keep syncing without the supervisor.'],
]
/** Errors of the client of PostgreSQL, which have no code. */
const PASSWORD = /password must be a string|no password|SASL/i
const ENCRYPTION = /does not support SSL|certificate|self.signed/i

const SQLITE_PROBLEMS: Readonly<Record<number, string>> = {
  8: 'cannot be written: this user may only read it, or the disk is read-only',
  10: 'cannot be read or written: the disk reports an error',
  11: 'is damaged',
  13: 'cannot be written: the disk is full',
  14: 'cannot be opened',
  26: 'is not a SQLite database',
}
const SQLITE_CURE = 'Correct that, or restore the database from a backup. Mirrors keep syncing without the supervisor.'

/** The error as one that its operator can act on; null when it is a fault, or already says what to do. */
export function databaseProblem(error: unknown, database: string): ConfigError | null {
  const { code, message, errcode } = error as { code?: string; message?: string; errcode?: number }
  if (errcode !== undefined) {
    const problem = SQLITE_PROBLEMS[errcode & 0xff]
    return problem ? new ConfigError(`${database} ${problem} (${message})`, SQLITE_CURE) : null
  }
  const lasting = LASTING.find(([pattern]) => pattern.test(code ?? ''))
  if (lasting) return new ConfigError(`${lasting[1]} (${message})`, lasting[2])
  if (code === undefined && PASSWORD.test(message ?? ''))
    return new ConfigError(
      `PostgreSQL wants a password, and the database URL has none that it takes (${message})`,
      'Give SUPERVISOR_DATABASE_URL one: postgres://user:password@host/database.',
    )
  if (ENCRYPTION.test(message ?? ''))
    return new ConfigError(
      `the encrypted connection to PostgreSQL fails (${message})`,
      'Correct sslmode and sslrootcert in SUPERVISOR_DATABASE_URL.',
    )
  return null
}

/** Runs a task again until the database can be reached. Logs at once what it waits for, and again every minute. */
export async function waitForDatabase<T>(task: () => Promise<T>, logger: Logger): Promise<T> {
  let logged = null as { reason: string; ms: number } | null
  for (;;) {
    try {
      const result = await task()
      if (logged) logger.info('the database answers now')
      return result
    } catch (error) {
      const { code = '', message } = error as Error & { code?: string }
      const reason = message || code
      if (!UNREACHED.test(code) && !(code === '' && NO_ANSWER.test(message))) throw error
      if (logged?.reason !== reason || performance.now() - logged.ms > REPEAT_MS) {
        logged = { reason, ms: performance.now() }
        logger.warn({ reason }, 'the database does not answer: waiting until it does. Mirrors keep syncing')
      }
    }
    await pause(RETRY_MS)
  }
}

/** Why a SQLite file cannot be opened, as far as its folder and permissions show; null when they do not. */
export function whyNotOpened(path: string): string | null {
  const folder = dirname(path)
  if (kindOf(folder) === 'file') return `${folder} is a file, not a folder`
  if (kindOf(path) === 'folder') return 'it is a folder, not a file'
  if (kindOf(folder) === 'folder' && !mayWrite(folder)) return `this user may not write in the folder ${folder}`
  return kindOf(path) === 'file' && !mayWrite(path) ? 'this user may not write to it' : null
}

function kindOf(path: string): 'file' | 'folder' | null {
  const found = statSync(path, { throwIfNoEntry: false })
  return found ? (found.isDirectory() ? 'folder' : 'file') : null
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}
