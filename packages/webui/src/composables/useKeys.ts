// useKeys.ts — Keys that work while a component is shown.
import { onScopeDispose } from 'vue'
import { useKeyStore, type KeyBinding } from '../stores/keys.ts'

/** Adds keys until the component is removed. `bindings` may read what changes: it is asked again when that does. */
export function useKeys(bindings: () => readonly KeyBinding[]): void {
  onScopeDispose(useKeyStore().add(bindings))
}
