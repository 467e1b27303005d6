// useDelayed.ts — A condition that must last before it counts, so that quick answers show no skeleton.
import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** True once `source` has been true for `ms`; false as soon as it is false. */
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
