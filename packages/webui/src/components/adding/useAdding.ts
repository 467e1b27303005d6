// useAdding.ts — The form of a new replica and what it must know of the fleet: workers, copies that are there already,
// the replica it is a copy of. Also what is sent, and what became of it on each worker.
import type { Replica, Worker } from '@kagami/protocol'
import { computed, ref, shallowRef, watch } from 'vue'
import { api } from '../../api.ts'
import { useFetched } from '../../composables/useFetched.ts'
import { t } from '../../locales/index.ts'
import { useSession } from '../../stores/session.ts'
import { typedFrom } from '../replicas/editForm.ts'
import { fieldsOf } from '../replicas/optionFields.ts'
import { useReplicaForm } from '../replicas/useReplicaForm.ts'
import { addToWorkers, type AddResult } from './addToWorkers.ts'
import { emptyForm, optionsTyped } from './typed.ts'
import { factsOf, type WorkerFacts } from './workerFacts.ts'

/** What a link to the form says. */
export interface AddingStart {
  /** Id or name; empty: none. */
  readonly worker: string
  readonly name: string
  readonly kind: string
  readonly upstream: string
  /** Id of the replica that it is a copy of; empty: of none. */
  readonly clone: string
}

/** Pause before replicas of a name are looked for, ms. */
const TYPING_MS = 200

/** The form of a new replica. */
export function useAdding(start: AddingStart) {
  // What a link names counts before it is known which workers there are.
  const chosen = ref<string[]>(start.worker === '' ? [] : [start.worker])
  const { workers, loaded, ready, problem: workersProblem } = useWorkers(start.worker, chosen)
  const chosenWorkers = computed(() => workers.value.filter(({ worker_id: id }) => chosen.value.includes(id)))
  const worker = computed(() => chosenWorkers.value.find(({ worker_id: id }) => id === chosen.value[0]) ?? null)
  const namesakes = ref<readonly Replica[]>([])
  const form = useReplicaForm(emptyForm(''), { worker, namesakes })
  const { typed } = form
  watch(chosen, ([first = '']) => (typed.worker = first), { immediate: true })
  const usual = useNamesakes(typed, namesakes)
  const { source, problem: sourceProblem } = useSource(start.clone, form)
  if (start.clone === '') form.prefill(start)
  const facts = computed((): Record<string, WorkerFacts> => {
    const { name, kind, upstream } = typed
    const set = Object.entries(optionsTyped(typed)).filter(([, text]) => text.trim() !== '')
    const options = set.map(([key]) => key)
    const wanted = { name, kind, upstream: upstream.trim(), options, namesakes: namesakes.value }
    return Object.fromEntries(workers.value.map((one) => [one.worker_id, unsaid(factsOf(one, wanted), one)]))
  })
  /** What the fields themselves say of the first worker is not said again. */
  function unsaid(one: WorkerFacts, { worker_id: id }: Worker): WorkerFacts {
    const said = (text: string) => Object.values(form.shown.value).some((problem) => text.includes(problem))
    return {
      ...one,
      problem: id === typed.worker && one.problem !== null && said(one.problem) ? null : one.problem,
      path: chosen.value.length > 1 ? one.path : null,
    }
  }
  const problems = computed(() => {
    const wrong = chosenWorkers.value.flatMap(({ worker_id: id }) => facts.value[id]?.problem ?? [])
    if (chosenWorkers.value.length === 0) wrong.push(t('add.chooseWorker'))
    return { ...form.problems.value, ...(wrong.length > 0 ? { worker: wrong.join(' ') } : {}) }
  })
  return {
    form,
    workers,
    loaded,
    ready,
    workersProblem,
    chosen,
    chosenWorkers,
    worker,
    namesakes,
    usual,
    source,
    sourceProblem,
    facts,
    problems,
    ...useResults(form, chosen, chosenWorkers),
  }
}

/** The workers to choose from; the one that a link names is chosen, and so is the only one. */
function useWorkers(named: string, chosen: { value: string[] }) {
  const { value: page, problem } = useFetched(
    () => 'approved',
    (signal) => api.call('listWorkers', { query: { admission: 'approved', limit: 500 }, signal }),
  )
  const workers = computed((): readonly Worker[] => page.value?.items ?? [])
  const loaded = computed(() => page.value !== null)
  watch(page, (now) => {
    if (!now || chosen.value.some((id) => id !== named)) return
    const [only] = now.items.length === 1 ? now.items : []
    const meant = now.items.find((one) => one.worker_id === named || one.name === named) ?? only
    chosen.value = meant ? [meant.worker_id] : []
  })
  /** Ends once it is known which workers there are, or that they cannot be asked for. */
  const ready = new Promise<void>((done) => {
    watch([page, problem], ([now, wrong]) => {
      if (now || wrong) done()
    })
  })
  return { workers, loaded, ready, problem }
}

/**
 * Looks for replicas of the name that is typed. Returns how long syncs of one of them take at most, seconds; null while
 * that is not known.
 */
function useNamesakes(typed: { name: string }, namesakes: { value: readonly Replica[] }) {
  const usual = ref<number | null>(null)
  let lookups = 0
  watch(
    () => typed.name,
    async (name) => {
      const own = ++lookups
      usual.value = null
      await new Promise((done) => window.setTimeout(done, TYPING_MS))
      if (own !== lookups || name === '') return
      const page = await api.call('listReplicas', { query: { q: name, limit: 100 } }).catch(() => null)
      if (own !== lookups || !page) return
      namesakes.value = page.items.filter((replica) => replica.name.toLowerCase() === name.toLowerCase())
      const [first] = namesakes.value
      if (!first) return
      const history = await api.call('replicaHistory', { params: { id: first.replica_id } }).catch(() => null)
      if (own === lookups && history?.typical.p95_ms) usual.value = Math.ceil(history.typical.p95_ms / 1000)
    },
    { immediate: true },
  )
  return usual
}

/** The replica that the new one is a copy of; the form is filled with what it has, without credentials. */
function useSource(id: string, form: ReturnType<typeof useReplicaForm>) {
  const { value: source, problem } = useFetched(
    () => id,
    async (signal) => (id === '' ? null : api.call('getReplica', { params: { id }, signal })),
  )
  const filled = shallowRef(false)
  watch(source, (replica) => {
    if (!replica || filled.value) return
    filled.value = true
    form.fill(typedFrom(replica))
  })
  return { source, problem }
}

/** Adds the replica to the chosen workers. Those that did not take it stay chosen. */
function useResults(
  form: ReturnType<typeof useReplicaForm>,
  chosen: { value: string[] },
  chosenWorkers: { readonly value: readonly Worker[] },
) {
  const session = useSession()
  const results = ref<readonly AddResult[]>([])
  /** Returns what became of it on each worker that was chosen now. */
  async function addToChosen(paused: boolean): Promise<readonly AddResult[]> {
    const add = async (id: string): Promise<string> => {
      const announced = chosenWorkers.value
        .find((one) => one.worker_id === id)
        ?.kinds.find(({ kind }) => kind === form.typed.kind)
      const body = { ...form.body(fieldsOf(announced?.options)), ...(paused ? { paused } : {}) }
      return (await api.call('addReplica', { params: { id }, body })).replica_id
    }
    const now = await addToWorkers(form.typed.name, [...chosenWorkers.value], add)
    if (now.some(({ problem }) => problem?.code === 'unauthorized')) session.refused()
    const before = results.value.filter(({ worker_id: id }) => now.every((one) => one.worker_id !== id))
    results.value = [...before, ...now]
    chosen.value = now.filter(({ problem }) => problem !== null).map(({ worker_id: id }) => id)
    return now
  }
  return { results, addToChosen }
}
