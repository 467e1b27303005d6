// useReplicaList.ts — The list of all replicas: what its address asks for, and its rows.
import { choiceOf, isChosen, type ListedReplica, type ReplicaQuery, type Summary } from '@kagami/protocol'
import { computed, type ComputedRef } from 'vue'
import { api } from '../../api.ts'
import { useAddress, type Address } from '../../composables/useAddress.ts'
import { usePhone } from '../../composables/usePhone.ts'
import { useRows, type Rows } from '../../composables/useRows.ts'
import { patchListed, replicaMoves, topicOfReplica } from '../../patches.ts'
import { FILTER_FIELDS } from './replicaFilters.ts'
import { REPLICA_COLUMNS } from './replicaColumns.ts'
import { useListLook, type ListLook } from './useListLook.ts'

const FILTERS = ['q', ...FILTER_FIELDS] as const
/** What a column needs that is in the answer only when it is asked for. */
const INCLUDED: Readonly<Record<string, string>> = { strip: 'strip', took: 'usual' }

export interface ReplicaList {
  readonly address: Address
  readonly look: ListLook
  /** The filters that are set. */
  readonly filters: ComputedRef<ReplicaQuery>
  readonly list: Rows<ListedReplica>
  clear(): void
}

/** The list, as the address of the page says. */
export function useReplicaList(): ReplicaList {
  const address = useAddress(FILTERS)
  const look = useListLook('replicas', REPLICA_COLUMNS, address)
  const filters = computed(
    () =>
      Object.fromEntries(
        FILTERS.filter((name) => address.get(name) !== '').map((name) => [name, address.get(name)]),
      ) as ReplicaQuery,
  )
  const isPhone = usePhone()
  const query = computed(() => {
    const shown = isPhone.value ? look.cards.value : look.columns.value
    const include = shown.flatMap((key) => INCLUDED[key] ?? []).sort()
    return { ...filters.value, sort: address.get('sort') || undefined, include: include.join() || undefined }
  })
  const list = useRows<ListedReplica>({
    name: 'replicas',
    key: () => JSON.stringify(query.value),
    fetch: (paging, signal) => api.call('listReplicas', { query: { ...query.value, ...paging }, signal }),
    id: (row) => row.replica_id,
    patch: patchListed,
    topics: (rows) => rows.map(topicOfReplica),
    moves: replicaMoves,
    counts: (summary) => [summary.replicas_total, countsShown(summary, filters.value.health)],
  })
  const clear = (): void => address.set(Object.fromEntries(FILTERS.map((name) => [name, ''])))
  return { address, look, filters, list, clear }
}

/** Of the states that a list shows, how many replicas have them. */
function countsShown({ health_counts: counts }: Summary, text: string | undefined): Summary['health_counts'] {
  const choice = choiceOf(text)
  return Object.fromEntries(Object.entries(counts).filter(([health]) => !choice || isChosen(choice, health)))
}
