// useReplicaKeys.ts — Keys of rows of replicas: s syncs the one with the focus, l opens its log, e edits it. Where
// several are chosen, s is for those, and asks: see BulkBar.vue.
import type { Replica } from '@kagami/protocol'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { useKeys } from '../../composables/useKeys.ts'
import type { Selection } from '../../composables/useSelection.ts'
import { useIfAllowed } from '../../composables/useWrite.ts'
import { useToasts } from '../../stores/toasts.ts'
import { focusedRow } from '../table/useRowKeys.ts'
import { lastSyncOf, useReplicaWrites } from '../replicas/useReplicaWrites.ts'

/** Adds the keys. `selection`: what of these rows is chosen, where one can choose. */
export function useReplicaKeys(rows: () => readonly Replica[], selection: () => Selection | undefined): void {
  const { t } = useI18n()
  const router = useRouter()
  const writes = useReplicaWrites()
  const ifAllowed = useIfAllowed()
  const toasts = useToasts()
  const focused = () => rows().find((row) => row.replica_id === focusedRow())
  const onRow = (keys: string, words: string, act: (row: Replica) => void) => {
    const run = () => {
      const row = focused()
      if (row) act(row)
    }
    return { keys, words, where: 'list', applies: () => focused() !== undefined, run } as const
  }
  function openLog(row: Replica): void {
    const sync = lastSyncOf(row)
    if (sync) void router.push(`/syncs/${encodeURIComponent(sync)}`)
    else toasts.show(t('keys.noLog', { name: row.name, worker: row.worker_name }))
  }
  const edit = ({ replica_id: id }: Replica) => void router.push(`/replicas/${encodeURIComponent(id)}/edit`)
  useKeys(() => [
    ...(selection()?.isSeveral.value
      ? []
      : [onRow('s', t('keys.sync'), (row) => ifAllowed(() => void writes.sync(row)))]),
    onRow('l', t('keys.log'), openLog),
    onRow('e', t('keys.edit'), (row) => ifAllowed(() => edit(row))),
  ])
}
