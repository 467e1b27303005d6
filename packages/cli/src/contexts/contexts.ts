// contexts.ts — The supervisors that a person works with, by name, in $XDG_CONFIG_HOME/kagami/config.toml. It has no
// tokens: it says which file or variable has one.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ConfigError, nearest, parseToml } from '@kagami/runtime/config'
import { homeDirectory } from '@kagami/runtime/home'

/** One supervisor, and where the token for it is. */
export interface Context {
  /** Its address, without a slash at the end. */
  readonly api: string
  /** The file that has the token. */
  readonly token_file?: string
  /** The environment variable that has the token. */
  readonly token_env?: string
  /** Changes need the name: typed on a terminal, or as --context. */
  readonly protected?: boolean
}

/** All of them, and which one is used when none is named. */
export interface Contexts {
  readonly file: string
  readonly current: string | null
  readonly all: Readonly<Record<string, Context>>
}

const KEYS = { api: 'string', token_file: 'string', token_env: 'string', protected: 'boolean' } as const

/** Reads the file; a missing one has no contexts. Throws ConfigError when it says what cannot be. */
export function readContexts(env: NodeJS.ProcessEnv = process.env): Contexts {
  const file = join(env['XDG_CONFIG_HOME'] || join(homeDirectory(), '.config'), 'kagami', 'config.toml')
  if (!existsSync(file)) return { file, current: null, all: {} }
  const { current = null, contexts = {}, ...others } = parseToml(readFileSync(file, 'utf8'), file)
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw new ConfigError(`${file}: unknown key ${unknown}`, 'It has current and [contexts.NAME].')
  if (!isTable(contexts) || (current !== null && typeof current !== 'string'))
    throw new ConfigError(`${file}: current is a name in quotes, contexts are tables [contexts.NAME]`)
  const all = Object.fromEntries(Object.entries(contexts).map(([name, value]) => [name, contextOf(file, name, value)]))
  if (current !== null && !(current in all)) throw noSuchContext({ file, current, all }, current)
  return { file, current, all }
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function contextOf(file: string, name: string, value: unknown): Context {
  const where = `${file}: contexts.${name}`
  if (!isTable(value)) throw new ConfigError(`${where} must be a table`, `Write [contexts.${name}]`)
  for (const [key, given] of Object.entries(value)) {
    const type = KEYS[key as keyof typeof KEYS]
    const meant = nearest(key, Object.keys(KEYS))
    if (!type) throw new ConfigError(`${where}: unknown key ${key}${meant ? `; did you mean ${meant}?` : ''}`)
    if (typeof given !== type) throw new ConfigError(`${where}: ${key} must be a ${type}`)
  }
  return { ...(value as object), api: addressOf(value['api'], where) }
}

/** The address of a supervisor. Throws ConfigError when it is none, or has credentials. */
export function addressOf(value: unknown, where: string): string {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new ConfigError(`${where}: api must be an address such as https://mirrors.example.org`)
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(`${where}: api must have no credentials`, 'Give a token by --token-file or --token-env.')
  return url.href.replace(/\/+$/, '')
}

/** Writes the file in one step, for its owner alone. */
export function writeContexts({ file, current, all }: Contexts): void {
  const lines = current === null ? [] : [`current = ${JSON.stringify(current)}`, '']
  for (const [name, context] of Object.entries(all)) {
    const given = Object.entries(context).filter(([, value]) => value !== undefined)
    lines.push(
      `[contexts.${JSON.stringify(name)}]`,
      ...given.map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
      '',
    )
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, lines.join('\n'), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** A context with its name. */
export interface NamedContext extends Context {
  readonly name: string
  /** Whether this command line names it. */
  readonly explicit: boolean
}

/** The context that is named on the command line, by KAGAMI_CONTEXT, or as the current one; null: none is. */
export function chooseContext(named: string | undefined, env: NodeJS.ProcessEnv): NamedContext | null {
  const contexts = readContexts(env)
  const name = named ?? (env['KAGAMI_CONTEXT'] || contexts.current)
  if (name === null) return null
  const context = contexts.all[name]
  if (!context) throw noSuchContext(contexts, name)
  return { ...context, name, explicit: named !== undefined }
}

/** The error of a name that no context has. */
export function noSuchContext({ file, all }: Contexts, name: string): ConfigError {
  const meant = nearest(name, Object.keys(all))
  return new ConfigError(
    `there is no context "${name}" in ${file}${meant ? `; did you mean ${meant}?` : ''}`,
    'Those there are: kagami context list. Add one: kagami context add NAME --api URL',
  )
}
