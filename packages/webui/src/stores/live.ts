// live.ts — The event stream: one connection, its state in words, and its events handed out four times a second.
import type { StreamEvent } from '@kagami/protocol'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { createLine, OFFLINE_MS } from './eventStream.ts'

type Handler = (events: readonly StreamEvent[]) => void

/** `connecting` at first; `reconnecting` shortly after a break; `offline` when it lasts ten seconds. */
export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'offline'

/** The stream's state, and `epoch`, which grows whenever what is shown must be fetched anew. */
export const useLive = defineStore('live', () => {
  const state = ref<LiveState>('connecting')
  const epoch = ref(0)
  const retryAt = ref<number | null>(null)
  const lastHeardAt = ref<number | null>(null)
  const handlers = new Set<Handler>()
  let patience = 0
  const line = createLine({
    open: (again) => {
      window.clearTimeout(patience)
      state.value = 'live'
      retryAt.value = null
      lastHeardAt.value = Date.now()
      if (again) epoch.value += 1
    },
    heard: () => (lastHeardAt.value = Date.now()),
    down: (nextAt, since) => {
      retryAt.value = nextAt
      if (state.value === 'live') state.value = 'reconnecting'
      // "Reconnecting" turns into "offline" also while nothing is tried.
      window.clearTimeout(patience)
      patience = window.setTimeout(() => (state.value = 'offline'), Math.max(0, since + OFFLINE_MS - Date.now()))
    },
    events: (events) => {
      if (events.some((event) => event.type === 'reset')) epoch.value += 1
      for (const handler of handlers) handler(events)
    },
  })
  /** Hears every batch of events; returns how to stop. */
  function listen(handler: Handler): () => void {
    handlers.add(handler)
    return () => handlers.delete(handler)
  }
  const offline = computed(() => state.value === 'offline')
  return { state, offline, epoch, retryAt, lastHeardAt, listen, start: line.start, retryNow: line.retryNow }
})
