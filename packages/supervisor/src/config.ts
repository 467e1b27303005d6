// config.ts — The supervisor's configuration: one schema, read from SUPERVISOR_*, KAGAMI_NATS_URL and flags.
// docs/configuration.md is generated from it.
import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { checkFor, type SettingSource } from '@kagami/protocol'
import {
  checkNatsUrl,
  checkValues,
  ConfigError,
  fromEnvironment,
  fromText,
  isLoopback,
  parseAddress,
  openStateFile,
  readJsonIfThere,
  sealedJson,
  SupervisorCredentials,
  type Values,
} from '@kagami/runtime'
import Type, { type Static } from 'typebox'
import { accessKeys, checkAccess } from './access/keys.ts'
import { sqliteFile } from './store/dialects.ts'

/** Every key; the environment variable is `SUPERVISOR_` and the key in capitals. */
export const SupervisorKeys = Type.Object({
  http_addr: Type.String({ default: '0.0.0.0:21000', description: 'Where the API and the UI listen.' }),
  database_url: Type.String({
    default: 'sqlite://supervisor.db?mode=rwc',
    description: 'sqlite://file.db?mode=rwc, sqlite:///abs/file.db?mode=rwc or postgres://user:password@host/database.',
  }),
  auto_approve: Type.Boolean({ default: true, description: 'Workers are approved automatically when they join.' }),
  webui_dir: Type.Optional(
    Type.String({ description: 'Directory of static files served at /ui/ in place of the built-in UI.' }),
  ),
  auth: Type.Enum(['token', 'none'], {
    default: 'token',
    description: 'token: writing needs a bearer token. none: anyone who reaches the port may write.',
  }),
  api_token: Type.Optional(
    Type.String({
      minLength: 16,
      description: 'The token. Default: created at the first start, in state_dir/api-token.',
    }),
  ),
  state_dir: Type.Optional(
    Type.String({ description: 'Directory of the token. Default: the directory of the SQLite file, or ./.kagami.' }),
  ),
  nats_credentials: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'The file supervisor.json of `kagami nats init`, where NATS is locked. Absent: NATS is open, and everyone ' +
        'who reaches it is trusted.',
    }),
  ),
  allowed_hosts: Type.Array(Type.String({ pattern: '^[A-Za-z0-9.:_-]+$' }), {
    default: [],
    description:
      'Host names under which the API answers, as a JSON array; needed behind a proxy when the API listens on ' +
      'loopback. Empty: on loopback, localhost and loopback addresses; elsewhere, any name.',
  }),
  history_days: Type.Integer({
    minimum: 1,
    maximum: 36_500,
    default: 90,
    description: 'How many days the history of syncs is kept.',
  }),
  status: Type.Boolean({
    default: true,
    description: 'The public status page at /status/, which everyone who reaches the port may read.',
  }),
  status_title: Type.String({
    minLength: 1,
    maxLength: 100,
    default: 'Mirrors',
    description: 'The name of your site on the status page.',
  }),
  status_notice: Type.Optional(
    Type.String({ minLength: 1, maxLength: 2000, description: 'A text at the top of the status page.' }),
  ),
  status_files_url: Type.Optional(
    Type.String({
      pattern: '^https?://[A-Za-z0-9.:\\[\\]_-]+(/[^?#\\s]*)?$',
      description:
        'The URL below which your web server serves the mirrors by their names, such as https://mirror.example.org. ' +
        'The status page links to files there, and suggests configurations with it. Absent: it suggests http:// and ' +
        'the host that it is asked by.',
    }),
  ),
  status_dir: Type.Optional(
    Type.String({
      description:
        'Directory of what the status page has of yours: style.css, logo.svg or logo.png, header.html, footer.html, ' +
        'help/<mirror>.html. Read again when it changes.',
    }),
  ),
  ...accessKeys,
})

/** How many days it is kept how full disks were. */
export const DISK_DAYS = 30

/** The configuration, checked, and what follows from it. */
export interface SupervisorConfig extends Static<typeof SupervisorKeys> {
  readonly natsUrl: string
  /** Null where NATS is open. */
  readonly natsCredentials: SupervisorCredentials | null
  readonly address: { host: string; port: number }
  readonly stateDir: string
  /** Where the value of each key comes from, `nats_url` too; a key without a value has none. */
  readonly sources: Readonly<Record<string, SettingSource>>
  readonly warnings: readonly string[]
}

/** Reads environment and flags. A ConfigError names the variable, and says what to do. */
export function loadSupervisorConfig(
  options: { env?: NodeJS.ProcessEnv; flags?: Values & { nats_url?: string | undefined } } = {},
): SupervisorConfig {
  const env = options.env ?? process.env
  const { nats_url, ...rest } = options.flags ?? {}
  const flags = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  const fromEnv = fromEnvironment(SupervisorKeys, 'SUPERVISOR_', env)
  const defaults = Object.fromEntries(
    Object.entries(SupervisorKeys.properties).flatMap(([key, schema]) =>
      'default' in schema ? [[key, schema.default]] : [],
    ),
  )
  const values = { ...defaults, ...fromEnv, ...flags }
  const sourceOf = (key: string) => (key in flags ? `--${key.replaceAll('_', '-')}` : `SUPERVISOR_${key.toUpperCase()}`)
  checkValues(SupervisorKeys, values, sourceOf)
  const config = values as Static<typeof SupervisorKeys>
  checkAccess(config, sourceOf)
  const natsCredentials = config.nats_credentials
    ? readCredentials(config.nats_credentials, sourceOf('nats_credentials'))
    : null
  const natsUrl = nats_url ?? (env['KAGAMI_NATS_URL'] || natsCredentials?.url)
  if (!natsUrl)
    throw new ConfigError(
      'KAGAMI_NATS_URL is not set: the supervisor does not know its NATS server',
      'Set it, or use --nats-url nats://host:4222. `kagami up` starts its own NATS server.',
    )
  checkNatsUrl(natsUrl, nats_url ? '--nats-url' : env['KAGAMI_NATS_URL'] ? 'KAGAMI_NATS_URL' : 'nats_credentials')
  const address = parseAddress(config.http_addr)
  if (!address) throw new ConfigError(`${sourceOf('http_addr')}: must be host:port, not "${config.http_addr}"`)
  const stateDir = resolve(
    config.state_dir ??
      (config.database_url.startsWith('sqlite:') ? dirname(sqliteFile(config.database_url).path) : './.kagami'),
  )
  const warnings = warningsOf(config, address.host)
  const sources = { ...sourcesOf({ defaults, fromEnv, flags }, config), nats_url: natsSource(nats_url, env) }
  return { ...config, natsUrl, natsCredentials, address, stateDir, sources, warnings }
}

const natsSource = (flag: string | undefined, env: NodeJS.ProcessEnv): SettingSource =>
  flag ? 'flag' : env['KAGAMI_NATS_URL'] ? 'environment' : 'file'

/** Where values come from. The directory of the state follows from others; the token is in a file of it by itself. */
function sourcesOf(
  { defaults, fromEnv, flags }: Record<'defaults' | 'fromEnv' | 'flags', Values>,
  { auth }: Static<typeof SupervisorKeys>,
): Record<string, SettingSource> {
  const all = (values: Values, source: SettingSource) =>
    Object.fromEntries(Object.keys(values).map((key) => [key, source]))
  return {
    state_dir: 'default',
    ...(auth === 'token' ? { api_token: 'file' } : {}),
    ...all(defaults, 'default'),
    ...all(fromEnv, 'environment'),
    ...all(flags, 'flag'),
  }
}

function warningsOf(
  { auth, http_addr, nats_credentials, status_dir, oidc_issuer, public_url }: Static<typeof SupervisorKeys>,
  host: string,
): string[] {
  const warnings: string[] = []
  if (auth === 'none' && !isLoopback(host))
    warnings.push(
      `authentication is off and the API listens on ${http_addr}: anyone who reaches it may approve, add and remove. ` +
        'Set SUPERVISOR_AUTH=token, or listen on 127.0.0.1',
    )
  const shown = URL.parse(public_url ?? '')
  if (oidc_issuer && shown?.protocol === 'http:' && !isLoopback(shown.hostname))
    warnings.push(
      `people sign in over ${public_url}: anyone on the way can act as them. Put a proxy with TLS in front, and set ` +
        'SUPERVISOR_PUBLIC_URL to its https:// address',
    )
  if (nats_credentials && (statSync(nats_credentials).mode & 0o077) !== 0)
    warnings.push(`other users can read ${nats_credentials}, and whoever reads it controls the fleet: chmod 600 it`)
  if (status_dir !== undefined && !statSync(status_dir, { throwIfNoEntry: false })?.isDirectory())
    warnings.push(
      `SUPERVISOR_STATUS_DIR ${status_dir} is no directory: the status page has its own look until it is one`,
    )
  return warnings
}

function readCredentials(file: string, source: string): SupervisorCredentials {
  const cure = 'Give the file supervisor.json that `kagami nats init` wrote, or restore it from a backup.'
  try {
    const read = openStateFile({ path: file, form: sealedJson(SupervisorCredentials), cure }).read()
    if (read) return read
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(`${source}: ${fieldProblem(file) ?? error.message}`, cure)
  }
  throw new ConfigError(`${source}: ${file} is missing`, cure)
}

/** Which field of another file is wrong; null when it is no JSON, or has all fields. */
function fieldProblem(file: string): string | null {
  try {
    const read = readJsonIfThere(file)
    const check = checkFor(SupervisorCredentials)
    if (read === null || check.ok(read)) return null
    return `${file} ${check.problem(read).field} ${check.problem(read).message}`
  } catch {
    return null
  }
}

/** The flags of the command line as configuration; `--auto-approve` is a text there. Throws ConfigError. */
export function supervisorFlags(options: {
  natsUrl?: string | undefined
  httpAddr?: string | undefined
  dbUrl?: string | undefined
  autoApprove?: string | undefined
}): Values {
  const { natsUrl, httpAddr, dbUrl, autoApprove } = options
  const auto_approve =
    autoApprove === undefined
      ? undefined
      : fromText(autoApprove, SupervisorKeys.properties.auto_approve, '--auto-approve')
  return { nats_url: natsUrl, http_addr: httpAddr, database_url: dbUrl, auto_approve }
}
