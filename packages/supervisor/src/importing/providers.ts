// providers.ts — The replicas of a worker.toml, or of a part of it: [[providers]] with what [defaults] says. Pure.
import { mergeLayers, type Labels, type Layer } from '@kagami/protocol'
import { CREDENTIALS, leftOut, tableOf, textOf, type Imported, type Table } from './imported.ts'

/** Keys of a provider that a replica of the API has, too. */
const TAKEN = new Set(['name', 'kind', 'upstream', 'interval_secs', 'labels', 'options', 'auth'])

/** The replicas that `[[providers]]` declare. */
export function readProviders(values: Table): Imported[] {
  const defaults = tableOf(values['defaults']) ?? {}
  const providers = Array.isArray(values['providers']) ? (values['providers'] as unknown[]) : []
  return providers.map((provider, index) => readProvider(provider, index, defaults))
}

function readProvider(provider: unknown, index: number, defaults: Table): Imported {
  const table = tableOf(provider)
  const name = table ? textOf(table['name']) : textOf(provider)
  const refused = (why: string): Imported => ({ name: name || `providers[${index}]`, replica: null, why, notes: [] })
  if (!table) return refused('only its name is given: kind and upstream are needed')
  const [kind, upstream] = [textOf(table['kind']), textOf(table['upstream'])]
  for (const [key, value] of Object.entries({ name, kind, upstream }))
    if (value === '') return refused(`${key} is required`)
  const { interval_secs, labels, options } = mergeLayers([
    layerOf(defaults),
    layerOf(tableOf(defaults[kind]) ?? {}),
    layerOf(table),
  ])
  return {
    name,
    replica: { name, kind, upstream, interval_secs: interval_secs || null, labels, options },
    why: null,
    notes: [
      ...(table['auth'] === undefined ? [] : [CREDENTIALS]),
      ...leftOut(Object.keys(table).filter((key) => !TAKEN.has(key))),
    ],
  }
}

function layerOf({ interval_secs, labels, options }: Table): Layer {
  return {
    interval_secs: typeof interval_secs === 'number' ? interval_secs : undefined,
    labels: (tableOf(labels) ?? {}) as Labels,
    options: tableOf(options) ?? {},
  }
}
