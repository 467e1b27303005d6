// useRows.ts — A list from the API: loaded in pages, its rows updated by the event stream. When rows come, go or move,
// the list is loaded again, but not while the viewer is reading it.
import type { Page, StreamEvent, Summary } from '@kagami/protocol'
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { isAborted, problemOf, type Problem } from '../api.ts'
import { useFleet } from '../stores/fleet.ts'
import { useLive } from '../stores/live.ts'
import { useStream, useTopics } from './useStream.ts'

const PAGE = 100
const PAGE_MAX = 500
/** Changes within this time cause one reload. While they go on, it doubles each time up to the most. */
const RELOAD_MS = 600
const RELOAD_MOST_MS = 5000
type Paging = { cursor?: string; limit: number }

export interface RowSource<T> {
  /** What the rows are; lists of one name have rows of one type. */
  readonly name: string
  /** Filter and order. When it changes, the list starts anew; undefined: not known yet, and nothing is loaded. */
  key(): string | undefined
  fetch(paging: Paging, signal: AbortSignal): Promise<Page<T>>
  id(row: T): string
  /** The row after an event about it, or undefined when the event is about something else. */
  patch(row: T, event: StreamEvent): T | undefined
  /** The events that these rows need. */
  topics?(rows: readonly T[]): readonly string[]
  /** Whether an event may change which rows there are, or their order. */
  moves?(event: StreamEvent, rows: readonly T[]): boolean
  /** What of the whole fleet changes when rows come, go or move. */
  counts?(summary: Summary): unknown
}

export interface Rows<T> {
  readonly rows: ShallowRef<readonly T[]>
  readonly total: Ref<number | null>
  readonly loading: Ref<boolean>
  readonly problem: Ref<Problem | null>
  readonly complete: Ref<boolean>
  /** Rows or their order have changed, which is not shown yet because the viewer is reading the list. */
  readonly waiting: Ref<boolean>
  more(): Promise<void>
  reload(): Promise<void>
}

/** A live list of `source`. Who comes back to its page finds the same rows at once; then they are loaded anew. */
export function useRows<T>(source: RowSource<T>): Rows<T> {
  const list = createList(source)
  let place = ''
  watch(
    source.key,
    (key) => {
      remember(place, list.loaded())
      if (key === undefined) return
      place = `${source.name} ${location.pathname} ${key}`
      list.start(recall<T>(place))
    },
    { immediate: true },
  )
  watch(
    () => useLive().epoch,
    () => void list.reload(),
  )
  onScopeDispose(() => {
    list.stop()
    remember(place, list.loaded())
  })
  applyEvents(source, list)
  return list
}

interface List<T> extends Rows<T> {
  /** Begins anew with the first rows; `known` is shown until they are there. */
  start(known: Loaded<T> | undefined): void
  /** What is shown; null while that is of another filter or order, or nothing yet. */
  loaded(): Loaded<T> | null
  stop(): void
}

/** Loads rows in pages. Of two calls the later one wins, but more rows that were asked for always come. */
function createList<T>(source: RowSource<T>): List<T> {
  const rows: ShallowRef<readonly T[]> = shallowRef([])
  const total = ref<number | null>(null)
  const loading = ref(false)
  const problem = ref<Problem | null>(null)
  const complete = ref(false)
  const waiting = ref(false)
  let cursor: string | null = null
  let current = new AbortController()
  /** More rows were asked for and are not there yet: what is loaded meanwhile must not cost them. */
  let moreWanted = false
  let isOfNow = false

  async function load(fetch: (signal: AbortSignal) => Promise<Loaded<T>>): Promise<void> {
    current.abort()
    const own = (current = new AbortController())
    loading.value = true
    try {
      const loaded = await fetch(own.signal)
      if (own !== current) return
      show(loaded)
      problem.value = null
    } catch (error) {
      if (own === current && !isAborted(error)) problem.value = problemOf(error)
    } finally {
      if (own === current) loading.value = false
    }
    if (own === current && moreWanted && problem.value === null) await more()
  }
  function show(loaded: Loaded<T>): void {
    isOfNow = true
    rows.value = keepKnown(rows.value, loaded.items, source.id)
    total.value = loaded.total
    cursor = loaded.cursor
    complete.value = cursor === null
  }
  function start(known?: Loaded<T>): void {
    isOfNow = false
    moreWanted = false
    if (known) show(known)
    void load((signal) => loadFirst(source, known?.items.length ?? 0, signal))
  }
  const reload = async (): Promise<void> => {
    waiting.value = false
    if (source.key() === undefined) return
    await load((signal) => loadFirst(source, rows.value.length, signal))
  }
  async function more(): Promise<void> {
    const from = cursor
    moreWanted = from !== null
    if (loading.value || from === null) return
    await load(async (signal) => {
      const loaded = await loadNext(source, rows.value, { from, signal })
      moreWanted = false
      return loaded
    })
  }
  const loaded = (): Loaded<T> | null => (isOfNow ? { items: rows.value, cursor, total: total.value } : null)
  const stop = (): void => current.abort()
  return { rows, total, loading, problem, complete, waiting, more, reload, start, loaded, stop }
}

/** Rows as they are shown: with the cursor of the next page, and how many there are in all. */
interface Loaded<T> {
  readonly items: readonly T[]
  readonly cursor: string | null
  readonly total: number | null
}

/** The first rows, at least so many. */
async function loadFirst<T>(source: RowSource<T>, count: number, signal: AbortSignal): Promise<Loaded<T>> {
  const limit = Math.min(PAGE_MAX, Math.max(PAGE, count))
  let page = await source.fetch({ limit }, signal)
  let items: readonly T[] = page.items
  while (items.length < count && page.next_cursor !== null) {
    page = await source.fetch({ limit, cursor: page.next_cursor }, signal)
    items = appendRows(items, page.items, source.id)
  }
  return { items, cursor: page.next_cursor, total: page.total }
}

async function loadNext<T>(
  source: RowSource<T>,
  rows: readonly T[],
  { from, signal }: { from: string; signal: AbortSignal },
): Promise<Loaded<T>> {
  const page = await source.fetch({ cursor: from, limit: PAGE }, signal)
  return { items: appendRows(rows, page.items, source.id), cursor: page.next_cursor, total: page.total }
}

/** The rows, of which those that say the same as before are the same objects: they are not drawn again. */
function keepKnown<T>(before: readonly T[], rows: readonly T[], id: (row: T) => string): readonly T[] {
  const known = new Map(before.map((row) => [id(row), row]))
  return rows.map((row) => {
    const same = known.get(id(row))
    return same !== undefined && JSON.stringify(same) === JSON.stringify(row) ? same : row
  })
}

/** The lists that were shown last, by page, filter and order. */
const remembered = new Map<string, Loaded<unknown>>()
const REMEMBERED_MAX = 12

function remember(place: string, list: Loaded<unknown> | null): void {
  if (list === null) return
  remembered.delete(place)
  remembered.set(place, list)
  if (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.keys().next().value!)
}

const recall = <T>(place: string): Loaded<T> | undefined => remembered.get(place) as Loaded<T> | undefined

/** The rows and those of the next page. A page may repeat rows that have moved since: each id is kept once. */
function appendRows<T>(rows: readonly T[], items: readonly T[], id: (row: T) => string): readonly T[] {
  const known = new Set(rows.map(id))
  return [...rows, ...items.filter((item) => !known.has(id(item)))]
}

function applyEvents<T>(source: RowSource<T>, list: Pick<Rows<T>, 'rows' | 'waiting' | 'loading' | 'reload'>): void {
  useTopics(() => source.topics?.(list.rows.value) ?? [])
  const countsOf = (summary: Summary | null) => summary && JSON.stringify(source.counts?.(summary))
  let counts = countsOf(useFleet().summary)
  const reloading = createReloading(() => {
    if (list.loading.value) return false
    const isRead = document.querySelector('[data-rows]:hover, [data-rows]:focus-within') !== null
    if (isRead || list.rows.value.length > PAGE_MAX) list.waiting.value = true
    else void list.reload()
    return true
  })
  useStream((events) => {
    const before = list.rows.value
    const counted = countsOf(events.findLast((event) => event.type === 'summary')?.summary ?? null) ?? counts
    const moved = counted !== counts || events.some((event) => source.moves?.(event, before))
    counts = counted
    list.rows.value = patchRows(before, events, source)
    if (moved) reloading.soon()
  })
  onScopeDispose(reloading.stop)
}

/** Calls `reload` some time after changes. It returns false when it must wait its turn. */
function createReloading(reload: () => boolean): { soon(): void; stop(): void } {
  let timer = 0
  let waitMs = RELOAD_MS
  let doneAt = -Infinity
  function run(): void {
    timer = reload() ? 0 : window.setTimeout(run, waitMs)
    if (timer === 0) doneAt = performance.now()
  }
  return {
    soon() {
      if (timer !== 0) return
      const isQuiet = performance.now() - doneAt > 2 * RELOAD_MOST_MS
      waitMs = isQuiet ? RELOAD_MS : Math.min(RELOAD_MOST_MS, waitMs * 2)
      timer = window.setTimeout(run, waitMs)
    },
    stop: () => window.clearTimeout(timer),
  }
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
