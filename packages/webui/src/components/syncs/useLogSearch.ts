// useLogSearch.ts — Finds lines of a log: by a text, from hit to hit, or by the number in the address (#L120). Both
// look at the whole log, so its beginning is read first.
import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export interface LogSearch {
  readonly text: Ref<string>
  /** Indexes of the lines that have the text. */
  readonly hits: ComputedRef<readonly number[]>
  /** Which of the hits is shown. */
  readonly at: Ref<number>
  /** Index of the line that the address names; null: none. */
  readonly named: ComputedRef<number | null>
  /** Shows the next hit, or the one before. */
  step(by: 1 | -1): void
  /** Puts a line into the address, so that it can be sent to others. */
  name(line: number): void
}

/** Searches `lines`; `show` scrolls to one of them, and `readAllEarlier` completes them. */
export function useLogSearch(log: {
  readonly lines: Ref<readonly string[]>
  readonly loaded: Ref<boolean>
  readAllEarlier(): Promise<unknown>
  show(line: number): void
}): LogSearch {
  const route = useRoute()
  const router = useRouter()
  const text = ref('')
  const at = ref(0)
  const hits = computed(() => {
    const needle = text.value.toLowerCase()
    return needle === ''
      ? []
      : log.lines.value.flatMap((line, index) => (line.toLowerCase().includes(needle) ? [index] : []))
  })
  const named = computed(() => {
    const [, number] = /^#L(\d{1,7})$/.exec(route.hash) ?? []
    return number === undefined || number === '0' ? null : Number(number) - 1
  })
  const showHit = (): void => {
    const line = hits.value[at.value]
    if (line !== undefined) log.show(line)
  }
  watch(text, async (needle) => {
    at.value = 0
    if (needle !== '') await log.readAllEarlier()
    if (needle === text.value) showHit()
  })
  watch(
    [named, log.loaded],
    async ([line, loaded]) => {
      if (line === null || !loaded) return
      await log.readAllEarlier()
      if (line < log.lines.value.length) log.show(line)
    },
    { immediate: true },
  )
  return {
    text,
    hits,
    at,
    named,
    step(by) {
      if (hits.value.length === 0) return
      at.value = (at.value + by + hits.value.length) % hits.value.length
      showHit()
    },
    name: (line) => void router.replace({ hash: `#L${line + 1}` }),
  }
}
