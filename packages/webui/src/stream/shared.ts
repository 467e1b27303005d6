// shared.ts — The shared worker of all tabs of one browser: one connection to the supervisor, whatever the number of
// tabs. HTTP/1.1 allows a browser six connections in all, so that streams of their own would leave none for requests.
import { openConnection, type Connection } from './connection.ts'
import type { FromStream, FromTab } from './tabs.ts'

/** A tab that has said nothing for so long is closed, or frozen until it says something again. */
const GONE_MS = 200_000

const tabs = new Map<MessagePort, number>()
let connection: Connection | null = null
/** How it is now, for tabs that come later. */
let state: FromStream | null = null

function tell(message: FromStream): void {
  const now = Date.now()
  for (const [tab, heardAt] of tabs)
    if (now - heardAt > GONE_MS) tabs.delete(tab)
    else tab.postMessage(message)
}

function open(): Connection {
  return openConnection({
    opened(again) {
      state = { type: 'opened', again: false }
      tell({ type: 'opened', again })
    },
    received: () => undefined,
    failed(nextAt, since) {
      state = { type: 'failed', nextAt, since }
      tell(state)
    },
    events: (events) => tell({ type: 'events', events }),
  })
}

/** A tab that was given up while it was frozen has missed events: it fetches everything again. */
function hear(tab: MessagePort, message: FromTab, wasThere: boolean): void {
  if (message === 'bye') return void tabs.delete(tab)
  const isNew = !tabs.has(tab)
  tabs.set(tab, Date.now())
  connection ??= open()
  if (isNew && state) tab.postMessage(state.type === 'opened' ? { ...state, again: wasThere } : state)
  if (message === 'retry') connection.retryNow()
  if (message === 'check') connection.check()
}

globalThis.addEventListener('connect', (event) => {
  const [tab] = (event as MessageEvent).ports
  let wasThere = false
  tab?.addEventListener('message', ({ data }: MessageEvent<FromTab>) => {
    hear(tab, data, wasThere)
    wasThere = true
  })
  tab?.start()
})
