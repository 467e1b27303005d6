// mirrorColumns.ts — The columns of the list of mirrors, and what of a mirror one can filter by.
import type { Resource } from '@kagami/protocol'
import type { KnownColumns, ListColumn } from './listColumns.ts'
import type { CellWord } from './replicaFilters.ts'

/** Those that there are, and those that are shown by themselves. */
export const MIRROR_COLUMNS: KnownColumns = {
  all: ['health', 'name', 'replicas', 'newest', 'contentAt', 'size', 'next', 'kinds', 'labels'],
  shown: ['health', 'name', 'replicas', 'newest', 'contentAt', 'size', 'next', 'kinds', 'labels'],
  cards: ['health', 'name', 'replicas', 'newest'],
  fixed: 'name',
}

/** What the list of mirrors can be filtered by. */
export const MIRROR_FILTERS = ['health', 'kind', 'label'] as const

/** What each column is. */
export function mirrorColumns(t: (key: string) => string): ListColumn[] {
  return [
    { key: 'health', label: t('column.health'), min: 112, sort: 'worst', card: 'end' },
    { key: 'name', label: t('column.name'), min: 130, grows: true, sort: 'name' },
    { key: 'replicas', label: t('column.replicas'), min: 190, sort: 'replicas_total' },
    { key: 'newest', label: t('column.newest'), min: 120, sort: 'newest_success_at', card: 'end' },
    { key: 'contentAt', label: t('column.contentAt'), min: 110, card: 'off' },
    { key: 'size', label: t('column.size'), min: 88, numeric: true, sort: 'size_bytes', card: 'off' },
    { key: 'next', label: t('column.next'), min: 112, sort: 'next_due_at', card: 'off' },
    { key: 'kinds', label: t('column.kind'), min: 92, card: 'off' },
    { key: 'labels', label: t('column.labels'), min: 120, grows: true, card: 'off' },
  ]
}

/** What one can filter by of a mirror. */
export function wordsOfMirror({ worst_health, kinds, labels }: Resource): CellWord[] {
  return [
    { field: 'health', word: worst_health },
    ...kinds.map((word) => ({ field: 'kind', word }) as const),
    ...Object.entries(labels).map(([key, value]) => ({ field: 'label', word: `${key}=${value}` }) as const),
  ]
}
