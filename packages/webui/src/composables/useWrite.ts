// useWrite.ts — Calls that change something: whether they are allowed, whether one is running, and its error.
import { computed, ref, type ComputedRef, type Ref } from 'vue'
import type { Role } from '@kagami/protocol'
import { problemOf, type Problem } from '../api.ts'
import { t } from '../locales/index.ts'
import { useLive } from '../stores/live.ts'
import { useSession } from '../stores/session.ts'
import { useToasts } from '../stores/toasts.ts'

/** Why something cannot be done now. */
export type WriteBlock = 'sign-in' | 'offline' | 'role'

/** Why what takes a role cannot be done now, or null when it can. */
export function useWriteBlock(needed: () => Role = () => 'operator'): ComputedRef<WriteBlock | null> {
  const live = useLive()
  const store = useSession()
  return computed(() => {
    if (live.offline) return 'offline'
    if (store.session === null || store.may(needed())) return null
    return store.session.authenticated ? 'role' : 'sign-in'
  })
}

/** The reason in words. */
export function blockWords(block: WriteBlock, needed: Role = 'operator'): string {
  const { session } = useSession()
  if (block === 'offline') return t('write.offline')
  if (block === 'sign-in' || !session?.role) return t('write.signIn')
  return t('write.role', { needed: t(`role.${needed}`), name: session.name ?? '', role: t(`role.${session.role}`) })
}

/** Does what changes something if that is allowed now; else asks the viewer to sign in, or says why it is not. */
export function useIfAllowed(): (change: () => void) => void {
  const block = useWriteBlock()
  const session = useSession()
  const toasts = useToasts()
  return (change) => {
    if (block.value === 'sign-in') session.dialogOpen = true
    else if (block.value) toasts.show(blockWords(block.value))
    else change()
  }
}

export interface WriteOptions<T> {
  /** Shown as a toast when the call succeeds; made of what was answered where that says how much was done. */
  done?: string | ((answer: T) => string)
  /** Shows an error as a toast, too; for places that do not show `problem`. */
  toastError?: boolean
}

export interface Write {
  readonly busy: Ref<boolean>
  readonly problem: Ref<Problem | null>
  /** Makes a call. Returns whether it succeeded; never throws. */
  run<T>(call: () => Promise<T>, options?: WriteOptions<T>): Promise<boolean>
}

/** The writes of one component. After a 401 the viewer is asked to sign in again. */
export function useWrite(): Write {
  const busy = ref(false)
  const problem = ref<Problem | null>(null)
  const toasts = useToasts()
  const session = useSession()
  async function run<T>(call: () => Promise<T>, { done, toastError }: WriteOptions<T> = {}): Promise<boolean> {
    busy.value = true
    problem.value = null
    try {
      const answer = await call()
      if (done) toasts.show(typeof done === 'string' ? done : done(answer))
      return true
    } catch (error) {
      problem.value = problemOf(error)
      if (problem.value.code === 'unauthorized') session.refused()
      if (toastError) toasts.showProblem(problem.value)
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, problem, run }
}
