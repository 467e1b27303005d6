// secrets.ts — The credentials of replicas of worker.toml, as written in it or in the files it names. Files are read at
// each use, because others write them anew.
import type { Auth } from '@kagami/protocol'
import { ConfigError, readIfThere } from '@kagami/runtime'
import type { Static } from 'typebox'
import type { WorkerConfig } from './config.ts'
import type { AuthTable } from './keys.ts'

type Table = Static<typeof AuthTable>

/** The credentials that a table gives now. Throws ConfigError, which begins with `where` and names key and file. */
export function readAuth({ type, username, password, password_file, token, token_file }: Table, where: string): Auth {
  const secret = (key: string, text: string | undefined, file: string | undefined): string => {
    const found = file === undefined ? text : readSecret(file)
    if (!found)
      throw new ConfigError(
        `${where}: auth of type ${type} needs ${key} or ` +
          `${key}_file${file === undefined ? '' : `; ${file} cannot be read, or is empty`}`,
      )
    return found
  }
  if (type === 'token') return { type, token: secret('token', token, token_file) }
  if (!username) throw new ConfigError(`${where}: auth of type basic needs username`)
  return { type, username, password: secret('password', password, password_file) }
}

/** Where the credentials of a replica of worker.toml come from. */
export interface AuthSource {
  /** The file that has the secret; null: worker.toml itself. */
  readonly file: string | null
  /** Reads them. Throws ConfigError. */
  read(): Auth
}

/** The source for the replica of this name; null when worker.toml gives it no credentials. */
export function authSourceOf(config: WorkerConfig, name: string): AuthSource | null {
  const provider = config.providers.find((one) => (one as { name?: unknown } | null)?.name === name) as
    | { auth?: Table }
    | undefined
  const table = provider?.auth
  if (!table) return null
  return { file: table.password_file ?? table.token_file ?? null, read: () => readAuth(table, name) }
}

function readSecret(file: string): string | null {
  try {
    return readIfThere(file)?.replace(/\r?\n$/, '') ?? null
  } catch {
    return null
  }
}
