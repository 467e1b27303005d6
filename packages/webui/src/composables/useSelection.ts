// useSelection.ts — Which rows of a list are chosen: one by one, or everything that matches its filter.
import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'

export interface Selection {
  /** Keys of the rows that were chosen one by one. */
  readonly keys: ShallowRef<ReadonlySet<string>>
  /** Everything that matches is chosen, also what is not loaded. */
  readonly everything: Ref<boolean>
  /** More than one row is chosen. */
  readonly isSeveral: ComputedRef<boolean>
  has(key: string): boolean
  /** Chooses a row, or no more; `range`: all since the one before are as it is. `rows` are all keys in their order. */
  pick(key: string, how: { rows: readonly string[]; range: boolean }): void
  pickAll(rows: readonly string[], on: boolean): void
  pickEverything(): void
  /** Leaves out rows that are gone. */
  forget(gone: readonly string[]): void
  clear(): void
}

/** A selection without rows. */
export function useSelection(): Selection {
  const keys: ShallowRef<ReadonlySet<string>> = shallowRef(new Set<string>())
  const everything = ref(false)
  const isSeveral = computed(() => everything.value || keys.value.size > 1)
  let last: string | null = null
  const has = (key: string): boolean => everything.value || keys.value.has(key)
  function change(changed: readonly string[], on: boolean): void {
    const next = new Set(keys.value)
    for (const key of changed)
      if (on) next.add(key)
      else next.delete(key)
    keys.value = next
  }
  function pick(key: string, { rows, range }: { rows: readonly string[]; range: boolean }): void {
    const on = !has(key)
    // Without one of them it is no longer everything: the rows that are shown stay chosen.
    if (everything.value) keys.value = new Set(rows)
    everything.value = false
    const [from, to] = [range && last !== null ? rows.indexOf(last) : -1, rows.indexOf(key)]
    change(from < 0 || to < 0 ? [key] : rows.slice(Math.min(from, to), Math.max(from, to) + 1), on)
    last = key
  }
  function pickAll(rows: readonly string[], on: boolean): void {
    everything.value = false
    keys.value = new Set(on ? rows : [])
  }
  function forget(gone: readonly string[]): void {
    if (gone.some((key) => keys.value.has(key))) change(gone, false)
  }
  function clear(): void {
    pickAll([], false)
    last = null
  }
  const pickEverything = (): void => void (everything.value = true)
  return { keys, everything, isSeveral, has, pick, pickAll, pickEverything, forget, clear }
}
