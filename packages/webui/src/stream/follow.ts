// follow.ts — The live stream as one tab sees it: that of the shared worker, or its own where a browser has none.
import { openConnection, type Connection, type StreamListener } from './connection.ts'
import { createRecent } from './recent.ts'
import type { FromStream, FromTab } from './tabs.ts'

/** The page counts as offline after this long without a connection. */
export const OFFLINE_MS = 10_000
const HERE_MS = 60_000

export interface EventStream {
  /** Connects for the first time. */
  start(): void
  /** What this tab wants to be told of from now on. */
  want(topics: readonly string[]): void
  /** Connects at once, whatever the pause. */
  retryNow(): void
}

/** The stream. Nothing happens before `start`. */
export function createEventStream(listener: StreamListener): EventStream {
  let stream: Following | null = null
  let wanted: readonly string[] = []
  return {
    start() {
      stream = typeof SharedWorker === 'undefined' ? followAlone(listener, wanted) : followShared(listener, wanted)
    },
    want(topics) {
      wanted = topics
      stream?.want(topics)
    },
    retryNow: () => stream?.retryNow(),
  }
}

type Following = Pick<Connection, 'want' | 'retryNow'>

function followAlone(listener: StreamListener, topics: readonly string[]): Following {
  const recent = createRecent()
  const events: StreamListener['events'] = (all) => {
    recent.add(all, Date.now())
    listener.events(all)
  }
  const connection = openConnection({ ...listener, events }, topics)
  whenSeen(connection.check)
  return {
    want(wanted) {
      connection.want(wanted)
      listener.events(recent.about(wanted))
    },
    retryNow: connection.retryNow,
  }
}

/** Goes on alone where the worker cannot start. */
function followShared(listener: StreamListener, wanted: readonly string[]): Following {
  const worker = new SharedWorker(new URL('./shared.ts', import.meta.url), { type: 'module', name: 'kagami' })
  let alone: Following | null = null
  let topics = wanted
  const say = (word: FromTab['say']): void => worker.port.postMessage({ say: word, topics } satisfies FromTab)
  worker.addEventListener('error', () => (alone ??= followAlone(listener, topics)))
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
  return {
    want(now) {
      topics = now
      if (alone) alone.want(topics)
      else say('here')
    },
    retryNow: () => (alone ? alone.retryNow() : say('retry')),
  }
}

function whenSeen(check: () => void): void {
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') check()
  })
}
