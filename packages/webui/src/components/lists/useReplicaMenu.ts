// useReplicaMenu.ts — What can be done with a row of the list of replicas: the usual actions, and filters by what it
// says.
import type { Replica } from '@kagami/protocol'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import type { Address } from '../../composables/useAddress.ts'
import { useIfAllowed } from '../../composables/useWrite.ts'
import { lastSyncOf, useReplicaWrites } from '../replicas/useReplicaWrites.ts'
import type { MenuItem } from './ActionMenu.vue'
import { filterOut, filterTo } from './filterText.ts'
import { FILTER_LABELS, wordInWords } from './filterWords.ts'
import { wordsOfReplica, type CellWord } from './replicaFilters.ts'

/** Items that filter by a word of a cell. */
export function useFilterItems(address: Address): (cell: CellWord) => MenuItem[] {
  const { t } = useI18n()
  return ({ field, word }) => {
    const v = `${t(FILTER_LABELS[field])}: ${wordInWords(field, word, t)}`
    const text = address.get(field)
    return [
      {
        words: t('filter.to', { v }),
        run: () => address.set({ [field]: filterTo(text, word, field === 'label') }),
      },
      { words: t('filter.out', { v }), run: () => address.set({ [field]: filterOut(text, word) }) },
    ]
  }
}

/** The items of a row; `remove` asks whether it is meant. */
export function useReplicaMenu(address: Address, remove: (row: Replica) => void): (row: Replica) => MenuItem[] {
  const { t } = useI18n()
  const router = useRouter()
  const writes = useReplicaWrites()
  const ifAllowed = useIfAllowed()
  const filterItems = useFilterItems(address)
  return (row) => {
    const id = encodeURIComponent(row.replica_id)
    const lastSync = lastSyncOf(row)
    const change = (words: string, run: () => void): MenuItem => ({ words, run: () => ifAllowed(run) })
    return [
      change(t('replica.sync'), () => void writes.sync(row)),
      row.paused
        ? change(t('pause.resume'), () => void writes.resume(row))
        : change(t('pause.pause'), () => void writes.pause(row)),
      ...(lastSync ? [{ words: t('rowMenu.logs'), to: `/syncs/${encodeURIComponent(lastSync)}` }] : []),
      change(t('edit.button'), () => void router.push(`/replicas/${id}/edit`)),
      change(t('clone.button'), () => void router.push({ name: 'add-replica', query: { clone: row.replica_id } })),
      { words: t('rowMenu.filter'), items: wordsOfReplica(row).flatMap(filterItems) },
      { ...change(t('replica.remove'), () => remove(row)), danger: true },
    ]
  }
}
