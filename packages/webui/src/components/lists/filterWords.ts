// filterWords.ts — Filters in words, as chips and as a sentence.
import { choiceOf, healthLooks, type Health, type ReplicaQuery } from '@kagami/protocol'
import { FILTER_FIELDS, type FilterField } from './replicaFilters.ts'

type Translate = (key: string, values?: Record<string, string>) => string

/** Where the label of each filter is in the locales. */
export const FILTER_LABELS = {
  health: 'column.health',
  worker: 'column.worker',
  kind: 'column.kind',
  upstream: 'column.upstream',
  label: 'column.labels',
  cause: 'column.cause',
  name: 'column.mirror',
  last_ok: 'column.lastOk',
} as const satisfies Record<FilterField, string>

/** A word that a list is filtered by. */
export interface FilterChip {
  readonly field: FilterField
  readonly word: string
  /** What has the word is left out. */
  readonly isUnwanted: boolean
  /** `Health: not Fresh`. */
  readonly words: string
}

/** A word of a filter as people read it. */
export function wordInWords(field: FilterField, word: string, t: Translate): string {
  const key = field === 'health' ? healthLooks[word as Health]?.words : field === 'cause' ? `reason.${word}` : undefined
  const text = key === undefined ? word : t(key)
  // A newer supervisor may have a reason that this page does not know.
  return text === key ? word : text
}

/** Every word that is filtered by, in the order of the filters. */
export function chipsOf(query: ReplicaQuery, t: Translate): FilterChip[] {
  return FILTER_FIELDS.flatMap((field) => {
    const { wanted, unwanted } = choiceOf(query[field]) ?? { wanted: [], unwanted: [] }
    const chip = (word: string, isUnwanted: boolean): FilterChip => {
      const text = wordInWords(field, word, t)
      const words = `${t(FILTER_LABELS[field])}: ${isUnwanted ? t('filter.not', { v: text }) : text}`
      return { field, word, isUnwanted, words }
    }
    return [...wanted.map((word) => chip(word, false)), ...unwanted.map((word) => chip(word, true))]
  })
}

/** Each filter that is set, as `Health: Failed, not Late`; none for a query that everything matches. */
export function filterWords(query: ReplicaQuery, t: Translate): string[] {
  const byField = Map.groupBy(chipsOf(query, t), ({ field }) => field)
  const sentences = [...byField].map(([field, chips]) => {
    const label = `${t(FILTER_LABELS[field])}: `
    return label + chips.map(({ words }) => words.slice(label.length)).join(', ')
  })
  return query.q ? [...sentences, `${t('bulk.text')}: ${query.q}`] : sentences
}
