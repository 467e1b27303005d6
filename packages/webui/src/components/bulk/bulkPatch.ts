// bulkPatch.ts — The form of an edit of many replicas, and the patch from what was typed. Pure.
import type { BulkPatch } from '@kagami/protocol'
import { secondsOf, type Typed } from '../adding/typed.ts'
import { labelsFrom } from '../replicas/optionFields.ts'

/** What is typed. What is empty stays as it is in each replica. */
export interface BulkTyped extends Pick<Typed, 'amount' | 'unit'> {
  schedule: 'keep' | Typed['schedule']
  /** KEY=VALUE, separated by commas. */
  labels: string
  /** Keys of labels that are removed, separated by commas. */
  unlabelled: string
  /** KEY=VALUE on a line; without a value an option goes back to its default. */
  options: string
}

/** A form in which nothing is changed. */
export const emptyBulkForm = (): BulkTyped => ({
  schedule: 'keep',
  amount: '6',
  unit: 'hours',
  labels: '',
  unlabelled: '',
  options: '',
})

/** Which field is wrong; null: none. */
export function wrongField(typed: BulkTyped): 'interval' | 'labels' | 'options' | null {
  if (typed.schedule === 'every' && !(Number.isInteger(secondsOfBulk(typed)) && secondsOfBulk(typed) > 0))
    return 'interval'
  if (labelsFrom(typed.labels).bad !== null) return 'labels'
  return linesOf(typed.options).some((line) => line.indexOf('=') < 1) ? 'options' : null
}

/** The patch; without keys when nothing is changed. */
export function bulkPatchFrom(typed: BulkTyped): BulkPatch {
  const removed = wordsOf(typed.unlabelled).map((key) => [key, null])
  const labels = { ...labelsFrom(typed.labels).labels, ...(Object.fromEntries(removed) as Record<string, null>) }
  const options = Object.fromEntries(linesOf(typed.options).map(optionOf))
  return {
    ...(typed.schedule === 'keep' ? {} : { interval_secs: secondsOfBulk(typed) }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  }
}

const secondsOfBulk = ({ schedule, amount, unit }: BulkTyped): number =>
  schedule === 'keep' ? 0 : secondsOf({ schedule, amount, unit })

const linesOf = (text: string): string[] => trimmed(text.split('\n'))
const wordsOf = (text: string): string[] => trimmed(text.split(','))
const trimmed = (parts: readonly string[]): string[] => parts.map((part) => part.trim()).filter((part) => part !== '')

/** A value is JSON where it reads as JSON (a number, a list), else the text; as on the command line. */
function optionOf(line: string): [string, unknown] {
  const at = line.indexOf('=')
  const text = line.slice(at + 1).trim()
  if (text === '') return [line.slice(0, at).trim(), null]
  try {
    return [line.slice(0, at).trim(), JSON.parse(text)]
  } catch {
    return [line.slice(0, at).trim(), text]
  }
}
