// lists.ts — How this browser shows lists: columns, density, and the views that were saved.
import { defineStore } from 'pinia'
import { ref, shallowReactive, watch } from 'vue'
import { readPref, writePref } from './prefs.ts'
import { parseViews, type SavedView } from './savedViews.ts'

/** The lists of which columns and views can be chosen. */
export type ListName = 'replicas' | 'mirrors'
/** How high rows are. */
export type Density = 'dense' | 'comfortable'

const LISTS = ['replicas', 'mirrors'] as const
const placeOf = (what: 'columns' | 'cards' | 'views', list: ListName): string => `kagami.${what}.${list}`
const forEachList = <T>(make: (list: ListName) => T) =>
  shallowReactive(Object.fromEntries(LISTS.map((list) => [list, make(list)])) as Record<ListName, T>)

/** What was chosen for lists. */
export const useLists = defineStore('lists', () => {
  const density = ref<Density>(readPref('kagami.density') === 'comfortable' ? 'comfortable' : 'dense')
  watch(density, (value) => writePref('kagami.density', value))
  /** Keys of columns, comma-separated; empty: those that the list has by itself. */
  const columns = forEachList((list) => readPref(placeOf('columns', list)) ?? '')
  /** Keys of the columns whose facts cards show, in the same form. */
  const cards = forEachList((list) => readPref(placeOf('cards', list)) ?? '')
  const views = forEachList((list): readonly SavedView[] => parseViews(readPref(placeOf('views', list))))
  function setColumns(list: ListName, keys: string): void {
    columns[list] = keys
    writePref(placeOf('columns', list), keys)
  }
  function setCards(list: ListName, keys: string): void {
    cards[list] = keys
    writePref(placeOf('cards', list), keys)
  }
  /** Changes the views as they are stored now: another tab may have saved one. */
  function changeViews(list: ListName, change: (views: readonly SavedView[]) => readonly SavedView[]): void {
    const stored = readPref(placeOf('views', list))
    views[list] = change(stored === null ? views[list] : parseViews(stored))
    writePref(placeOf('views', list), JSON.stringify(views[list]))
  }
  window.addEventListener('storage', ({ key, newValue }) => {
    for (const list of LISTS) if (key === placeOf('views', list)) views[list] = parseViews(newValue)
  })
  return { density, columns, cards, views, setColumns, setCards, changeViews }
})
