// usePhone.ts — Whether the screen is so narrow that rows of lists are cards.
import { onScopeDispose, ref, type Ref } from 'vue'

/** Follows the width of the window; the same limit as in the styles. */
export function usePhone(): Ref<boolean> {
  const narrow = matchMedia('(max-width: 767px)')
  const isPhone = ref(narrow.matches)
  const follow = (): void => void (isPhone.value = narrow.matches)
  narrow.addEventListener('change', follow)
  onScopeDispose(() => narrow.removeEventListener('change', follow))
  return isPhone
}
