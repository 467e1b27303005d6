// follow.ts — The live stream as one tab sees it: that of the shared worker, or its own where a browser has none.
import { openConnection, type StreamListener } from './connection.ts'
import type { FromStream, FromTab } from './tabs.ts'

/** The page counts as offline after this long without a connection. */
export const OFFLINE_MS = 10_000
const HERE_MS = 60_000

export interface EventStream {
  /** Connects for the first time. */
  start(): void
  /** Connects at once, whatever the pause. */
  retryNow(): void
}

/** The stream. Nothing happens before `start`. */
export function createEventStream(listener: StreamListener): EventStream {
  let retryNow = (): void => undefined
  return {
    start() {
      retryNow = typeof SharedWorker === 'undefined' ? followAlone(listener) : followShared(listener)
    },
    retryNow: () => retryNow(),
  }
}

/** Returns how to connect at once. */
function followAlone(listener: StreamListener): () => void {
  const connection = openConnection(listener)
  whenSeen(connection.check)
  return connection.retryNow
}

/** Returns how to connect at once. Goes on alone where the worker cannot start. */
function followShared(listener: StreamListener): () => void {
  const worker = new SharedWorker(new URL('./shared.ts', import.meta.url), { type: 'module', name: 'kagami' })
  let alone: (() => void) | null = null
  const say = (message: FromTab): void => worker.port.postMessage(message)
  worker.addEventListener('error', () => (alone ??= followAlone(listener)))
  worker.port.addEventListener('message', ({ data }: MessageEvent<FromStream>) => {
    if (alone) return
    if (data.type === 'opened') listener.opened(data.again)
    else if (data.type === 'failed') listener.failed(data.nextAt, data.since)
    else {
      listener.received()
      listener.events(data.events)
    }
  })
  worker.port.start()
  say('here')
  window.setInterval(() => say('here'), HERE_MS)
  window.addEventListener('pagehide', () => say('bye'))
  window.addEventListener('pageshow', () => say('here'))
  whenSeen(() => say('check'))
  return () => (alone ? alone() : say('retry'))
}

function whenSeen(check: () => void): void {
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') check()
  })
}
