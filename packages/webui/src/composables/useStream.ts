// useStream.ts — The event stream, for as long as a component exists.
import type { StreamEvent } from '@kagami/protocol'
import { onScopeDispose, watch } from 'vue'
import { useLive } from '../stores/live.ts'

/** Calls `handler` with each batch of events until the component is removed. */
export function useStream(handler: (events: readonly StreamEvent[]) => void): void {
  onScopeDispose(useLive().listen(handler))
}

/**
 * Asks for events about what `topics` names, until the component is removed; it is read again when what it reads
 * changes. Every component hears all that any has asked for, and what is about the whole fleet in any case.
 */
export function useTopics(topics: () => readonly string[]): void {
  const live = useLive()
  const key = Symbol('topics')
  watch(
    () => topics().join(),
    () => live.want(key, topics()),
    { immediate: true },
  )
  onScopeDispose(() => live.want(key, []))
}
