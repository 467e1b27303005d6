// connection.ts — An EventSource that is reopened for ever: with growing pauses after errors, at once when it has been
// silent for too long, and when more is wanted than it was opened for. Events arrive in batches. Runs in a page or in a
// shared worker.
import type { StreamEvent } from '@kagami/protocol'
import { backOff } from './backoff.ts'
import { createPositions } from './positions.ts'
import { CATCH_UP_MS } from './recent.ts'
import { covers } from './topics.ts'

const TYPES: StreamEvent['type'][] = [
  'connected',
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
/** What nobody wants any more is still sent for so long: pages come and go. */
const UNWANTED_MS = 10_000

export interface StreamListener {
  /** A connection is open; `again`: one was before, and what happened in between is not known. */
  opened(again: boolean): void
  /** Something arrived; called before its batch is delivered. */
  received(): void
  /** No connection since `since`; the next attempt is at `nextAt`. Both Unix ms. */
  failed(nextAt: number, since: number): void
  events(events: readonly StreamEvent[]): void
}

export interface Connection {
  /** What is wanted from now on. */
  want(topics: readonly string[]): void
  /** Connects at once, whatever the pause. */
  retryNow(): void
  /** Connects when it has been silent for so long that it may be dead. */
  check(): void
}

/** Opens the stream of /api/v1/stream and keeps it open. */
export function openConnection(listener: StreamListener, topics: readonly string[]): Connection {
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let tries = 0
  let everOpen = false
  let downSince = Date.now()
  let receivedAt = Date.now()
  const positions = createPositions(CATCH_UP_MS)
  const addToBatch = createBatch(listener.events)
  // While there is no connection, the next attempt asks for what is wanted then.
  const wish = createWish(topics, () => source && connect())

  function connect(): void {
    clearTimeout(timer)
    source?.close()
    // The supervisor sends what came after it, or a reset when it does not know any more.
    const from = positions.lastAt(receivedAt - CATCH_UP_MS)
    source = openSource(addressOf(wish.take(), from), { receive, retryLater, opened: () => opened(from === '') })
  }
  function opened(isBeginning: boolean): void {
    tries = 0
    receivedAt = Date.now()
    listener.opened(everOpen && isBeginning)
    everOpen = true
  }
  function receive(type: StreamEvent['type'], message: MessageEvent<string>): void {
    receivedAt = Date.now()
    if (type === 'reset') positions.clear()
    if (message.lastEventId) positions.add(message.lastEventId, receivedAt)
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
  function check(): void {
    if (Date.now() - receivedAt > SILENT_MS) connect()
  }
  connect()
  setInterval(check, SILENT_MS)
  globalThis.addEventListener('online', connect)
  return { want: wish.change, retryNow: connect, check }
}

/** What is wanted of the stream. Calls `ask` when it is more than was asked for, and some time after it became less. */
function createWish(topics: readonly string[], ask: () => void) {
  let [wanted, asked] = [topics, topics]
  let timer: ReturnType<typeof setTimeout> | undefined
  function narrow(): void {
    timer = undefined
    if (!covers(wanted, asked)) ask()
  }
  return {
    /** What to ask for now. */
    take(): readonly string[] {
      clearTimeout(timer)
      timer = undefined
      return (asked = wanted)
    },
    change(now: readonly string[]): void {
      wanted = now
      if (!covers(asked, wanted)) ask()
      else timer ??= setTimeout(narrow, UNWANTED_MS)
    },
  }
}

interface SourceHandlers {
  opened(): void
  retryLater(): void
  receive(type: StreamEvent['type'], message: MessageEvent<string>): void
}

function openSource(address: string, { opened, retryLater, receive }: SourceHandlers): EventSource {
  const source = new EventSource(address)
  source.addEventListener('open', opened)
  source.addEventListener('error', retryLater)
  for (const type of TYPES) source.addEventListener(type, (message) => receive(type, message))
  return source
}

function addressOf(topics: readonly string[], from: string): string {
  const named = topics.map((topic) => topic.split(':').map(encodeURIComponent).join(':')).join(',')
  return `/api/v1/stream?topics=${named}${from ? `&last_event_id=${encodeURIComponent(from)}` : ''}`
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
