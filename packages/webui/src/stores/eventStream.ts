// eventStream.ts — An EventSource that is reopened for ever: with growing pauses after errors, and at once when it has
// been silent for too long. Events arrive in batches.
import type { StreamEvent } from '@kagami/protocol'
import { backOff } from './backoff.ts'

const TYPES: StreamEvent['type'][] = [
  'summary',
  'worker',
  'worker_gone',
  'replica',
  'replica_gone',
  'progress',
  'sync',
  'reset',
]
const BATCH_MS = 250
const SILENT_MS = 45_000
/** The page counts as offline after this long without a connection. */
export const OFFLINE_MS = 10_000

export interface StreamListener {
  /** A connection is open; `again` is false for the first one. */
  opened(again: boolean): void
  /** Something arrived; called before its batch is delivered. */
  received(): void
  /** No connection since `since`; the next attempt is at `nextAt`. Both Unix ms. */
  failed(nextAt: number, since: number): void
  events(events: readonly StreamEvent[]): void
}

export interface EventStream {
  /** Connects for the first time. */
  start(): void
  /** Connects at once, whatever the pause. */
  retryNow(): void
}

/** The stream of /api/v1/stream. Nothing happens before `start`. */
export function createEventStream(listener: StreamListener): EventStream {
  let source: EventSource | null = null
  let timer = 0
  let tries = 0
  let lastId = ''
  let everOpen = false
  let downSince = Date.now()
  let receivedAt = Date.now()
  const addToBatch = createBatch(listener.events)

  function connect(): void {
    window.clearTimeout(timer)
    source?.close()
    source = new EventSource(`/api/v1/stream${lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : ''}`)
    source.addEventListener('open', () => {
      tries = 0
      receivedAt = Date.now()
      listener.opened(everOpen)
      everOpen = true
    })
    source.addEventListener('error', retryLater)
    for (const type of TYPES) source.addEventListener(type, (message) => receive(type, message))
  }
  function receive(type: StreamEvent['type'], message: MessageEvent<string>): void {
    if (message.lastEventId) lastId = message.lastEventId
    receivedAt = Date.now()
    listener.received()
    addToBatch({ type, ...(message.data ? (JSON.parse(message.data) as object) : {}) } as StreamEvent)
  }
  function retryLater(): void {
    source?.close()
    source = null
    if (tries === 0) downSince = Date.now()
    const wait = backOff(tries, Math.random())
    tries += 1
    listener.failed(Date.now() + wait, downSince)
    timer = window.setTimeout(connect, wait)
  }
  const isSilent = (): boolean => Date.now() - receivedAt > SILENT_MS
  return { start: () => start(connect, isSilent), retryNow: connect }
}

/** Collects events; delivers them four times a second. */
function createBatch(deliver: (events: readonly StreamEvent[]) => void): (event: StreamEvent) => void {
  let timer = 0
  let queue: StreamEvent[] = []
  const flush = (): void => {
    timer = 0
    const events = queue
    queue = []
    deliver(events)
  }
  return (event) => {
    queue.push(event)
    if (timer === 0) timer = window.setTimeout(flush, BATCH_MS)
  }
}

/** Connects, and reconnects whenever a visible page has been silent for long: such a connection may be dead. */
function start(connect: () => void, isSilent: () => boolean): void {
  const check = (): void => {
    if (document.visibilityState === 'visible' && isSilent()) connect()
  }
  connect()
  document.addEventListener('visibilitychange', check)
  window.addEventListener('online', connect)
  window.setInterval(check, SILENT_MS)
}
