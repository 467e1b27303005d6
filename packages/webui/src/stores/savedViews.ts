// savedViews.ts — Views of a list that somebody saved: a name, and what the address then says of filters, order,
// columns and density. Pure.

/** A view. */
export interface SavedView {
  readonly name: string
  /** The query of its address. */
  readonly query: Readonly<Record<string, string>>
}

/** How long a name may be, characters. */
export const VIEW_NAME_MAX = 40

/** The views of a text that a browser stored; what cannot be read is left out. */
export function parseViews(text: string | null): SavedView[] {
  const views = parse(text)
  return Array.isArray(views) ? views.filter(isView) : []
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '[]')
  } catch {
    return []
  }
}

function isView(view: unknown): view is SavedView {
  const { name, query } = (view ?? {}) as Partial<SavedView>
  if (typeof name !== 'string' || name === '' || typeof query !== 'object' || query === null) return false
  return Object.values(query).every((value) => typeof value === 'string')
}

/** With a view added at the end, or in the place of the one that has its name. */
export function saveView(views: readonly SavedView[], view: SavedView): SavedView[] {
  const isKnown = views.some(({ name }) => name === view.name)
  return isKnown ? views.map((one) => (one.name === view.name ? view : one)) : [...views, view]
}

/** With another name for one; as they were when another view has that name, or when it is empty. */
export function renameView(views: readonly SavedView[], from: string, to: string): SavedView[] {
  if (to === '' || views.some(({ name }) => name === to)) return [...views]
  return views.map((view) => (view.name === from ? { ...view, name: to } : view))
}

/** Without one. */
export function removeView(views: readonly SavedView[], name: string): SavedView[] {
  return views.filter((view) => view.name !== name)
}

/** With an item so many places further back, at most at an end. */
export function moveItem<T>(items: readonly T[], from: number, by: number): T[] {
  const moved = items[from]
  if (moved === undefined) return [...items]
  const rest = items.toSpliced(from, 1)
  return rest.toSpliced(Math.min(rest.length, Math.max(0, from + by)), 0, moved)
}

/** Whether two addresses say the same. */
export function isSameQuery(one: SavedView['query'], other: SavedView['query']): boolean {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...keys].every((key) => (one[key] ?? '') === (other[key] ?? ''))
}
