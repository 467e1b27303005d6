// useListLook.ts — How a list is shown: which columns in which order, and how high rows are. What the address says
// counts for who opens it; else what this browser has kept.
import { computed, type ComputedRef } from 'vue'
import type { Address } from '../../composables/useAddress.ts'
import { useLists, type Density, type ListName } from '../../stores/lists.ts'
import { columnsFrom, type KnownColumns } from './listColumns.ts'

export interface ListLook {
  /** Keys of the columns that are shown, in their order. */
  readonly columns: ComputedRef<readonly string[]>
  /** Keys of the columns whose facts cards show, in their order. */
  readonly cards: ComputedRef<readonly string[]>
  readonly density: ComputedRef<Density>
  /** Whether anything is not as the list has it by itself. */
  readonly isChanged: ComputedRef<boolean>
  setColumns(keys: readonly string[]): void
  setCards(keys: readonly string[]): void
  setDensity(density: Density): void
  reset(): void
}

/** The look of a list. A change goes where the present look comes from: into the address, or into this browser. */
export function useListLook(list: ListName, known: KnownColumns, address: Address): ListLook {
  const lists = useLists()
  const columns = computed(() => columnsFrom(address.get('columns') || lists.columns[list], known))
  // Cards are of this browser alone: an address that names columns says what a wide screen shows.
  const cards = computed(() => columnsFrom(lists.cards[list], { ...known, shown: known.cards }))
  const density = computed((): Density => {
    const named = address.get('density')
    return named === 'dense' || named === 'comfortable' ? named : lists.density
  })
  const isChanged = computed(
    () =>
      columns.value.join() !== known.shown.join() ||
      cards.value.join() !== known.cards.join() ||
      density.value !== 'dense' ||
      address.get('columns') !== '',
  )
  return {
    columns,
    cards,
    density,
    isChanged,
    setColumns(keys) {
      const text = keys.join() === known.shown.join() ? '' : keys.join()
      if (address.get('columns')) address.set({ columns: keys.join() }, true)
      else lists.setColumns(list, text)
    },
    setCards: (keys) => lists.setCards(list, keys.join() === known.cards.join() ? '' : keys.join()),
    setDensity(chosen) {
      if (address.get('density')) address.set({ density: chosen }, true)
      else lists.density = chosen
    },
    reset() {
      lists.setColumns(list, '')
      lists.setCards(list, '')
      lists.density = 'dense'
      address.set({ columns: '', density: '' }, true)
    },
  }
}
