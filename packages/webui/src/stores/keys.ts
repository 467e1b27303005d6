// keys.ts — The keys of the page that is shown, and what they do. One listener serves them all.
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { usePrefs } from './prefs.ts'

/** A key, or two that are pressed one after the other. */
export interface KeyBinding {
  /** As `KeyboardEvent.key` says it, two of them with a space between: "s", "g r". */
  readonly keys: string
  /** What it does, in words. */
  readonly words: string
  /** Whether it works on every page, on this page, or in a list. */
  readonly where: 'everywhere' | 'page' | 'list'
  /** The command line that does the same. */
  readonly command?: string
  /** Whether it does something now; where it does not, the same key of something else does. Absent: always. */
  applies?(): boolean
  run(): void
}

/** How long the second key of two may take, ms. */
const SECOND_KEY_MS = 1500

/** The keys in force. A page adds its own while it is shown. */
export const useKeyStore = defineStore('keys', () => {
  const sources = shallowRef<readonly (() => readonly KeyBinding[])[]>([])
  const bindings = computed(() => sources.value.flatMap((source) => source()))
  const prefs = usePrefs()
  let first = ''
  let timer = 0

  /** Adds keys; returns what takes them away again. */
  function add(source: () => readonly KeyBinding[]): () => void {
    sources.value = [...sources.value, source]
    return () => {
      sources.value = sources.value.filter((one) => one !== source)
    }
  }
  function press(event: KeyboardEvent): void {
    if (!prefs.keys || event.defaultPrevented || isForSomethingElse(event)) return
    window.clearTimeout(timer)
    const keys = first === '' ? event.key : `${first} ${event.key}`
    first = ''
    // What was added last is nearest to the viewer.
    const found = bindings.value.findLast((binding) => binding.keys === keys && (binding.applies?.() ?? true))
    if (found) {
      event.preventDefault()
      found.run()
    } else if (bindings.value.some((binding) => binding.keys.startsWith(`${event.key} `))) {
      first = event.key
      timer = window.setTimeout(() => (first = ''), SECOND_KEY_MS)
    }
  }
  return { bindings, add, press }
})

/** Whether a key is typed into a field, works with a modifier, or is for a dialog that is open. */
function isForSomethingElse({ target, ctrlKey, metaKey, altKey, isComposing }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey || isComposing) return true
  if (document.querySelector('[role=dialog][data-state=open], [popover]:popover-open')) return true
  const typed = 'textarea, select, input:not([type=checkbox], [type=radio], [type=button]), [contenteditable=true]'
  return target instanceof HTMLElement && target.matches(typed)
}
