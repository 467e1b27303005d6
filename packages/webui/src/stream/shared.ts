// shared.ts — The shared worker of all tabs of one browser: one connection to the supervisor, whatever the number of
// tabs, for what they want together; each is told what it wants. HTTP/1.1 allows a browser six connections in all, so
// that streams of their own would leave none for requests.
import { createTopicFilter, subjectOfEvent, type StreamEvent } from '@kagami/protocol'
import { openConnection, type Connection } from './connection.ts'
import { createRecent } from './recent.ts'
import type { FromStream, FromTab } from './tabs.ts'
import { mergeTopics } from './topics.ts'

/** A tab that has said nothing for so long is closed, or frozen until it says something again. */
const GONE_MS = 200_000

interface Tab {
  readonly heardAt: number
  readonly topics: readonly string[]
  readonly wants: ReturnType<typeof createTopicFilter>
}

const recent = createRecent()
const tabs = new Map<MessagePort, Tab>()
let connection: Connection | null = null
/** How it is now, for tabs that come later. */
let state: FromStream | null = null

function tell(messageTo: (tab: Tab) => FromStream | null): void {
  const now = Date.now()
  for (const [port, tab] of tabs)
    if (now - tab.heardAt > GONE_MS) tabs.delete(port)
    else {
      const message = messageTo(tab)
      if (message) port.postMessage(message)
    }
}

const wanted = (): string[] => mergeTopics(Array.from(tabs.values(), ({ topics }) => topics))

function open(): Connection {
  const listener = {
    opened(again: boolean) {
      state = { type: 'opened', again: false }
      tell(() => ({ type: 'opened', again }))
    },
    received: () => undefined,
    failed(nextAt: number, since: number) {
      const failed = { type: 'failed', nextAt, since } as const
      state = failed
      tell(() => failed)
    },
    events(all: readonly StreamEvent[]) {
      recent.add(all, Date.now())
      tell(({ wants }) => {
        const events = all.filter((event) => wants(subjectOfEvent(event)))
        return events.length > 0 ? { type: 'events', events } : null
      })
    },
  }
  return openConnection(listener, wanted())
}

/** A tab that was given up while it was frozen has missed events: it fetches everything again. */
function hear(port: MessagePort, { say, topics }: FromTab, wasThere: boolean): void {
  if (say === 'bye') return void tabs.delete(port)
  const before = tabs.get(port)
  tabs.set(port, { heardAt: Date.now(), topics, wants: createTopicFilter(topics) })
  if (connection) connection.want(wanted())
  else connection = open()
  if (before?.topics.join() !== topics.join()) port.postMessage({ type: 'events', events: recent.about(topics) })
  if (!before && state) port.postMessage(state.type === 'opened' ? { ...state, again: wasThere } : state)
  if (say === 'retry') connection.retryNow()
  if (say === 'check') connection.check()
}

globalThis.addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports
  let wasThere = false
  port?.addEventListener('message', ({ data }: MessageEvent<FromTab>) => {
    hear(port, data, wasThere)
    wasThere = true
  })
  port?.start()
})
