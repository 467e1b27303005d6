// feed.ts — The events of the live stream: numbered, and the newest of each thing kept for a while, so that a client
// that was away can continue where it stopped. An event is made when somebody is sent it. Knows no HTTP.
import { subjectOfEvent, type EventSubject, type StreamEvent } from '@kagami/protocol'

/** Something that happened, told when somebody wants to hear it. */
export interface Happening {
  /** What it is the newest of: who was away is sent only the last one with the same key. */
  readonly key: string
  /** What it is about; null: that is gone. */
  subject(): EventSubject | null
  /** As it is now; null: it is gone. */
  event(): StreamEvent | null
}

/** The events of the live stream, and their subscribers. */
export interface Feed {
  publish(key: Happening['key'], event: StreamEvent): void
  /** As `publish`, of what is read when somebody is sent it. */
  publishLazily(happening: Happening): void
  /**
   * Calls `listener` with the events that are wanted and were missed since `lastId`, then with each new one, as they
   * are written to the client. Returns how to unsubscribe.
   */
  subscribe(lastId: string | null, wants: Wants, listener: (text: string) => void): () => void
  readonly subscribers: number
}

type Wants = (subject: EventSubject) => boolean

interface Numbered {
  readonly number: number
  readonly happening: Happening
  /** As it is written to every client; undefined: nobody has asked yet. */
  text?: string | null
}

/** Keeps the last `keep` events; a client that missed more gets a `reset`, which asks it to fetch everything again. */
export function createFeed(run: string, keep = 10_000): Feed {
  let next = 1
  let kept: Numbered[] = []
  /** By key, the number of its newest event that is kept. */
  const newest = new Map<string, number>()
  const subscribers = new Set<{ wants: Wants; listener: (text: string) => void }>()
  const idOf = (number: number): string => `${run}-${number}`

  function send(item: Numbered, wants: Wants, listener: (text: string) => void): void {
    const subject = item.happening.subject()
    if (subject === null || !wants(subject)) return
    item.text ??= textOf(idOf(item.number), item.happening.event())
    if (item.text !== null) listener(item.text)
  }
  function forgetOldest(): void {
    for (const { number, happening } of kept.slice(0, -keep))
      if (newest.get(happening.key) === number) newest.delete(happening.key)
    kept = kept.slice(-keep)
  }
  /** What came after the event with this id; null: that is not known any more. */
  function missedSince(lastId: string): Numbered[] | null {
    const separator = lastId.lastIndexOf('-')
    const [lastRun, number] = [lastId.slice(0, separator), Number(lastId.slice(separator + 1))]
    const oldest = next - kept.length
    if (lastRun !== run || !Number.isInteger(number) || number < oldest - 1 || number >= next) return null
    return kept.slice(number - oldest + 1).filter((item) => newest.get(item.happening.key) === item.number)
  }
  function publishLazily(happening: Happening): void {
    const item: Numbered = { number: next++, happening }
    kept.push(item)
    newest.set(happening.key, item.number)
    if (kept.length > keep * 2) forgetOldest()
    for (const { wants, listener } of subscribers) send(item, wants, listener)
  }
  return {
    publish: (key, event) => publishLazily({ key, subject: () => subjectOfEvent(event), event: () => event }),
    publishLazily,
    subscribe(lastId, wants, listener) {
      const missed = lastId === null ? null : missedSince(lastId)
      const beginning = { type: lastId === null ? 'connected' : 'reset' } as const
      if (missed === null) listener(textOf(idOf(next - 1), beginning)!)
      else for (const item of missed) send(item, wants, listener)
      const subscriber = { wants, listener }
      subscribers.add(subscriber)
      return () => void subscribers.delete(subscriber)
    },
    get subscribers() {
      return subscribers.size
    },
  }
}

function textOf(id: string, event: StreamEvent | null): string | null {
  if (event === null) return null
  const { type, ...rest } = event
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(rest)}\n\n`
}
