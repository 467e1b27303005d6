// presets.ts — docs/presets.md: the well-known upstreams, what is set for each, and which page says so.
import { presetNotes } from '../../packages/protocol/src/adding/preset-notes.ts'
import { presets, type Preset } from '../../packages/protocol/src/adding/presets.ts'
import { code, GENERATED, table } from './markdown.ts'

const ABOUT =
  'Upstreams that many mirrors keep, with what their own pages ask of a mirror. The sheet that adds a replica offers ' +
  'them, also when the address that is pasted is of one; on the command line, `kagami replicas add --preset`. A ' +
  'preset fills in what was not chosen, and each of its values can be changed. Where an address has HOST in it, an ' +
  'operator writes the host of a mirror there. Every preset has the label `category`.'

/** The text of the page. */
export function presetReference(): string {
  const rows = presets.map((preset) => [
    code(preset.id),
    preset.title,
    preset.kind,
    code(preset.upstream),
    hoursOf(preset),
    optionsOf(preset),
    preset.notes.map((note) => `[${note}](#notes)`).join(', ') || 'none',
    `[page](${preset.source})`,
  ])
  const heads = ['preset', 'of', 'kind', 'upstream', 'every', 'options', 'notes', 'source']
  const notes = table(
    ['note', 'meaning'],
    Object.entries(presetNotes).map(([note, text]) => [note, text]),
  )
  return `${['# Presets', GENERATED, ABOUT, table(heads, rows), '## Notes', notes].join('\n\n')}\n`
}

const hoursOf = ({ interval_secs }: Preset): string =>
  interval_secs % 3600 === 0 ? `${interval_secs / 3600} h` : `${interval_secs / 60} min`

const optionsOf = ({ options }: Preset): string =>
  Object.entries(options)
    .map(([key, value]) => code(`${key} = ${JSON.stringify(value)}`))
    .join(', ') || 'none'
