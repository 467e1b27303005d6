// feed.ts — What watchers are told, numbered and kept for a while so that one who was away can go on. Knows no HTTP.
import type { StreamEvent } from '@kagami/protocol'

export interface FeedItem {
  /** `<life>-<number>`: a number from another life of the supervisor means nothing. */
  readonly id: string
  /** Ready to be written to every watcher: made once. */
  readonly text: string
}

export interface Feed {
  publish(event: StreamEvent): void
  /** Calls `listener` for each event from now on, after those missed since `lastId`. Returns the way to stop. */
  follow(lastId: string | null, listener: (item: FeedItem) => void): () => void
  readonly watchers: number
}

/** Keeps the last `keep` events; who missed more is told to fetch anew. */
export function createFeed(life: string, keep = 2000): Feed {
  let next = 1
  let kept: FeedItem[] = []
  const listeners = new Set<(item: FeedItem) => void>()
  function itemOf(event: StreamEvent, number: number): FeedItem {
    const { type, ...rest } = event
    const id = `${life}-${number}`
    return { id, text: `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(rest)}\n\n` }
  }
  function missed(lastId: string | null): FeedItem[] {
    if (lastId === null) return []
    const [seenLife, number] = [
      lastId.slice(0, lastId.lastIndexOf('-')),
      Number(lastId.slice(lastId.lastIndexOf('-') + 1)),
    ]
    const oldest = next - kept.length
    if (seenLife !== life || !Number.isInteger(number) || number < oldest - 1 || number >= next)
      return [itemOf({ type: 'reset' }, next - 1)]
    return kept.slice(number - oldest + 1)
  }
  return {
    publish(event) {
      const item = itemOf(event, next++)
      kept.push(item)
      if (kept.length > keep * 2) kept = kept.slice(-keep)
      for (const listener of listeners) listener(item)
    },
    follow(lastId, listener) {
      for (const item of missed(lastId)) listener(item)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    get watchers() {
      return listeners.size
    },
  }
}
