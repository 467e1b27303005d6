// presets.ts — kagami replicas presets: the well-known upstreams, and what is set for each. Asks nobody.
import { lacksHost, presetNotes, presetOf, presets, type Preset } from '@kagami/protocol'
import { ConfigError, nearest } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import { duration } from '../words.ts'

/** Adds `presets` to `replicas`. */
export function addReplicaPresets(replicas: Command): void {
  replicas
    .command('presets [PRESET]')
    .description('well-known upstreams and what is set for each: address, interval, options; for kagami replicas add')
    .option('--json', 'print JSON for programs')
    .action((id: string | undefined, { json }: { json?: boolean }) => {
      const chosen = id === undefined ? presets : [requirePreset(id)]
      if (json) return printJson(id === undefined ? chosen : chosen[0])
      return id === undefined ? printAll() : printOne(chosen[0]!)
    })
    .addHelpText(
      'after',
      `
Examples:
  kagami replicas presets
  kagami replicas presets debian`,
    )
}

/** The preset of this id. Throws ConfigError. */
export function requirePreset(id: string): Preset {
  const preset = presetOf(id)
  if (preset) return preset
  const meant = nearest(
    id,
    presets.map((one) => one.id),
  )
  throw new ConfigError(
    `there is no preset "${id}"${meant ? `; did you mean ${meant}?` : ''}`,
    'kagami replicas presets lists them.',
  )
}

const every = ({ interval_secs }: Preset): string => duration(interval_secs * 1000)

function printAll(): void {
  printTable(
    ['PRESET', { head: 'TITLE', drop: 2 }, { head: 'KIND', drop: 1 }, 'EVERY', 'UPSTREAM'],
    presets.map((preset) => [preset.id, preset.title, preset.kind, every(preset), preset.upstream]),
  )
  remark('What one sets, and where that is from: kagami replicas presets PRESET')
}

function printOne(preset: Preset): void {
  const settings = Object.entries(preset.options).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  printTable(
    ['FIELD', 'VALUE'],
    [
      ['title', preset.title],
      ['name', preset.name],
      ['kind', preset.kind],
      ['upstream', preset.upstream],
      ['every', every(preset)],
      ['options', settings.join(' ') || '-'],
      [
        'labels',
        Object.entries(preset.labels)
          .map((pair) => pair.join('='))
          .join(' '),
      ],
      ['source', preset.source],
    ],
  )
  for (const note of preset.notes) remark(`note: ${presetNotes[note]}`)
  const words = ['kagami replicas add', ...(lacksHost(preset.upstream) ? ['UPSTREAM'] : []), `--preset ${preset.id}`]
  remark(`Add it: ${words.join(' ')} --worker WORKER`)
}
