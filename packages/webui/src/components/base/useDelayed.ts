// useDelayed.ts — True only once something has been true for a while: no flash of a skeleton for quick answers.
import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** Follows `source`, turning true `ms` later and false at once. */
export function useDelayed(source: () => boolean, ms: number): Ref<boolean> {
  const on = ref(false)
  let timer = 0
  watch(
    source,
    (now) => {
      window.clearTimeout(timer)
      if (!now) on.value = false
      else timer = window.setTimeout(() => (on.value = true), ms)
    },
    { immediate: true },
  )
  onScopeDispose(() => window.clearTimeout(timer))
  return on
}
