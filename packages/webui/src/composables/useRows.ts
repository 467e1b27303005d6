// useRows.ts — A list from the API: loaded in pages, its rows updated by the event stream. When rows come, go or move,
// the list is loaded again, but not while the viewer is reading it.
import type { Page, StreamEvent } from '@kagami/protocol'
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { isAborted, problemOf, type Problem } from '../api.ts'
import { useLive } from '../stores/live.ts'
import { useStream } from './useStream.ts'

const PAGE = 100
const PAGE_MAX = 500
/** Changes within this time cause one reload. */
const RELOAD_MS = 1200
type Paging = { cursor?: string; limit: number }

export interface RowSource<T> {
  /** Filter and order. When it changes, the list starts anew. */
  key(): unknown
  fetch(paging: Paging, signal: AbortSignal): Promise<Page<T>>
  id(row: T): string
  /** The row after an event about it, or undefined when the event is about something else. */
  patch(row: T, event: StreamEvent): T | undefined
  /** Whether an event may change which rows there are, or their order. */
  moves?(event: StreamEvent, rows: readonly T[], complete: boolean): boolean
}

export interface Rows<T> {
  readonly rows: ShallowRef<readonly T[]>
  readonly total: Ref<number | null>
  readonly loading: Ref<boolean>
  readonly problem: Ref<Problem | null>
  readonly complete: Ref<boolean>
  /** Changes of rows or order that are not shown yet, because the viewer is reading the list. */
  readonly waiting: Ref<number>
  more(): Promise<void>
  reload(): Promise<void>
}

/** A live list of `source`. */
export function useRows<T>(source: RowSource<T>): Rows<T> {
  const rows: ShallowRef<readonly T[]> = shallowRef([])
  const total = ref<number | null>(null)
  const loading = ref(false)
  const problem = ref<Problem | null>(null)
  const complete = ref(false)
  const waiting = ref(0)
  let cursor: string | null = null
  let current = new AbortController()

  async function load(paging: Paging, rowsAfter: (items: readonly T[]) => readonly T[]): Promise<void> {
    current.abort()
    const own = (current = new AbortController())
    loading.value = true
    try {
      const page = await source.fetch(paging, own.signal)
      if (own !== current) return
      rows.value = rowsAfter(page.items)
      total.value = page.total
      cursor = page.next_cursor
      complete.value = cursor === null
      problem.value = null
    } catch (error) {
      if (own === current && !isAborted(error)) problem.value = problemOf(error)
    } finally {
      if (own === current) loading.value = false
    }
  }
  const reload = (): Promise<void> => {
    waiting.value = 0
    return load({ limit: Math.min(PAGE_MAX, Math.max(PAGE, rows.value.length)) }, (items) => items)
  }
  const more = async (): Promise<void> => {
    if (loading.value || cursor === null) return
    await load({ cursor, limit: PAGE }, (items) => appendRows(rows.value, items, source.id))
  }
  watch(source.key, () => void load({ limit: PAGE }, (items) => items), { immediate: true })
  watch(
    () => useLive().epoch,
    () => void reload(),
  )
  onScopeDispose(() => current.abort())
  applyEvents(source, { rows, complete, waiting, reload })
  return { rows, total, loading, problem, complete, waiting, more, reload }
}

/** The rows and those of the next page. A page may repeat rows that have moved since: each id is kept once. */
function appendRows<T>(rows: readonly T[], items: readonly T[], id: (row: T) => string): readonly T[] {
  const known = new Set(rows.map(id))
  return [...rows, ...items.filter((item) => !known.has(id(item)))]
}

function applyEvents<T>(source: RowSource<T>, list: Pick<Rows<T>, 'rows' | 'complete' | 'waiting' | 'reload'>): void {
  let timer = 0
  useStream((events) => {
    const before = list.rows.value
    const moved = events.filter((event) => source.moves?.(event, before, list.complete.value)).length
    list.rows.value = patchRows(before, events, source)
    if (moved === 0) return
    list.waiting.value += moved
    if (timer === 0) timer = window.setTimeout(reloadUnlessRead, RELOAD_MS)
  })
  function reloadUnlessRead(): void {
    timer = 0
    const isRead = document.querySelector('[data-rows]:hover, [data-rows]:focus-within') !== null
    if (!isRead && list.rows.value.length <= PAGE_MAX) void list.reload()
  }
  onScopeDispose(() => window.clearTimeout(timer))
}

function patchRows<T>(rows: readonly T[], events: readonly StreamEvent[], source: RowSource<T>): readonly T[] {
  let changed = false
  const next = rows.map((row) => {
    let now = row
    for (const event of events) now = source.patch(now, event) ?? now
    changed ||= now !== row
    return now
  })
  return changed ? next : rows
}
