// check.ts — Checks the keys of worker.toml by name: what is misspelt, of another program or in the wrong table is
// refused with what to write instead; what resembles nothing is only warned about.
import { policyProperties, withoutPolicy, withPolicy } from '@kagami/protocol'
import { checkValues, ConfigError, nearest, type Values } from '@kagami/runtime'
import Type from 'typebox'
import { Default } from 'typebox/value'
import { CommandKeys, ContainerTable } from './command-keys.ts'
import { AuthTable, DefaultKeys, HookTable, ProviderKeys, WorkerKeys } from './keys.ts'
import {
  commandWords,
  containerWords,
  knownWord,
  misspelt,
  optionWords,
  providerWords,
  topWords,
  written,
  type Words,
} from './words.ts'

/** The kinds a worker can sync, each with the schema of its own options, and what it finds wrong with a replica. */
export type Kinds = Readonly<
  Record<
    string,
    {
      readonly options: Type.TObject
      checkSpec?(upstream: string, options: Values): string | null
      readonly connects?: 'itself'
    }
  >
>

/** Where keys are, for messages, and what they may be. */
export interface Place {
  /** `worker.toml: providers[0] (debian)` */
  readonly where: string
  readonly kinds: Kinds
  /** Null: of every kind, or not known. */
  readonly kind: string | null
  /** Those of the kinds that replicas are declared of; what they all have can be said for all of them. */
  readonly declared?: Kinds
}

const topKeys = Object.keys(WorkerKeys.properties)
const providerKeys = Object.keys(ProviderKeys.properties)
const quote = (words: readonly string[]) => words.join(', ')

/** The keys at the top of worker.toml that resemble nothing. Throws ConfigError for one that means something. */
export function strangeTopKeys(values: Values, file: string): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (topKeys.includes(key)) return []
    refuseWord({ where: file, key, value, words: topWords })
    if (providerKeys.includes(key))
      throw new ConfigError(
        `${file}: ${key} is a key of a provider, but there is no [[providers]] above it`,
        `Write [[providers]] above ${key} and the other keys of the replica.`,
      )
    refuseMisspelt(file, key, misspelt(key, topKeys))
    return [key]
  })
}

/** The keys of a provider that resemble nothing. Throws ConfigError for one that means something. */
export function strangeProviderKeys(values: Values, place: Place): string[] {
  const { where, kind, kinds } = place
  return Object.entries(values).flatMap(([key, value]) => {
    if (providerKeys.includes(key)) return []
    const options = optionsOf(place)
    // What is started is not said by a replica.
    if (key === 'command' && /[\s/]/.test(String(value))) refuseWord({ where, key, value, words: providerWords })
    if (options.includes(key))
      throw new ConfigError(
        `${where}: ${key} is an option${kind !== null && Object.hasOwn(kinds, kind) ? ` of kind ${kind}` : ''}`,
        `Write options.${written(key, value)}`,
      )
    refuseWord({ where, key, value, words: providerWords })
    refuseMisspelt(where, key, misspelt(key, providerKeys))
    const option = misspelt(key, options)
    refuseMisspelt(where, key, option && `options.${written(option, value)}`)
    return [key]
  })
}

/** Throws ConfigError for a key that `[defaults]`, or with a kind `[defaults.<kind>]`, does not have. */
export function checkDefaultKeys(values: Values, place: Place): void {
  const { where, kind, kinds } = place
  const known = Object.keys(DefaultKeys.properties)
  for (const [key, value] of Object.entries(values)) {
    if (known.includes(key)) continue
    if (providerKeys.includes(key))
      throw new ConfigError(
        `${where}: ${key} has no default: each replica has its own`,
        key === 'hooks' ? 'Write [hooks], which is for all replicas.' : `Write ${key} below [[providers]].`,
      )
    if (optionsOf(place).includes(key)) {
      checkOption(key, value, place)
      throw new ConfigError(`${where}: ${key} is an option`, `Write options.${written(key, value)}`)
    }
    refuseWord({ where, key, value, words: providerWords })
    const tables = kind === null ? Object.keys(kinds) : []
    refuseMisspelt(where, key, misspelt(key, [...known, ...tables]))
    throw new ConfigError(`${where}: unknown key ${key}`, `Known are ${quote([...known, ...tables])}.`)
  }
}

const hookWords: Words = {
  success: 'on_success',
  failure: 'on_failure',
  failed: 'on_failure',
  held: 'on_held',
  exec_on_success: 'on_success',
  exec_on_failure: 'on_failure',
  post_sync: 'on_success',
}
const authWords: Words = { user: 'username', login: 'username', pass: 'password', passwd: 'password', kind: 'type' }

/** Throws ConfigError for a key that the `hooks` of a worker or replica do not have. */
export function checkHookKeys(hooks: unknown, where: string): void {
  refuseUnknown(hooks, { where, table: 'hooks', known: Object.keys(HookTable.properties), words: hookWords })
}

/** Throws ConfigError for a key that `auth` does not have. */
export function checkAuthKeys(auth: unknown, where: string): void {
  refuseUnknown(auth, { where, table: 'auth', known: Object.keys(AuthTable.properties), words: authWords })
}

/** Throws ConfigError for a key that a `[[commands]]` table does not have. */
export function checkCommandKeys(values: Values, where: string): void {
  const known = Object.keys(CommandKeys.properties)
  refuseUnknown(values, { where, table: 'commands', known, words: commandWords })
  const inside = Object.keys(ContainerTable.properties)
  refuseUnknown(values['container'], { where, table: 'container', known: inside, words: containerWords })
}

/** Throws ConfigError for an option that the kind does not have, and for a value that does not fit. */
export function checkOptions(options: Values, place: Place): void {
  const { where, kind, kinds } = place
  for (const [key, value] of Object.entries(options)) checkOption(key, value, place)
  const schema = optionSchema(kind === null ? sharedSchema(place) : (kinds[kind]?.options ?? null))
  const whole = { options: Default(schema.properties['options'] as Type.TObject, structuredClone(options)) }
  const page = kind === null ? 'docs/providers/README.md' : `docs/providers/${kind}.md`
  try {
    checkValues(schema, whole, () => where)
  } catch (error) {
    if (!(error instanceof ConfigError) || error.hint !== null) throw error
    // The pattern of an option says nothing to people; what is allowed is described on its page.
    const said = error.message.replace(/ must match pattern .*$/s, ' has a form that is not allowed')
    throw new ConfigError(said, `The options and their values are in ${page}.`)
  }
}

function checkOption(key: string, value: unknown, place: Place): void {
  const { where, kind, kinds } = place
  const known =
    kind === null ? Object.keys({ ...policyProperties, ...sharedSchema(place).properties }) : optionsOf(place)
  if (known.includes(key)) return
  if (providerKeys.includes(key) || topKeys.includes(key))
    throw new ConfigError(
      `${where}: ${key} is written among the options, so TOML reads it as one of them`,
      topKeys.includes(key) && !providerKeys.includes(key)
        ? `Move ${key} above the first [[providers]].`
        : `Move ${key} above [providers.options], to the other keys of the provider.`,
    )
  const having = Object.keys(kinds).filter((other) => Object.hasOwn(kinds[other]!.options.properties, key))
  if (kind === null && having.length > 0)
    throw new ConfigError(
      `${where}: ${key} is not an option of every kind, but of ${quote(having)}`,
      `Write it in ${having.map((other) => `[defaults.${other}.options]`).join(' or ')}.`,
    )
  const what = kind === null ? 'that every kind has' : `of kind ${kind}`
  const word = knownWord(key, value, optionWords)
  const cure = word && known.some((name) => name === word.write.split(' ')[0]) ? word : null
  const write = cure?.write ?? nearest(key, known)
  if (write) throw new ConfigError(`${where}: unknown option ${key} ${what}; did you mean ${write}?`, cure?.why)
  const misplaced = knownWord(key, value, providerWords)
  throw new ConfigError(
    `${where}: unknown option ${key} ${what}` +
      (misplaced ? `; did you mean ${misplaced.write}, which is a key of the provider?` : ''),
    misplaced ? misplaced.why : `Known are ${quote(known)}.`,
  )
}

/** Throws ConfigError when an option that has no default is said by no layer. */
export function checkRequired(options: Values, { where, kind, kinds }: Place): void {
  // A schema without anything required has no list of it, whatever its type says.
  const schema: { properties: Type.TProperties; required?: readonly string[] } =
    (kind === null ? undefined : kinds[kind]?.options) ?? ofEveryKind
  const { properties, required = [] } = schema
  const missing = required.find((key) => !Object.hasOwn(options, key) && !('default' in (properties[key] ?? {})))
  if (missing === undefined) return
  const { enum: choices = [] } = properties[missing] as { enum?: readonly string[] }
  throw new ConfigError(
    `${where}: options.${missing} is required`,
    choices.length > 0 ? `Write options.${missing} = "${choices[0]}", or another of ${quote(choices)}.` : null,
  )
}

/** Throws ConfigError when these checked options cannot work with the upstream. */
export function checkSpec(upstream: string, options: Values, { where, kind, kinds }: Place): void {
  const found = kind === null ? undefined : kinds[kind]
  if (!found?.checkSpec) return
  const whole = Default(withPolicy(found.options), structuredClone(options)) as Values
  const problem = found.checkSpec(upstream, withoutPolicy(whole))
  if (problem !== null) throw new ConfigError(`${where}: ${problem}`)
}

/** The names of the options of a kind; of all kinds when it is not known. */
function optionsOf({ kind, kinds }: Place): string[] {
  const found = kind !== null && Object.hasOwn(kinds, kind) ? [kinds[kind]!] : Object.values(kinds)
  return [...new Set(found.flatMap(({ options }) => Object.keys(options.properties))), ...Object.keys(policyProperties)]
}

const sharedSchemas = new WeakMap<Kinds, Type.TObject>()

/** What every declared kind has besides the policy. Kinds mean the same by one name. */
function sharedSchema({ kinds, declared }: Place): Type.TObject {
  const among = declared === undefined || Object.keys(declared).length === 0 ? kinds : declared
  const known = sharedSchemas.get(among)
  if (known) return known
  const [first, ...others] = Object.values(among).map(({ options }) => options.properties)
  const shared = Object.entries(first ?? {}).filter(([key]) => others.every((other) => Object.hasOwn(other, key)))
  const schema = Type.Object(Object.fromEntries(shared))
  sharedSchemas.set(among, schema)
  return schema
}

const ofEveryKind: Type.TObject = Type.Object({})
const schemas = new WeakMap<Type.TObject, Type.TObject>()

/**
 * A table with the key `options`, so that messages name it; one for each kind, because checks are compiled. What is
 * required may be in another layer.
 */
function optionSchema(own: Type.TObject | null): Type.TObject {
  const kind = own ?? ofEveryKind
  const schema = schemas.get(kind) ?? Type.Object({ options: Type.Partial(withPolicy(kind)) })
  schemas.set(kind, schema)
  return schema
}

interface Known {
  readonly where: string
  readonly table: string
  readonly known: readonly string[]
  readonly words: Words
}

function refuseUnknown(values: unknown, { where, table, known, words }: Known): void {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return
  for (const [key, value] of Object.entries(values)) {
    if (known.includes(key)) continue
    const meant = knownWord(key, value, words)?.write ?? nearest(key, known)
    throw new ConfigError(
      `${where}: unknown key ${key} in ${table}${meant ? `; did you mean ${meant}?` : ''}`,
      meant ? null : `Known are ${quote(known)}.`,
    )
  }
}

function refuseWord({ where, key, value, words }: { where: string; key: string; value: unknown; words: Words }): void {
  const cure = knownWord(key, value, words)
  if (cure) throw new ConfigError(`${where}: unknown key ${key}; did you mean ${cure.write}?`, cure.why)
}

function refuseMisspelt(where: string, key: string, meant: string | null): void {
  if (meant) throw new ConfigError(`${where}: unknown key ${key}; did you mean ${meant}?`)
}
