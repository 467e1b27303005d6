// useWrite.ts — Changing things: whether we may, that it is under way, and what came of it.
import { computed, ref, type ComputedRef, type Ref } from 'vue'
import { problemOf, type Problem } from '../api.ts'
import { t } from '../locales/index.ts'
import { useLive } from '../stores/live.ts'
import { useSession } from '../stores/session.ts'
import { useToasts } from '../stores/toasts.ts'

/** Why nothing can be changed now, or null when it can. */
export function useWriteBlock(): ComputedRef<'sign-in' | 'offline' | null> {
  const live = useLive()
  const session = useSession()
  return computed(() => (live.offline ? 'offline' : session.session !== null && !session.canWrite ? 'sign-in' : null))
}

/** The reason in words. */
export function blockWords(block: 'sign-in' | 'offline'): string {
  return block === 'offline' ? t('write.offline') : t('write.signIn')
}

export interface Write {
  readonly busy: Ref<boolean>
  readonly problem: Ref<Problem | null>
  /** Runs a write; true when the server took it. `done` is said as a toast. With `loud` an error is one, too. */
  run(act: () => Promise<unknown>, say?: { done?: string; loud?: boolean }): Promise<boolean>
}

/** A write of one component. A 401 asks for the token anew. */
export function useWrite(): Write {
  const busy = ref(false)
  const problem = ref<Problem | null>(null)
  const toasts = useToasts()
  const session = useSession()
  async function run(act: () => Promise<unknown>, say: { done?: string; loud?: boolean } = {}): Promise<boolean> {
    busy.value = true
    problem.value = null
    try {
      await act()
      if (say.done) toasts.say(say.done)
      return true
    } catch (error) {
      problem.value = problemOf(error)
      if (problem.value.code === 'unauthorized') session.lost()
      if (say.loud) toasts.fail(problem.value)
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, problem, run }
}
