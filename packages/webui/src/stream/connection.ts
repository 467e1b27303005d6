// connection.ts — An EventSource that is reopened for ever: with growing pauses after errors, and at once when it has
// been silent for too long. Events arrive in batches. Runs in a page or in a shared worker.
import type { StreamEvent } from '@kagami/protocol'
import { backOff } from './backoff.ts'

const TYPES: StreamEvent['type'][] = [
  'summary',
  'worker',
  'worker_gone',
  'actions',
  'replica',
  'replica_gone',
  'progress',
  'sync',
  'reset',
]
const BATCH_MS = 250
const SILENT_MS = 45_000

export interface StreamListener {
  /** A connection is open; `again` is false for the first one. */
  opened(again: boolean): void
  /** Something arrived; called before its batch is delivered. */
  received(): void
  /** No connection since `since`; the next attempt is at `nextAt`. Both Unix ms. */
  failed(nextAt: number, since: number): void
  events(events: readonly StreamEvent[]): void
}

export interface Connection {
  /** Connects at once, whatever the pause. */
  retryNow(): void
  /** Connects when it has been silent for so long that it may be dead. */
  check(): void
  close(): void
}

/** Opens the stream of /api/v1/stream and keeps it open. */
export function openConnection(listener: StreamListener): Connection {
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let tries = 0
  let lastId = ''
  let everOpen = false
  let downSince = Date.now()
  let receivedAt = Date.now()
  const addToBatch = createBatch(listener.events)

  function connect(): void {
    clearTimeout(timer)
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
    timer = setTimeout(connect, wait)
  }
  connect()
  const checking = setInterval(check, SILENT_MS)
  function check(): void {
    if (Date.now() - receivedAt > SILENT_MS) connect()
  }
  globalThis.addEventListener('online', connect)
  return {
    retryNow: connect,
    check,
    close() {
      clearTimeout(timer)
      clearInterval(checking)
      globalThis.removeEventListener('online', connect)
      source?.close()
    },
  }
}

/** Collects events; delivers them four times a second. */
function createBatch(deliver: (events: readonly StreamEvent[]) => void): (event: StreamEvent) => void {
  let queue: StreamEvent[] = []
  const flush = (): void => {
    const events = queue
    queue = []
    deliver(events)
  }
  return (event) => {
    if (queue.push(event) === 1) setTimeout(flush, BATCH_MS)
  }
}
