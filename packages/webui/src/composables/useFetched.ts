// useFetched.ts — One thing from the API: fetched when its key changes and after a gap in the stream; the old one stays
// meanwhile.
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { isAborted, problemOf, type Problem } from '../api.ts'
import { useLive } from '../stores/live.ts'

export interface Fetched<T> {
  readonly value: ShallowRef<T | null>
  readonly problem: Ref<Problem | null>
  readonly loading: Ref<boolean>
  reload(): Promise<void>
}

/** Fetches with `load` whenever `key` changes. A new key forgets the old value; a reload keeps it. */
export function useFetched<T>(key: () => unknown, load: (signal: AbortSignal) => Promise<T>): Fetched<T> {
  const value: ShallowRef<T | null> = shallowRef(null)
  const problem = ref<Problem | null>(null)
  const loading = ref(false)
  let current = new AbortController()
  async function reload(): Promise<void> {
    current.abort()
    const mine = (current = new AbortController())
    loading.value = true
    try {
      const answer = await load(mine.signal)
      if (mine !== current) return
      value.value = answer
      problem.value = null
    } catch (error) {
      if (mine === current && !isAborted(error)) problem.value = problemOf(error)
    } finally {
      if (mine === current) loading.value = false
    }
  }
  watch(
    key,
    () => {
      value.value = null
      problem.value = null
      void reload()
    },
    { immediate: true },
  )
  watch(
    () => useLive().epoch,
    () => void reload(),
  )
  onScopeDispose(() => current.abort())
  return { value, problem, loading, reload }
}
