// environment.ts — What a program of the operator finds in its environment: the names of tunasync, those of Kagami, and
// what worker.toml adds. Nothing that comes over the network becomes a variable by its name.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { Auth } from '@kagami/protocol'
import type { CommandSettings } from '../../config/commands.ts'
import { SyncFailure, type SyncContext } from '../../provider.ts'

/** Shorter values are taken for settings, … */
const SECRET_MIN = 6
/** … or, where the name tells of a secret, shorter ones than these: a log without each "yes" could not be read. */
const NAMED_SECRET_MIN = 4
const NO_SECRETS: readonly string[] = ['true', 'false', 'none', 'null']
const SECRET_NAME = /pass|secret|token|key|cred|auth/i

/** The folders of a run beside its tree. */
export interface RunFolders {
  readonly home: string
  readonly temporary: string
  readonly log: string
  readonly logFile: string
}

/** Makes the folders of a run. */
export function makeFolders(scratch: string): RunFolders {
  const [home, temporary, log] = ['home', 'tmp', 'log'].map((name) => join(scratch, name)) as [string, string, string]
  for (const folder of [home, temporary, log]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  const logFile = join(log, 'latest.log')
  writeFileSync(logFile, '', { mode: 0o600 })
  return { home, temporary, log, logFile }
}

/** Where a program works, and with what. */
export interface Workplace {
  readonly context: SyncContext
  readonly command: CommandSettings
  /** Where it writes the mirror, as the program sees it. */
  readonly workingDir: string
  readonly folders: RunFolders
}

/** The variables of a run. Those of worker.toml come last: they may set HOME, TMPDIR and PATH. */
export function environmentOf({ context, command, workingDir, folders }: Workplace): Record<string, string> {
  const { upstream, about, auth, thorough, tree } = context
  return {
    // An image has locales and users of its own.
    ...(command.container === null ? { LC_ALL: 'C.UTF-8', ...userNames() } : {}),
    HOME: folders.home,
    TMPDIR: folders.temporary,
    TUNASYNC_MIRROR_NAME: about.replica,
    TUNASYNC_WORKING_DIR: workingDir,
    TUNASYNC_UPSTREAM_URL: upstream,
    TUNASYNC_LOG_DIR: folders.log,
    TUNASYNC_LOG_FILE: folders.logFile,
    KAGAMI_REPLICA: about.replica,
    KAGAMI_REPLICA_ID: about.replicaId,
    KAGAMI_WORKER_ID: about.workerId,
    KAGAMI_KIND: 'command',
    KAGAMI_COMMAND: command.name,
    KAGAMI_SYNC_ID: about.syncId,
    KAGAMI_TRIGGER: about.trigger,
    KAGAMI_UPSTREAM: upstream,
    KAGAMI_WORKING_DIR: workingDir,
    KAGAMI_PATH: tree.published,
    KAGAMI_THOROUGH: thorough ? '1' : '',
    ...credentialsOf(auth),
    ...command.env,
    ...Object.fromEntries(Object.entries(command.envFiles).map(([name, file]) => [name, readSecret(name, file)])),
  }
}

/** The values that nobody may see in log and report. Never throws. */
export function secretsIn({ env, envFiles }: CommandSettings): string[] {
  const hidden = Object.entries(env).filter(
    ([name, value]) =>
      value.length >= (SECRET_NAME.test(name) ? NAMED_SECRET_MIN : SECRET_MIN) &&
      !NO_SECRETS.includes(value.toLowerCase()),
  )
  const read = Object.values(envFiles).flatMap((file) => {
    try {
      return [textOf(file)]
    } catch {
      return []
    }
  })
  return [...hidden.map(([, value]) => value), ...read]
}

/** Nothing for a user without an entry in passwd. */
function userNames(): Record<string, string> {
  try {
    const { username } = userInfo()
    return { USER: username, LOGNAME: username }
  } catch {
    return {}
  }
}

function credentialsOf(auth: Auth | null): Record<string, string> {
  if (!auth) return {}
  if (auth.type === 'token') return { KAGAMI_TOKEN: auth.token }
  return { KAGAMI_USERNAME: auth.username, KAGAMI_PASSWORD: auth.password }
}

function readSecret(name: string, file: string): string {
  let why = 'it is empty'
  try {
    const text = textOf(file)
    if (text !== '' && !text.includes('\0')) return text
    if (text !== '') why = 'it has a NUL in it'
  } catch (error) {
    why = (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
  throw new SyncFailure('auth_rejected', `${file}, which has ${name}, cannot be used: ${why}; nothing was started`, {
    hint: `Write the value into ${file}, where the user of the worker can read it. It is read at each sync.`,
  })
}

const textOf = (file: string) => readFileSync(file, 'utf8').replace(/\r?\n$/, '')
