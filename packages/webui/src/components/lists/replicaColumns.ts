// replicaColumns.ts — The columns of lists of replicas.
import type { KnownColumns, ListColumn } from './listColumns.ts'

/** Of the list of all replicas. What is not shown by itself can be chosen. */
export const REPLICA_COLUMNS: KnownColumns = {
  all: [
    'health',
    'name',
    'worker',
    'lastOk',
    'failing',
    'strip',
    'size',
    'next',
    'kind',
    'upstream',
    'labels',
    'took',
    'bytes',
  ],
  shown: ['health', 'name', 'worker', 'lastOk', 'failing', 'strip', 'size', 'next', 'kind', 'labels', 'upstream'],
  cards: ['health', 'name', 'worker', 'lastOk'],
  fixed: 'name',
}

/** Of the replicas of one worker or one mirror, on its page. */
export const CONTEXT_COLUMNS = {
  worker: ['health', 'name', 'kind', 'lastOk', 'took', 'size', 'next', 'labels', 'upstream'],
  mirror: ['health', 'worker', 'kind', 'lastOk', 'took', 'size', 'next', 'labels', 'upstream'],
} as const

/** What each is. */
export function replicaColumns(t: (key: string) => string, context?: 'worker' | 'mirror'): ListColumn[] {
  return [
    { key: 'health', label: t('column.health'), min: 112, sort: 'worst', card: 'end' },
    { key: 'name', label: t('column.mirror'), min: 126, grows: true, sort: 'name' },
    { key: 'worker', label: t('column.worker'), min: 96, grows: context === 'mirror', sort: 'worker' },
    {
      key: 'lastOk',
      label: t('column.lastOk'),
      min: 124,
      sort: 'last_success_at',
      card: 'end',
      word: t('column.ok'),
    },
    { key: 'failing', label: t('column.failing'), min: 170, card: 'off' },
    { key: 'strip', label: t('column.strip'), min: 132, card: 'off' },
    {
      key: 'size',
      label: t('column.size'),
      min: 84,
      numeric: true,
      sort: 'size_bytes',
      card: context === 'worker' ? undefined : 'off',
    },
    { key: 'next', label: t('column.next'), min: 116, sort: 'next_due_at', card: 'off' },
    { key: 'kind', label: t('column.kind'), min: 76, card: 'off' },
    { key: 'upstream', label: t('column.upstream'), min: 140, grows: true, card: 'off' },
    { key: 'labels', label: t('column.labels'), min: 130, grows: true, card: 'off' },
    { key: 'took', label: t('column.took'), min: context ? 88 : 168, numeric: true, card: 'off' },
    { key: 'bytes', label: t('column.received'), min: 88, numeric: true, card: 'off' },
  ]
}
