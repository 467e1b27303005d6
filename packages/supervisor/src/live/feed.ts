// feed.ts — The events of the live stream: numbered, and kept for a while, so that a client that was away can continue
// where it stopped. Knows no HTTP.
import type { StreamEvent } from '@kagami/protocol'

/** One event of the live stream. */
export interface FeedItem {
  /** `<run>-<number>`: a number of another run of the supervisor means nothing. */
  readonly id: string
  /** The event as it is written to every subscriber; made once, when somebody asks. */
  readonly text: string
}

/** The events of the live stream, and their subscribers. */
export interface Feed {
  publish(event: StreamEvent): void
  /** Calls `listener` for the events missed since `lastId`, then for each new one. Returns how to unsubscribe. */
  subscribe(lastId: string | null, listener: (item: FeedItem) => void): () => void
  readonly subscribers: number
}

/** Keeps the last `keep` events; a client that missed more gets a `reset`, which asks it to fetch everything again. */
export function createFeed(run: string, keep = 2000): Feed {
  let next = 1
  let kept: FeedItem[] = []
  const listeners = new Set<(item: FeedItem) => void>()
  function itemOf(event: StreamEvent, number: number): FeedItem {
    const id = `${run}-${number}`
    let text: string | null = null
    return {
      id,
      get text() {
        return (text ??= textOf(id, event))
      },
    }
  }
  function missedSince(lastId: string | null): FeedItem[] {
    if (lastId === null) return []
    const separator = lastId.lastIndexOf('-')
    const [lastRun, number] = [lastId.slice(0, separator), Number(lastId.slice(separator + 1))]
    const oldest = next - kept.length
    if (lastRun !== run || !Number.isInteger(number) || number < oldest - 1 || number >= next)
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
    subscribe(lastId, listener) {
      for (const item of missedSince(lastId)) listener(item)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    get subscribers() {
      return listeners.size
    },
  }
}

function textOf(id: string, { type, ...rest }: StreamEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(rest)}\n\n`
}
