// replicas.ts — The replicas that worker.toml declares: each `[[providers]]` table checked and made a spec.
import { mergeLayers, replicaNameKey, replicaNameProblem, upstreamProblem, type ReplicaSpec } from '@kagami/protocol'
import { checkValues, ConfigError, nearest, replicaIdOf, type Values } from '@kagami/runtime'
import type { Static } from 'typebox'
import {
  checkAuthKeys,
  checkHookKeys,
  checkRequired,
  checkSpec,
  strangeProviderKeys,
  type Kinds,
  type Place,
} from './check.ts'
import type { WorkerConfig } from './config.ts'
import { checkSchedule, readDefaults, readLayer, type Defaults } from './defaults.ts'
import { pickKeys, ProviderKeys } from './keys.ts'
import { proxyRoutesOf } from './proxies.ts'
import { readAuth } from './secrets.ts'

/** What the declared replicas belong to, and where warnings about them are collected. */
interface Declaring {
  readonly workerId: string
  readonly kinds: Kinds
  readonly warnings: string[]
}

/**
 * The replicas `providers` declares. Throws ConfigError naming provider and key; unknown keys are added to `warnings`.
 */
export function declaredReplicas(config: WorkerConfig, parts: Declaring): ReplicaSpec[] {
  const taken = new Map<string, string>()
  const defaults = readDefaults(config, parts.kinds)
  return config.providers.map((provider, index) => {
    const spec =
      typeof provider === 'string'
        ? bareReplica(provider, parts.workerId)
        : fullReplica(provider, index, { ...parts, config, defaults })
    const problem = replicaNameProblem(spec.name)
    if (problem)
      throw new ConfigError(
        `${config.providersFrom}: providers[${index}]: name "${spec.name}" cannot be used: ${problem}`,
        'The name is also the directory; it is never changed silently.',
      )
    const other = taken.get(replicaNameKey(spec.name))
    if (other !== undefined)
      throw new ConfigError(
        `${config.providersFrom}: providers[${index}]: name "${spec.name}" is taken by "${other}"`,
        'Names are unique on a worker without regard to case.',
      )
    taken.set(replicaNameKey(spec.name), spec.name)
    return spec
  })
}

/** A replica that worker.toml calls by another name than before. */
export interface Renamed {
  readonly was: string
  readonly name: string
  readonly kind: string
}

/** The replicas whose provider has `was`. Throws ConfigError when another replica has that name, or had it. */
export function renamedReplicas(config: WorkerConfig): Renamed[] {
  const providers = config.providers as readonly (string | (Renamed & { readonly was?: string }))[]
  const nameOf = (provider: (typeof providers)[number]) => (typeof provider === 'string' ? provider : provider.name)
  const taken = new Map(providers.map((provider) => [nameOf(provider), 'is']))
  return providers.flatMap((provider, index) => {
    if (typeof provider === 'string' || provider.was === undefined || provider.was === provider.name) return []
    const { was, name, kind } = provider
    const where = `${config.providersFrom}: providers[${index}] (${name}): was = "${was}"`
    if (replicaNameProblem(was)) throw new ConfigError(`${where}: this cannot have been the name of a replica`)
    if (taken.has(was))
      throw new ConfigError(
        `${where}: another provider ${taken.get(was)} called so`,
        `The files of ${was} can get one new name, and only when no provider is called ${was} any more.`,
      )
    taken.set(was, 'was')
    return [{ was, name, kind }]
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
  { workerId, kinds, warnings, config, defaults }: Declaring & { config: WorkerConfig; defaults: Defaults },
): ReplicaSpec {
  const table = `${config.providersFrom}: providers[${index}]`
  if (typeof provider !== 'object' || provider === null || Array.isArray(provider))
    throw new ConfigError(`${table}: must be a table or a name`)
  const values = provider as Values
  const where = `${table}${typeof values['name'] === 'string' ? ` (${values['name']})` : ''}`
  const place = { where, kinds, kind: typeof values['kind'] === 'string' ? values['kind'] : null }
  for (const key of strangeProviderKeys(values, place)) warnings.push(`${where}: unknown key ${key} is ignored`)
  checkHookKeys(values['hooks'], where)
  checkAuthKeys(values['auth'], where)
  checkValues(ProviderKeys, pickKeys(values, Object.keys(ProviderKeys.properties)), () => where)
  const { name, kind, upstream, auth } = values as unknown as Static<typeof ProviderKeys>
  checkKind(kind, place)
  const own = readLayer(values, place, config.folder)
  const { interval_secs, labels, options } = mergeLayers([...defaults(kind), own])
  checkSchedule(options, where)
  const problem = upstreamProblem(kind, upstream, config.upstream_roots)
  if (problem) throw new ConfigError(`${where}: upstream ${problem}`)
  checkRequired(options, place)
  checkSpec(upstream, options, place)
  if (kinds[kind]?.connects && (values['proxy'] !== undefined || options['proxy']))
    throw new ConfigError(
      `${where}: proxy is not for kind ${kind}: its programs connect as they like`,
      'Write env = { https_proxy = "http://host:port" }, or what the program itself wants, below its [[commands]].',
    )
  proxyRoutesOf(config, { name, origin: 'config', options }, where)
  return {
    replica_id: replicaIdOf(workerId, name),
    name,
    kind,
    upstream,
    interval_secs: interval_secs || null,
    labels,
    options,
    ...(auth ? { auth: readAuth(auth, where) } : {}),
    origin: 'config',
  }
}

function checkKind(kind: string, { where, kinds }: Place): void {
  if (Object.hasOwn(kinds, kind)) return
  if (kind === 'command')
    throw new ConfigError(
      `${where}: kind "command" needs a program, and worker.toml names none`,
      'Above the first [[providers]], write [[commands]] with name = "NAME" and command = ["/path/of/program"]; ' +
        'here, options.command = "NAME".',
    )
  const near = /^two.?stage/.test(kind) ? 'rsync' : nearest(kind, Object.keys(kinds))
  throw new ConfigError(
    `${where}: kind "${kind}" is unknown`,
    near ? `Did you mean ${near}?` : `Use one of ${Object.keys(kinds).join(', ')}.`,
  )
}
