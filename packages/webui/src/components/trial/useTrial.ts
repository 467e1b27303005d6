// useTrial.ts — One upstream tried by one worker: asks for it, counts the seconds, and forgets what was found when
// something else is typed. Also what a form asks.
import type { NewTrial, Trial } from '@kagami/protocol'
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '../../api.ts'
import { useWrite } from '../../composables/useWrite.ts'
import type { ReplicaForm } from '../replicas/useReplicaForm.ts'

/** What to ask, and whom. */
export interface TrialQuestion {
  readonly worker: string
  readonly body: NewTrial
}

/** What a form asks; null while its upstream, kind or worker is wrong. `replicaId`: of one that is edited. */
export function questionOf({ typed, problems, body }: ReplicaForm, replicaId: string | null): TrialQuestion | null {
  if (['upstream', 'kind', 'worker'].some((field) => problems.value[field])) return null
  const { kind, upstream, options, auth } = body()
  const kept = typed.auth === 'keep' && replicaId !== null ? { replica_id: replicaId } : {}
  const asked = { kind, upstream, ...(options ? { options } : {}), ...(auth ? { auth } : {}), ...kept }
  return { worker: typed.worker, body: asked }
}

/** The trial of a form. `question` is null while something that it needs is missing. */
export function useTrial(question: Ref<TrialQuestion | null>) {
  const { busy, problem, run } = useWrite()
  const found = shallowRef<Trial | null>(null)
  const seconds = ref(0)
  let asked = 0
  let timer: number | undefined
  let leaving = new AbortController()
  const stop = (): void => window.clearInterval(timer)
  const asText = computed(() => JSON.stringify(question.value))
  function forget(): void {
    asked++
    leaving.abort()
    stop()
    busy.value = false
    problem.value = null
    found.value = null
  }
  watch(asText, forget)
  onScopeDispose(forget)
  async function start(): Promise<void> {
    if (question.value === null) return
    forget()
    const { worker, body } = question.value
    const own = ++asked
    leaving = new AbortController()
    const { signal } = leaving
    seconds.value = 0
    timer = window.setInterval(() => seconds.value++, 1000)
    await run(async () => {
      const trial = await api.call('tryUpstream', { params: { id: worker }, body, signal })
      if (own === asked) found.value = trial
    })
    if (own === asked) stop()
    else if (found.value === null) problem.value = null
  }
  return { busy, problem, found, seconds, start }
}
