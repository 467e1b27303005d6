// eventStream.ts — One EventSource that never gives up: reopened with growing pauses, watched for silence, its events handed
// out in batches.
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
const PAINT_MS = 250
const SILENT_MS = 45_000
/** After this long without a connection we say so. */
export const OFFLINE_MS = 10_000

/** Who wants to know: `again` tells a reconnect from the first connection, `since` is when it went down. */
export interface Ears {
  open(again: boolean): void
  heard(): void
  down(nextAt: number, since: number): void
  events(events: readonly StreamEvent[]): void
}

/** Gathers events and hands them on four times a second. */
function createBatch(hand: (events: readonly StreamEvent[]) => void): (event: StreamEvent) => void {
  let timer = 0
  let queue: StreamEvent[] = []
  const flush = (): void => {
    timer = 0
    const events = queue
    queue = []
    hand(events)
  }
  return (event) => {
    queue.push(event)
    if (timer === 0) timer = window.setTimeout(flush, PAINT_MS)
  }
}

/** The line to /api/v1/stream. Nothing happens before `start`. */
export function createLine(ears: Ears): { start(): void; retryNow(): void } {
  let source: EventSource | null = null
  let timer = 0
  let tries = 0
  let lastId = ''
  let everOpen = false
  let downSince = Date.now()
  let heardAt = Date.now()
  const batch = createBatch(ears.events)

  function connect(): void {
    window.clearTimeout(timer)
    source?.close()
    source = new EventSource(`/api/v1/stream${lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : ''}`)
    source.addEventListener('open', () => {
      tries = 0
      heardAt = Date.now()
      ears.open(everOpen)
      everOpen = true
    })
    source.addEventListener('error', fail)
    for (const type of TYPES) source.addEventListener(type, (message) => take(type, message))
  }
  function take(type: StreamEvent['type'], message: MessageEvent<string>): void {
    if (message.lastEventId) lastId = message.lastEventId
    heardAt = Date.now()
    ears.heard()
    batch({ type, ...(message.data ? (JSON.parse(message.data) as object) : {}) } as StreamEvent)
  }
  function fail(): void {
    source?.close()
    source = null
    if (tries === 0) downSince = Date.now()
    const wait = backOff(tries, Math.random())
    tries += 1
    ears.down(Date.now() + wait, downSince)
    timer = window.setTimeout(connect, wait)
  }
  const retryNow = connect
  return { start: () => start(connect, () => Date.now() - heardAt > SILENT_MS), retryNow }
}

/** Opens the line and keeps an eye on it: one that has been silent for long may be dead without saying so. */
function start(connect: () => void, silent: () => boolean): void {
  const check = (): void => {
    if (document.visibilityState === 'visible' && silent()) connect()
  }
  connect()
  document.addEventListener('visibilitychange', check)
  window.addEventListener('online', connect)
  window.setInterval(check, SILENT_MS)
}
