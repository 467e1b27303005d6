// filterWords.ts — The filters of a list of replicas in words.
import { healthLooks, type Health, type ReplicaQuery } from '@kagami/protocol'

type Translate = (key: string) => string

/** Where the label of each filter is in the locales. */
const LABELS = {
  health: 'column.health',
  worker: 'column.worker',
  kind: 'column.kind',
  cause: 'bulk.cause',
  label: 'column.labels',
  name: 'column.mirror',
  q: 'bulk.text',
} as const satisfies Record<keyof ReplicaQuery, string>

/** Each filter that is set, as `Health: Failed`; none for a query that everything matches. */
export function filterWords(query: ReplicaQuery, t: Translate): string[] {
  return (Object.keys(LABELS) as (keyof ReplicaQuery)[]).flatMap((name) => {
    const text = query[name]
    return text ? [`${t(LABELS[name])}: ${name === 'health' ? healthsIn(text, t) : text}`] : []
  })
}

function healthsIn(text: string, t: Translate): string {
  const words = text.split(',').map((word) => healthLooks[word as Health]?.words)
  return words.map((key, index) => (key ? t(key) : text.split(',')[index])).join(', ')
}
