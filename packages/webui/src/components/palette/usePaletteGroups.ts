// usePaletteGroups.ts — The lines of the palette for what is typed: what was looked at last, what this page can do and
// where one can go; then what the server finds.
import type { Replica } from '@kagami/protocol'
import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { api } from '../../api.ts'
import { useIfAllowed, useWrite } from '../../composables/useWrite.ts'
import { useKeyStore, type KeyBinding } from '../../stores/keys.ts'
import { useRecent } from '../../stores/recent.ts'
import { commandsOf, useReplicaWrites } from '../replicas/useReplicaWrites.ts'
import { itemsWith, readRequest, type PaletteGroup, type PaletteItem, type Verb } from './items.ts'
import { useFindings, type Findings } from './useFindings.ts'

/** The groups for `text`, without empty ones; whether the server is still searching, and why it could not. */
export function usePaletteGroups(text: () => string) {
  const { t } = useI18n()
  const request = computed(() => readRequest(text(), (verb) => t(`paletteVerb.${verb}`)))
  const { findings, searching, problem } = useFindings(() => request.value.name)
  const known = useKnownItems()
  const found = useFoundItems()
  const groups = computed((): PaletteGroup[] => {
    const { verb, name } = request.value
    if (verb) return named(t, { act: found.actions(findings.value, verb) })
    if (name === '') return named(t, { recent: known.recent.value, here: known.here.value, go: known.go.value })
    const [here, go] = [known.here, known.go].map((items) => itemsWith(items.value, name))
    return named(t, { here: here!, go: go!, ...found.places(findings.value, name) })
  })
  return { groups, searching, problem }
}

type Translate = ReturnType<typeof useI18n>['t']

/** Groups of items with their labels; empty ones are left out. */
function named(t: Translate, groups: Record<string, readonly PaletteItem[]>): PaletteGroup[] {
  return Object.entries(groups)
    .filter(([, items]) => items.length > 0)
    .map(([id, items]) => ({ id, label: t(`paletteGroup.${id}`), items }))
}

/** What the page knows without asking. */
function useKnownItems(): Record<'recent' | 'here' | 'go', ComputedRef<PaletteItem[]>> {
  const { t } = useI18n()
  const router = useRouter()
  const keys = useKeyStore()
  const recent = useRecent()
  const fromKeys = (where: KeyBinding['where']): PaletteItem[] =>
    keys.bindings
      .filter((binding) => binding.where === where)
      .map(({ keys: shown, ...binding }) => ({ ...binding, keys: shown, id: `key ${shown}` }))
  return {
    recent: computed(() =>
      recent.visits.map(({ kind, name, path }) => ({
        id: path,
        words: name,
        note: t(`column.${kind}`),
        run: () => void router.push(path),
      })),
    ),
    here: computed(() => fromKeys('page')),
    go: computed(() => [
      ...fromKeys('everywhere'),
      {
        id: 'add',
        words: t('replicas.add'),
        command: 'kagami replicas add UPSTREAM --worker WORKER',
        run: () => void router.push({ name: 'add-replica' }),
      },
    ]),
  }
}

const pathOf = (kind: 'replicas' | 'mirrors' | 'workers' | 'syncs', id: string): string =>
  `/${kind}/${encodeURIComponent(id)}`

const nameOf = (replica: Replica): string => `${replica.name}@${replica.worker_name}`

/** What each verb does with a replica. */
function useVerbs(): Record<Verb, (replica: Replica) => void> {
  const router = useRouter()
  const writes = useReplicaWrites()
  const ifAllowed = useIfAllowed()
  const { run } = useWrite()
  async function openLog(replica: Replica): Promise<void> {
    const [last] = (await api.call('listSyncs', { query: { replica: replica.replica_id, limit: 1 } })).items
    await router.push(last ? pathOf('syncs', last.sync_id) : pathOf('replicas', replica.replica_id))
  }
  return {
    sync: (replica) => ifAllowed(() => void writes.sync(replica)),
    pause: (replica) => ifAllowed(() => void writes.pause(replica)),
    resume: (replica) => ifAllowed(() => void writes.resume(replica)),
    edit: (replica) => ifAllowed(() => void router.push(`${pathOf('replicas', replica.replica_id)}/edit`)),
    logs: (replica) => void run(() => openLog(replica), { toastError: true }),
  }
}

/** What the server found, as lines. */
function useFoundItems() {
  const { t } = useI18n()
  const router = useRouter()
  const verbs = useVerbs()
  const go = (path: string) => () => void router.push(path)
  const actions = (found: Findings, verb: Verb): PaletteItem[] =>
    found.replicas.map((replica) => ({
      id: `${verb} ${replica.replica_id}`,
      words: t(`paletteDo.${verb}`, { name: nameOf(replica) }),
      health: replica.health,
      command: commandsOf(replica)[verb],
      run: () => verbs[verb](replica),
    }))
  const places = (found: Findings, text: string): Record<'replicas' | 'mirrors' | 'workers', PaletteItem[]> => ({
    replicas: [
      ...found.replicas.map((replica) => ({
        id: replica.replica_id,
        words: nameOf(replica),
        note: replica.kind,
        health: replica.health,
        run: go(pathOf('replicas', replica.replica_id)),
      })),
      ...(found.replicasTotal > found.replicas.length ? [allReplicas(found.replicasTotal, text)] : []),
    ],
    mirrors: found.mirrors.map((mirror) => ({
      id: `mirror ${mirror.name}`,
      words: mirror.name,
      health: mirror.worst_health,
      run: go(pathOf('mirrors', mirror.name)),
    })),
    workers: found.workers.map((worker) => ({
      id: worker.worker_id,
      words: worker.name,
      run: go(pathOf('workers', worker.worker_id)),
    })),
  })
  const allReplicas = (n: number, q: string): PaletteItem => ({
    id: 'all replicas',
    words: t('palette.all', { n, q }),
    run: () => void router.push({ name: 'replicas', query: { q: q.split('@')[0] } }),
  })
  return { actions, places }
}
