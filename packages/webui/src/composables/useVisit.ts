// useVisit.ts — Remembers a page as looked at, for the palette.
import { watch } from 'vue'
import { useRecent, type Visit } from '../stores/recent.ts'

/** Remembers what `visit` says once it is known; undefined: not yet. */
export function useVisit(visit: () => Visit | undefined): void {
  const recent = useRecent()
  watch(visit, (now) => now && recent.remember(now), { immediate: true })
}
