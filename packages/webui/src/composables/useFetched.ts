// useFetched.ts — One answer of the API: fetched when its key changes, and again after a gap in the event stream.
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { isAborted, problemOf, type Problem } from '../api.ts'
import { useLive } from '../stores/live.ts'

export interface Fetched<T> {
  readonly value: ShallowRef<T | null>
  readonly problem: Ref<Problem | null>
  readonly loading: Ref<boolean>
  reload(): Promise<void>
}

/** Fetches with `load` whenever `key` changes. A new key clears the value at once; a reload keeps it meanwhile. */
export function useFetched<T>(key: () => unknown, load: (signal: AbortSignal) => Promise<T>): Fetched<T> {
  const value: ShallowRef<T | null> = shallowRef(null)
  const problem = ref<Problem | null>(null)
  const loading = ref(false)
  let current = new AbortController()
  async function reload(): Promise<void> {
    current.abort()
    const own = (current = new AbortController())
    loading.value = true
    try {
      const answer = await load(own.signal)
      if (own !== current) return
      value.value = answer
      problem.value = null
    } catch (error) {
      if (own === current && !isAborted(error)) problem.value = problemOf(error)
    } finally {
      if (own === current) loading.value = false
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
