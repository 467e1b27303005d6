// layers.ts — What a replica is told by defaults and by itself, and how that becomes one. Pure.
import type { Labels, Options } from '../model.ts'

/** What one table of worker.toml says; undefined is nothing. */
export interface Layer {
  readonly interval_secs: number | undefined
  readonly labels: Labels
  readonly options: Options
}

/**
 * Later layers win, labels and options key by key. An interval and a cron line exclude each other: a layer that says
 * one of them takes the other one away from the layers before it.
 */
export function mergeLayers(layers: readonly Layer[]): Layer {
  return layers.reduce(
    (before, layer) => {
      const timed = layer.interval_secs !== undefined
      const cron = Boolean(layer.options['cron'])
      const { cron: inherited, ...options } = before.options
      return {
        interval_secs: timed || cron ? layer.interval_secs : before.interval_secs,
        labels: { ...before.labels, ...layer.labels },
        options: { ...(timed || inherited === undefined ? options : before.options), ...layer.options },
      }
    },
    { interval_secs: undefined, labels: {}, options: {} } as Layer,
  )
}
