// useStream.ts — The event stream, for as long as a component exists.
import type { StreamEvent } from '@kagami/protocol'
import { onScopeDispose } from 'vue'
import { useLive } from '../stores/live.ts'

/** Calls `handler` with each batch of events until the component is removed. */
export function useStream(handler: (events: readonly StreamEvent[]) => void): void {
  onScopeDispose(useLive().listen(handler))
}
