// config.ts — The worker's configuration: one schema, from worker.toml, KAGAMI_* and flags. docs/configuration.md is
// generated from it.
import { hostname } from 'node:os'
import { isAbsolute, resolve } from 'node:path'
import {
  intervalProblem,
  Labels,
  policyOf,
  replicaNameKey,
  replicaNameProblem,
  scheduleProblem,
  upstreamProblem,
  WORKER_ID_PATTERN,
  type Auth,
  type ReplicaSpec,
} from '@kagami/protocol'
import {
  checkValues,
  ConfigError,
  fromEnvironment,
  nearest,
  parseAddress,
  parseToml,
  readIfThere,
  readJoinToken,
  replicaIdOf,
  unknownKeys,
  type JoinTokenContent,
  type Values,
} from '@kagami/runtime'
import Type, { type Static } from 'typebox'
import type { Hooks } from './sync/hooks.ts'

const Positive = (description: string, value: number) => Type.Integer({ minimum: 1, default: value, description })

const Command = Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }))
const HookTable = Type.Object(
  { on_success: Command, on_failure: Command, on_held: Command },
  {
    additionalProperties: false,
    description:
      'Programs to run after a sync, each a list of program and arguments: { on_success = ' +
      '["/usr/local/bin/purge", "--all"] }. The facts are in KAGAMI_… variables, see docs/operations.md. At ' +
      'most 60 s; the output is in the log of the sync.',
  },
)

const AuthTable = Type.Object(
  {
    type: Type.Enum(['basic', 'token']),
    username: Type.Optional(Type.String({ minLength: 1 })),
    password: Type.Optional(Type.String()),
    password_file: Type.Optional(Type.String({ minLength: 1 })),
    token: Type.Optional(Type.String({ minLength: 1 })),
    token_file: Type.Optional(Type.String({ minLength: 1 })),
  },
  {
    additionalProperties: false,
    description:
      'Credentials: { type = "basic", username = "…", password_file = "/run/secrets/x" } or { type = "token", ' +
      'token_file = "…" }; password and token themselves are taken too. They never leave the worker.',
  },
)

/** Every key of worker.toml; the environment variable is `KAGAMI_` and the key in capitals. */
export const WorkerKeys = Type.Object({
  name: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'What people call this worker; part of no path. Default: the host name.',
    }),
  ),
  worker_id: Type.Optional(
    Type.String({ pattern: WORKER_ID_PATTERN, description: 'Stable id. Default: made once and kept in data_dir.' }),
  ),
  http_addr: Type.String({ default: '0.0.0.0:8080', description: 'Where /ping and /metrics listen.' }),
  data_dir: Type.String({
    minLength: 1,
    description: 'Where mirrored files are written: one directory a replica. Required.',
  }),
  nats_url: Type.String({
    minLength: 1,
    default: 'nats://127.0.0.1:4222',
    description: 'NATS address, or several separated by commas.',
  }),
  join_token: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Where NATS is locked: what `kagami nats token` printed. Needed until the worker was approved once.',
    }),
  ),
  join_token_file: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'File that holds the join token. Read when join_token is not set; may be missing once the worker was approved.',
    }),
  ),
  slots: Positive('Syncs that may run at once.', 4),
  slots_per_host: Positive('Syncs that may run at once from one upstream host.', 2),
  sync_timeout_secs: Positive('A sync that takes longer is ended, seconds.', 86_400),
  grace_secs: Type.Integer({
    minimum: 0,
    default: 10,
    description: 'On SIGTERM, running syncs get this long to finish, seconds.',
  }),
  adopt_existing: Type.Boolean({
    default: false,
    description: 'Take over directories in data_dir that Kagami did not make. Files the upstream lacks are deleted.',
  }),
  upstream_policy: Type.Enum(['any', 'public-only'], {
    default: 'any',
    description: 'public-only: upstreams at private and loopback addresses are refused. Link-local ones always are.',
  }),
  upstream_roots: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
    default: [],
    maxItems: 64,
    description:
      'Folders of this machine below which git and rsync may mirror file:// upstreams: ["/srv/incoming"]. ' +
      'None by default: what the worker can read there would be published.',
  }),
  ca_file: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'File of certificates (PEM) of authorities to believe besides the public ones and those of this ' +
        'system: for https upstreams of http and git, and for a NATS with TLS that nats_url names by its host ' +
        'name. Read at start.',
    }),
  ),
  hooks: Type.Optional(HookTable),
  providers: Type.Array(Type.Unknown(), {
    default: [],
    description: 'Replicas this worker declares; see the keys of [[providers]] below.',
  }),
})

/** Every key of a `[[providers]]` table. */
export const ProviderKeys = Type.Object({
  name: Type.String({ description: 'Name of the replica and of its directory.' }),
  kind: Type.String({ description: 'git, rsync or http.' }),
  upstream: Type.String({ description: 'URL to mirror.' }),
  interval_secs: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Seconds between syncs; 0 or absent: only when asked.' }),
  ),
  labels: Type.Optional(Labels),
  options: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), { description: 'Options of the kind; see docs/providers/.' }),
  ),
  auth: Type.Optional(AuthTable),
  hooks: Type.Optional(HookTable),
})

export interface WorkerConfig extends Omit<Static<typeof WorkerKeys>, 'providers' | 'name' | 'worker_id'> {
  /** Whether somebody set nats_url: then it wins over the one in the join token. */
  readonly natsUrlGiven: boolean
  readonly joinToken: JoinTokenContent | null
  readonly name: string
  readonly worker_id: string | null
  readonly httpAddress: { host: string; port: number }
  readonly providers: readonly unknown[]
  /** What is odd but not wrong; told once at start. */
  readonly warnings: readonly string[]
}

/** Reads file, environment and flags. Throws ConfigError with file, key and cure. */
export function loadWorkerConfig(
  options: { file?: string | undefined; env?: NodeJS.ProcessEnv; flags?: Values } = {},
): WorkerConfig {
  const env = options.env ?? process.env
  const file = options.file ?? env['KAGAMI_CONFIG'] ?? './worker.toml'
  const text = readIfThere(file)
  if (text === null && options.file)
    throw new ConfigError(
      `${options.file}: there is no such file`,
      'Give the path with --config, or leave it out to configure by environment alone.',
    )
  const fileValues = text === null ? {} : parseToml(text, file)
  const known = Object.keys(WorkerKeys.properties)
  const warnings = unknownKeys(fileValues, known).map(
    ({ key, suggestion }) =>
      `${file}: unknown key ${key} is ignored${suggestion ? `; did you mean ${suggestion}?` : ''}`,
  )
  catchSwallowedKeys(fileValues, file)
  const fromEnv = fromEnvironment(WorkerKeys, 'KAGAMI_', env)
  const flags = Object.fromEntries(Object.entries(options.flags ?? {}).filter(([, value]) => value !== undefined))
  const given = { ...pick(fileValues, known), ...fromEnv, ...flags }
  const defaults = Object.fromEntries(
    Object.entries(WorkerKeys.properties).flatMap(([key, schema]) =>
      'default' in schema ? [[key, schema.default]] : [],
    ),
  )
  const values: Values = { ...defaults, ...given }
  if (values['data_dir'] === undefined) {
    throw new ConfigError(
      'data_dir is not set: the worker does not know where to write mirrored files',
      `Set data_dir in ${file}, or KAGAMI_DATA_DIR, or --data-dir. It has no default on purpose.`,
    )
  }
  const sourceOf = (key: string) =>
    key in flags ? `--${key.replaceAll('_', '-')}` : key in fromEnv ? `KAGAMI_${key.toUpperCase()}` : file
  checkValues(WorkerKeys, values, sourceOf)
  const config = values as unknown as Static<typeof WorkerKeys>
  const httpAddress = parseAddress(config.http_addr)
  if (!httpAddress)
    throw new ConfigError(`${sourceOf('http_addr')}: http_addr must be host:port, not "${config.http_addr}"`)
  const upstream_roots = config.upstream_roots.map((root) => rootOf(root, sourceOf('upstream_roots')))
  return {
    ...config,
    upstream_roots,
    natsUrlGiven: 'nats_url' in given,
    joinToken: joinTokenOf(config, sourceOf),
    name: config.name ?? hostname(),
    worker_id: config.worker_id ?? null,
    data_dir: resolve(config.data_dir),
    httpAddress,
    warnings,
  }
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

function joinTokenOf(
  { join_token, join_token_file }: Static<typeof WorkerKeys>,
  sourceOf: (key: string) => string,
): JoinTokenContent | null {
  if (join_token) return readJoinToken(join_token, sourceOf('join_token'))
  const text = join_token_file ? readIfThere(join_token_file) : null
  return text ? readJoinToken(text, join_token_file!) : null
}

/** In TOML, a top-level key written below a `[[providers]]` table belongs to that provider. */
function catchSwallowedKeys(values: Values, file: string) {
  const providers = Array.isArray(values['providers']) ? values['providers'] : []
  const top = Object.keys(WorkerKeys.properties).filter((key) => !(key in ProviderKeys.properties))
  for (const provider of providers) {
    if (typeof provider !== 'object' || provider === null) continue
    const swallowed = Object.keys(provider).find((key) => top.includes(key))
    if (!swallowed) continue
    const name = (provider as { name?: unknown }).name
    throw new ConfigError(
      `${file}: ${swallowed} is written below [[providers]] "${typeof name === 'string' ? name : '?'}", so ` +
        'TOML reads it as a key of that provider',
      `Move ${swallowed} above the first [[providers]].`,
    )
  }
}

/** Whose replicas are declared, of which kinds, and where oddities are told. */
interface Declaring {
  readonly workerId: string
  readonly kinds: readonly string[]
  readonly warnings: string[]
}

/**
 * The replicas `providers` declares. Throws ConfigError naming provider and key; unknown keys are added to `warnings`.
 */
export function declaredReplicas(config: WorkerConfig, parts: Declaring): ReplicaSpec[] {
  const taken = new Map<string, string>()
  return config.providers.map((provider, index) => {
    const spec =
      typeof provider === 'string'
        ? bareReplica(provider, parts.workerId)
        : fullReplica(provider, index, { ...parts, roots: config.upstream_roots })
    const problem = replicaNameProblem(spec.name)
    if (problem)
      throw new ConfigError(
        `providers[${index}]: name "${spec.name}" cannot be used: ${problem}`,
        'The name is also the directory; it is never changed silently.',
      )
    const other = taken.get(replicaNameKey(spec.name))
    if (other !== undefined)
      throw new ConfigError(
        `providers[${index}]: name "${spec.name}" is taken by "${other}"`,
        'Names are unique on a worker without regard to case.',
      )
    taken.set(replicaNameKey(spec.name), spec.name)
    return spec
  })
}

function bareReplica(name: string, workerId: string): ReplicaSpec {
  return {
    replica_id: replicaIdOf(workerId, name),
    name,
    kind: 'unknown',
    upstream: '',
    interval_secs: null,
    labels: {},
    options: {},
    origin: 'config',
  }
}

function fullReplica(
  provider: unknown,
  index: number,
  { workerId, kinds, warnings, roots }: Declaring & { roots: readonly string[] },
): ReplicaSpec {
  if (typeof provider !== 'object' || provider === null || Array.isArray(provider))
    throw new ConfigError(`providers[${index}]: must be a table or a name`)
  const values = provider as Values
  const where = `providers[${index}]${typeof values['name'] === 'string' ? ` (${values['name']})` : ''}`
  const known = Object.keys(ProviderKeys.properties)
  for (const { key, suggestion } of unknownKeys(values, known))
    warnings.push(`${where}: unknown key ${key} is ignored${suggestion ? `; did you mean ${suggestion}?` : ''}`)
  checkValues(ProviderKeys, pick(values, known), () => where)
  if (values['options']) checkSchedule(values['options'] as Values, where)
  const { name, kind, upstream, interval_secs, labels, options, auth } = values as unknown as Static<
    typeof ProviderKeys
  >
  if (!kinds.includes(kind)) {
    const near = nearest(kind, kinds)
    throw new ConfigError(
      `${where}: kind "${kind}" is unknown`,
      near ? `Did you mean ${near}?` : `Use one of ${kinds.join(', ')}.`,
    )
  }
  const problem = upstreamProblem(kind, upstream, roots)
  if (problem) throw new ConfigError(`${where}: upstream ${problem}`)
  const late = intervalProblem(interval_secs)
  if (late) throw new ConfigError(`${where}: interval_secs ${late}`)
  return {
    replica_id: replicaIdOf(workerId, name),
    name,
    kind,
    upstream,
    interval_secs: interval_secs || null,
    labels: labels ?? {},
    options: options ?? {},
    ...(auth ? { auth: authOf(auth, where) } : {}),
    origin: 'config',
  }
}

/** Credentials as written, or read from the files they are in. */
function authOf(
  { type, username, password, password_file, token, token_file }: Static<typeof AuthTable>,
  where: string,
): Auth {
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

function readSecret(file: string): string | null {
  try {
    return readIfThere(file)?.replace(/\r?\n$/, '') ?? null
  } catch {
    return null
  }
}

/** The programs for a replica: its own before those of the worker. */
export function hooksFor(config: WorkerConfig, name: string): Hooks {
  const own = config.providers.find((provider) => (provider as { name?: unknown } | null)?.name === name) as
    | { hooks?: Hooks }
    | undefined
  return { ...config.hooks, ...own?.hooks }
}

function checkSchedule(options: Values, where: string): void {
  const policy = policyOf(options)
  const fits =
    typeof policy.cron === 'string' &&
    typeof policy.timezone === 'string' &&
    Array.isArray(policy.windows) &&
    policy.windows.every((window) => typeof window === 'string')
  const problem = fits ? scheduleProblem(policy) : null
  if (problem) throw new ConfigError(`${where}: options.${problem.field}: ${problem.message}`)
}

function pick(values: Values, keys: readonly string[]): Values {
  return Object.fromEntries(Object.entries(values).filter(([key]) => keys.includes(key)))
}
