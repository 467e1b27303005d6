// system.ts — The whole system under /api/v1: session, summary, audit, and the live stream.
import { shownNatsUrl } from '@kagami/runtime'
import { version } from '../version.ts'
import type { Handlers } from './handler.ts'
import { openStream } from './stream.ts'

export const systemHandlers: Pick<Handlers, 'session' | 'summary' | 'audit' | 'stream'> = {
  session: (_, { supervisor, authenticated }) => {
    const { config, clock, accounts } = supervisor.services
    return {
      auth: config.auth,
      authenticated,
      version,
      auto_approve: config.auto_approve,
      nats_locked: accounts !== null,
      nats_url: authenticated ? shownNatsUrl(config.natsUrl) : null,
      server_time: clock.now().toISOString(),
    }
  },
  summary: (_, { supervisor }) => supervisor.summary(),
  async audit({ query }, { supervisor }) {
    const page = await supervisor.services.store.listAudit(query?.target ?? null, {
      cursor: query?.cursor || null,
      limit: query?.limit ?? 100,
    })
    return { items: page.items, next_cursor: page.nextCursor, total: page.total }
  },
  stream: ({ query }, { supervisor, request, reply }) => {
    openStream(supervisor.services.feed, request, reply, query?.last_event_id)
    return undefined
  },
}
