// config.ts — Reads the worker's configuration from worker.toml, KAGAMI_* variables and flags.
import { hostname } from 'node:os'
import { dirname, isAbsolute, resolve } from 'node:path'
import {
  checkNatsUrl,
  checkValues,
  ConfigError,
  fromEnvironment,
  parseAddress,
  parseToml,
  readConfigFile,
  readIfThere,
  readJoinToken,
  type JoinTokenContent,
  type Values,
} from '@kagami/runtime'
import type { Static } from 'typebox'
import { checkHookKeys, strangeTopKeys } from './check.ts'
import { readCommands, type CommandSettings } from './commands.ts'
import { refuseForeignFile } from './foreign.ts'
import { pickKeys, ProviderKeys, WorkerKeys, type Hooks } from './keys.ts'
import { readProxies, type ProxySettings } from './proxies.ts'

/** The key for upstreams over ssh, and the hosts that are known: absolute paths; null: not set. */
export interface SshSettings {
  readonly key: string | null
  readonly known_hosts: string | null
}

export interface WorkerConfig extends Omit<Static<typeof WorkerKeys>, 'providers' | 'commands' | 'name' | 'worker_id'> {
  /** Whether nats_url was set: then it takes precedence over the address in the join token. */
  readonly natsUrlGiven: boolean
  readonly joinToken: JoinTokenContent | null
  readonly name: string
  readonly worker_id: string | null
  readonly httpAddress: { host: string; port: number }
  readonly providers: readonly unknown[]
  /** The programs that replicas of kind command may name. */
  readonly commands: readonly CommandSettings[]
  /** Where the providers are declared, for messages: the file, or the variable. */
  readonly providersFrom: string
  /** The same for other machines: an absolute path, or the variable; null: there is no file. */
  readonly declaredIn: string | null
  readonly defaultsFrom: string
  /** The folder that paths in worker.toml are relative to. */
  readonly folder: string
  /** What is below [ssh], as absolute paths. */
  readonly sshSettings: SshSettings
  /** What proxy, no_proxy and [[proxies]] say. */
  readonly proxySettings: ProxySettings
  /** What is odd but not wrong; logged once at start. */
  readonly warnings: readonly string[]
}

/** Reads file, environment and flags. Throws ConfigError with file, key and cure. */
export function loadWorkerConfig(
  options: { file?: string | undefined; env?: NodeJS.ProcessEnv; flags?: Values } = {},
): WorkerConfig {
  const env = options.env ?? process.env
  const file = options.file ?? env['KAGAMI_CONFIG'] ?? './worker.toml'
  const text = readConfigFile(file)
  refuseMissing(text, options.file)
  const fileValues = text === null ? {} : parseToml(text, file)
  refuseForeignFile(fileValues, file)
  const known = Object.keys(WorkerKeys.properties)
  refuseMisplacedKeys(fileValues, file)
  const warnings = strangeTopKeys(fileValues, file).map((key) => `${file}: unknown key ${key} is ignored`)
  warnings.push(...belowByAccident(text ?? '', fileValues, file))
  const fromEnv = fromEnvironment(WorkerKeys, 'KAGAMI_', env)
  const flags = Object.fromEntries(Object.entries(options.flags ?? {}).filter(([, value]) => value !== undefined))
  const given = { ...pickKeys(fileValues, known), ...fromEnv, ...flags }
  const values: Values = { ...presets(), ...given }
  if (values['data_dir'] === undefined) {
    throw new ConfigError(
      'data_dir is not set: the worker does not know where to write mirrored files',
      `Set data_dir in ${file}, or KAGAMI_DATA_DIR, or --data-dir. It has no default on purpose.`,
    )
  }
  const sourceOf = (key: string) =>
    key in flags ? `--${key.replaceAll('_', '-')}` : key in fromEnv ? `KAGAMI_${key.toUpperCase()}` : file
  if (sourceOf('providers') === file) refuseOneTable(values['providers'], file)
  if (sourceOf('commands') === file) refuseOneCommand(values['commands'], file)
  checkHookKeys(values['hooks'], sourceOf('hooks'))
  checkValues(WorkerKeys, values, sourceOf)
  const config = values as unknown as Static<typeof WorkerKeys>
  const httpAddress = parseAddress(config.http_addr)
  if (!httpAddress)
    throw new ConfigError(`${sourceOf('http_addr')}: http_addr must be host:port, not "${config.http_addr}"`)
  checkNatsUrl(config.nats_url, `${sourceOf('nats_url')}: nats_url`)
  const upstream_roots = config.upstream_roots.map((root) => rootOf(root, sourceOf('upstream_roots')))
  const folder = dirname(resolve(file))
  return {
    ...config,
    upstream_roots,
    commands: readCommands({ commands: config.commands, source: sourceOf('commands'), folder: dirname(resolve(file)) }),
    providersFrom: sourceOf('providers'),
    declaredIn: sourceOf('providers') !== file ? sourceOf('providers') : text === null ? null : resolve(file),
    defaultsFrom: sourceOf('defaults'),
    folder,
    sshSettings: sshSettingsOf(config.ssh ?? {}, folder, sourceOf('ssh')),
    proxySettings: readProxies(config, sourceOf, { env, folder }),
    natsUrlGiven: 'nats_url' in given,
    joinToken: joinTokenOf(config, sourceOf),
    name: config.name ?? hostname(),
    worker_id: config.worker_id ?? null,
    data_dir: resolve(config.data_dir),
    httpAddress,
    warnings,
  }
}

function refuseMissing(text: string | null, file: string | undefined): void {
  if (text !== null || !file) return
  throw new ConfigError(
    `${file}: there is no such file`,
    'Give the path with --config, or leave it out to configure by environment alone.',
  )
}

/** What holds where nothing is said. */
function presets(): Values {
  const keys = Object.entries(WorkerKeys.properties)
  return Object.fromEntries(keys.flatMap(([key, schema]) => ('default' in schema ? [[key, schema.default]] : [])))
}

function rootOf(written: string, source: string): string {
  if (!isAbsolute(written))
    throw new ConfigError(`${source}: upstream_roots: "${written}" is not an absolute path`, 'Begin it with a slash.')
  const root = resolve(written)
  if (root === '/')
    throw new ConfigError(
      `${source}: upstream_roots must not be /: every file the worker can read could be published`,
      'Name the folders that hold upstreams.',
    )
  return root
}

function sshSettingsOf(
  { key, known_hosts }: NonNullable<Static<typeof WorkerKeys>['ssh']>,
  folder: string,
  source: string,
): SshSettings {
  const pathOf = (name: string, written: string | undefined) => {
    if (written === undefined) return null
    const path = resolve(folder, written)
    if (!/["\\$\u0000-\u001f\u007f]/.test(path)) return path
    throw new ConfigError(
      `${source}: ssh.${name}: "${path}" has a quote, a backslash, a dollar or a control character`,
      'ssh reads these in another way: choose another path.',
    )
  }
  return { key: pathOf('key', key), known_hosts: pathOf('known_hosts', known_hosts) }
}

function joinTokenOf(
  { join_token, join_token_file }: Static<typeof WorkerKeys>,
  sourceOf: (key: string) => string,
): JoinTokenContent | null {
  if (join_token) return readJoinToken(join_token, sourceOf('join_token'))
  const text = join_token_file ? readIfThere(join_token_file) : null
  return text ? readJoinToken(text, join_token_file!) : null
}

function refuseOneTable(providers: unknown, file: string): void {
  if (typeof providers !== 'object' || providers === null || Array.isArray(providers)) return
  const named = Object.entries(providers).find(([, value]) => typeof value === 'object' && 'upstream' in (value ?? {}))
  throw new ConfigError(
    `${file}: [providers${named ? `.${named[0]}` : ''}] is a single table, and a worker has a list of providers`,
    named
      ? `Write [[providers]], with two brackets, and name = "${named[0]}" below it; likewise for each replica.`
      : 'Write [[providers]], with two brackets, above the keys of each replica.',
  )
}

function refuseOneCommand(commands: unknown, file: string): void {
  if (typeof commands !== 'object' || commands === null || Array.isArray(commands)) return
  throw new ConfigError(
    `${file}: [commands] is a single table, and a worker has a list of commands`,
    'Write [[commands]], with two brackets, above name and command of each.',
  )
}

/** Hooks or a proxy meant for the worker that TOML gives to the last provider, because they are written below it. */
function belowByAccident(text: string, values: Values, file: string): string[] {
  const providers = Array.isArray(values['providers']) ? (values['providers'] as unknown[]) : []
  const last = providers.at(-1) as { name?: unknown } | undefined
  const below = text.slice(text.lastIndexOf('[[providers]]'))
  return ['hooks', 'proxy'].flatMap((key) => {
    const having = providers.filter((provider) => (provider as Values | null)?.[key] !== undefined)
    if (values[key] !== undefined || providers.length < 2 || having.length !== 1 || having[0] !== last) return []
    if (!new RegExp(`^\\s*${key}\\s*[.=]`, 'm').test(below)) return []
    const meant = key === 'hooks' ? '; if it is meant so, write it as [providers.hooks]' : ''
    return [
      `${file}: ${key} is written below the last [[providers]], so it is for the replica ${String(last?.name)} only. ` +
        `For all replicas move it above the first [[providers]]${meant}`,
    ]
  })
}

/** In TOML, a top-level key written below a `[[providers]]` table belongs to that table. */
function refuseMisplacedKeys(values: Values, file: string) {
  const providers = Array.isArray(values['providers']) ? values['providers'] : []
  const top = Object.keys(WorkerKeys.properties).filter((key) => !(key in ProviderKeys.properties))
  for (const provider of providers) {
    if (typeof provider !== 'object' || provider === null) continue
    const misplaced = Object.keys(provider).find((key) => top.includes(key))
    if (!misplaced) continue
    const name = (provider as { name?: unknown }).name
    throw new ConfigError(
      `${file}: ${misplaced} is written below [[providers]] "${typeof name === 'string' ? name : '?'}", so ` +
        'TOML reads it as a key of that provider',
      `Move ${misplaced} above the first [[providers]].`,
    )
  }
}

/** The hooks of a replica: its own take precedence over those of the worker. */
export function hooksFor(config: WorkerConfig, name: string): Hooks {
  const own = config.providers.find((provider) => (provider as { name?: unknown } | null)?.name === name) as
    | { hooks?: Hooks }
    | undefined
  return { ...config.hooks, ...own?.hooks }
}
