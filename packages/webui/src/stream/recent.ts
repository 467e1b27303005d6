// recent.ts — What was heard in the last seconds: who wants something new hears what has happened to it since it was
// fetched. Pure.
import { createTopicFilter, subjectOfEvent, type StreamEvent } from '@kagami/protocol'

/** An answer of the supervisor is not older than this when it is shown, ms. */
export const CATCH_UP_MS = 15_000

export interface Recent {
  add(events: readonly StreamEvent[], nowMs: number): void
  /** The newest event of each thing that is named, in the order in which they came. */
  about(topics: readonly string[]): StreamEvent[]
}

/** Remembers the newest event of each thing, for a while. */
export function createRecent(keepMs = CATCH_UP_MS): Recent {
  const heard = new Map<string, { readonly event: StreamEvent; readonly atMs: number }>()
  return {
    add(events, nowMs) {
      for (const event of events) {
        const key = keyOf(event)
        if (key === null) continue
        heard.delete(key)
        heard.set(key, { event, atMs: nowMs })
      }
      for (const [key, { atMs }] of heard) {
        if (atMs >= nowMs - keepMs) break
        heard.delete(key)
      }
    },
    about(topics) {
      const wants = createTopicFilter(topics)
      return [...heard.values()].map(({ event }) => event).filter((event) => wants(subjectOfEvent(event)))
    },
  }
}

/** What an event is the newest of; null: it is about the whole fleet. */
function keyOf(event: StreamEvent): string | null {
  const subject = subjectOfEvent(event)
  if (subject.kind === 'fleet') return null
  if (subject.kind === 'worker') return `worker ${subject.worker_id}`
  return subject.kind === 'replica' ? `replica ${subject.replica_id}` : `sync of ${subject.replica_id}`
}
