// useAddress.ts — Keeps filters, order and search in the address, so that a link shows the same rows and "back" works.
import { computed, type ComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export interface Address {
  /** A value of the query, or ''. */
  get(name: string): string
  /** A comma-separated value as a list. */
  list(name: string): string[]
  /** Changes values; '' removes one. With `replace` the change is no step of the browser's history. */
  set(values: Record<string, string>, replace?: boolean): void
  /** Adds a word to a comma-separated value, or removes it. */
  toggle(name: string, word: string): void
  readonly filtered: ComputedRef<boolean>
}

/** The query of the current page. `filters` are the names that "Clear filters" removes. */
export function useAddress(filters: readonly string[]): Address {
  const route = useRoute()
  const router = useRouter()
  const get = (name: string): string => {
    const value = route.query[name]
    return (Array.isArray(value) ? value[0] : value) ?? ''
  }
  const list = (name: string): string[] =>
    get(name)
      .split(',')
      .filter((word) => word !== '')
  function set(values: Record<string, string>, replace = false): void {
    const query = { ...route.query, ...values }
    for (const [name, value] of Object.entries(query)) if (value === '') delete query[name]
    void router[replace ? 'replace' : 'push']({ query })
  }
  function toggle(name: string, word: string): void {
    const words = list(name)
    set({ [name]: (words.includes(word) ? words.filter((one) => one !== word) : [...words, word]).join(',') })
  }
  return { get, list, set, toggle, filtered: computed(() => filters.some((name) => get(name) !== '')) }
}
