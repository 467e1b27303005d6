// live.ts — The state of the event stream, and its events for everybody who listens.
import type { StreamEvent } from '@kagami/protocol'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { answeredAt } from '../api.ts'
import { createEventStream, OFFLINE_MS } from '../stream/follow.ts'
import { mergeTopics } from '../stream/topics.ts'

/** Parts of a page that appear together ask together, ms. */
const WANT_MS = 50

type Handler = (events: readonly StreamEvent[]) => void

/** `connecting` at first; `reconnecting` after a break; `offline` when a break lasts ten seconds. */
export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'offline'

/** The stream's state, and `epoch`, which grows whenever everything shown must be fetched again. */
export const useLive = defineStore('live', () => {
  const state = ref<LiveState>('connecting')
  const epoch = ref(0)
  const retryAt = ref<number | null>(null)
  /** When the stream last said something, Unix ms. */
  const heardAt = ref<number | null>(null)
  /** When the supervisor was last heard from, by the stream or by an answer, Unix ms; null: never. */
  const lastContactAt = computed(() => Math.max(heardAt.value ?? 0, answeredAt.value ?? 0) || null)
  const handlers = new Set<Handler>()
  let offlineTimer = 0
  const stream = createEventStream({
    opened(again) {
      window.clearTimeout(offlineTimer)
      state.value = 'live'
      retryAt.value = null
      heardAt.value = Date.now()
      if (again) epoch.value += 1
    },
    received() {
      heardAt.value = Date.now()
    },
    failed(nextAt, since) {
      retryAt.value = nextAt
      if (state.value === 'live') state.value = 'reconnecting'
      // The pause before the next attempt may be longer than the time until the page counts as offline.
      window.clearTimeout(offlineTimer)
      offlineTimer = window.setTimeout(() => (state.value = 'offline'), Math.max(0, since + OFFLINE_MS - Date.now()))
    },
    events(events) {
      if (events.some((event) => event.type === 'reset')) epoch.value += 1
      for (const handler of handlers) handler(events)
    },
  })
  /** Calls `handler` with each batch of events. Returns a function that ends this. */
  function listen(handler: Handler): () => void {
    handlers.add(handler)
    return () => handlers.delete(handler)
  }
  const wanted = new Map<symbol, readonly string[]>()
  let wantTimer = 0
  /** Asks for events about `topics`, besides those that are asked for under other keys; empty: no longer. */
  function want(key: symbol, topics: readonly string[]): void {
    if (topics.length === 0) wanted.delete(key)
    else wanted.set(key, topics)
    window.clearTimeout(wantTimer)
    wantTimer = window.setTimeout(() => stream.want(mergeTopics(wanted.values())), WANT_MS)
  }
  const offline = computed(() => state.value === 'offline')
  const { start, retryNow } = stream
  return { state, offline, epoch, retryAt, lastContactAt, listen, want, start, retryNow }
})
