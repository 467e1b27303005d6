// defaults.ts — What a replica is told by [defaults], by [defaults.<kind>] and by itself, each checked.
import { intervalProblem, policyOf, scheduleProblem, type Labels, type Layer } from '@kagami/protocol'
import { checkValues, ConfigError, readConfigFile, type Values } from '@kagami/runtime'
import { resolve } from 'node:path'
import { checkDefaultKeys, checkOptions, type Kinds, type Place } from './check.ts'
import type { WorkerConfig } from './config.ts'
import { DefaultKeys } from './keys.ts'

/** The defaults of a kind, those of all kinds first. */
export type Defaults = (kind: string) => readonly Layer[]

/** Reads `[defaults]`. Throws ConfigError as for a provider, whether a replica uses it or not. */
export function readDefaults(config: WorkerConfig, kinds: Kinds): Defaults {
  const tables = Object.entries(config.defaults ?? {})
  const isKind = (key: string) => Object.hasOwn(kinds, key)
  const isDeclared = (kind: string) => config.providers.some((one) => (one as Values | null)?.['kind'] === kind)
  const declared = Object.fromEntries(Object.entries(kinds).filter(([kind]) => isDeclared(kind)))
  const read = (values: unknown, kind: string | null): Layer => {
    const where = `${config.defaultsFrom}: defaults${kind === null ? '' : `.${kind}`}`
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new ConfigError(`${where}: must be a table`, `Write [defaults.${kind}] above its keys.`)
    const place = { where, kinds, kind, declared }
    checkDefaultKeys(values as Values, place)
    checkValues(DefaultKeys, values as Values, () => where)
    const layer = readLayer(values as Values, place, config.folder)
    checkSchedule(layer.options, where)
    return layer
  }
  const general = read(Object.fromEntries(tables.filter(([key]) => !isKind(key))), null)
  const byKind = new Map(tables.filter(([key]) => isKind(key)).map(([kind, values]) => [kind, read(values, kind)]))
  return (kind) => [general, ...[byKind.get(kind) ?? []].flat()]
}

/** What a checked table says: its patterns read from their file, its options checked. */
export function readLayer(values: Values, place: Place, folder: string): Layer {
  const { exclude_from: inOptions, ...options } = (values['options'] ?? {}) as Values
  const interval_secs = values['interval_secs'] as number | undefined
  const late = intervalProblem(interval_secs)
  if (late) throw new ConfigError(`${place.where}: interval_secs ${late}`)
  const file = values['exclude_from'] ?? inOptions
  if (file !== undefined) refuseWithoutExclude(place)
  const exclude = file === undefined ? null : readPatterns(file, place.where, folder)
  // The patterns of the provider come first, as rsync takes the first that fits.
  const own = Array.isArray(options['exclude']) ? options['exclude'] : []
  const whole = exclude ? { ...options, exclude: [...own, ...exclude] } : options
  checkOptions(whole, place)
  return { interval_secs, labels: (values['labels'] ?? {}) as Labels, options: whole }
}

/** Throws ConfigError when cron, time zone or windows of these options cannot be kept. */
export function checkSchedule(options: Values, where: string): void {
  const problem = scheduleProblem(policyOf(options))
  if (problem) throw new ConfigError(`${where}: options.${problem.field}: ${problem.message}`)
}

function refuseWithoutExclude({ where, kind, kinds }: Place): void {
  const having = Object.keys(kinds).filter((name) => Object.hasOwn(kinds[name]!.options.properties, 'exclude'))
  if (kind === null)
    throw new ConfigError(
      `${where}: exclude_from is not for every kind, but for ${having.join(' and ')}`,
      `Write it in ${having.map((name) => `[defaults.${name}]`).join(' or ')}.`,
    )
  if (!having.includes(kind))
    throw new ConfigError(`${where}: exclude_from is not for kind ${kind}, but for ${having.join(' and ')}`)
}

/** The patterns in a file beside worker.toml, one a line, without comments and empty lines. */
function readPatterns(file: unknown, where: string, folder: string): string[] {
  if (typeof file !== 'string') throw new ConfigError(`${where}: exclude_from must be the path of a file`)
  const path = resolve(folder, file)
  const text = readConfigFile(path)
  if (text === null)
    throw new ConfigError(
      `${where}: exclude_from: there is no file ${path}`,
      'Write the path relative to the folder of worker.toml, or from the root.',
    )
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !/^[#;]/.test(line))
}
