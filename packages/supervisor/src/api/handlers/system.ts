// system.ts — The whole system under /api/v1: summary, audit, and the live stream.
import { createTopicFilter, findWrongTopic, Refusal, STREAM_TOPICS_MAX, streamTopics } from '@kagami/protocol'
import type { Fleet } from '../../core/entries.ts'
import type { Supervisor } from '../../supervisor.ts'
import { findReplica, findWorker } from './find.ts'
import type { Handlers } from './handler.ts'
import { wordsOf } from '../lists/pages.ts'
import { openStream } from '../stream.ts'

export const systemHandlers: Pick<Handlers, 'summary' | 'audit' | 'stream'> = {
  summary: (_, { supervisor }) => supervisor.summary(),
  async audit({ query }, { supervisor }) {
    const { fleet, store } = supervisor.services
    const filter = {
      targets: query.target ? [...new Set([idOf(fleet, query.target), query.target])] : undefined,
      actor: query.actor || undefined,
      actions: [...(wordsOf(query.action) ?? [])],
      result: query.result || undefined,
      since: query.since,
    } as AuditFilter
    const page = await store.listAudit(filter, { cursor: query.cursor || null, limit: query.limit ?? 100 })
    const items = page.items.map((entry) => ({ ...entry, target_name: nameOf(fleet, entry.target) }))
    return { items, next_cursor: page.nextCursor, total: page.total }
  },
  stream: ({ query }, { supervisor, request, reply }) => {
    const wants = createTopicFilter(topicsOf(query.topics))
    openStream(supervisor.services.feed, { request, reply, lastId: query.last_event_id, wants })
    return undefined
  },
}

/** The topics that were asked for; null: none were named. Throws `invalid_request`. */
function topicsOf(text: string | undefined): string[] | null {
  if (text === undefined) return null
  const topics = text.split(',').filter((topic) => topic !== '')
  const wrong = findWrongTopic(topics)
  if (wrong !== undefined)
    throw new Refusal('invalid_request', `topics names ${wrong}, which is none of ${streamTopics.join(' ')}`, 'topics')
  if (topics.length > STREAM_TOPICS_MAX)
    throw new Refusal('invalid_request', `topics names more than ${STREAM_TOPICS_MAX}`, 'topics')
  return topics
}

type AuditFilter = Parameters<Supervisor['services']['store']['listAudit']>[0]

/** The name of what an entry is about; null: it is gone, or it is none of these. */
function nameOf(fleet: Fleet, target: string | null): string | null {
  if (target === null) return null
  const worker = fleet.workers.get(target)
  if (worker) return worker.record.name
  // Refused requests have what was asked for, which may be a name.
  const replica = fleet.replicas.get(target.includes('@') ? idOf(fleet, target) : target)
  return replica ? `${replica.name}@${replica.worker.record.name}` : null
}

/** The id of what is named. What is gone has its entries under its id alone. */
function idOf(fleet: Fleet, target: string): string {
  if (fleet.replicas.has(target)) return target
  try {
    return target.includes('@') ? findReplica(fleet, target).replicaId : findWorker(fleet, target).record.worker_id
  } catch (error) {
    if (error instanceof Refusal) return target
    throw error
  }
}
