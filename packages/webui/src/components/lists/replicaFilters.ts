// replicaFilters.ts — The filters of the list of replicas, and what of a row one can filter by. Pure.
import { hostOf, type Replica, type ReplicaQuery } from '@kagami/protocol'

/** What a filter is about. */
export type FilterField = Exclude<keyof ReplicaQuery, 'q'>

/** Every filter but the text that is searched for, in the order in which they are shown. */
export const FILTER_FIELDS = [
  'health',
  'worker',
  'kind',
  'upstream',
  'label',
  'cause',
  'name',
  'last_ok',
] as const satisfies readonly FilterField[]

/** What of a cell one can filter by. */
export interface CellWord {
  readonly field: FilterField
  readonly word: string
}

/** What one can filter by of a replica. */
export function wordsOfReplica(replica: Replica): CellWord[] {
  const reason = replica.last_sync?.reason
  return [
    { field: 'health', word: replica.health },
    { field: 'worker', word: replica.worker_name },
    { field: 'kind', word: replica.kind },
    { field: 'upstream', word: hostOf(replica.upstream) },
    ...(reason ? [{ field: 'cause', word: reason } as const] : []),
    ...Object.entries(replica.labels).map(([key, value]) => ({ field: 'label', word: `${key}=${value}` }) as const),
  ]
}
