// system.ts — The whole system: summary, audit, and the live stream.
import Type from 'typebox'
import { AuditEntry } from '../views/audit.ts'
import { pageOf, Summary } from '../views.ts'
import { Settings } from '../views/settings.ts'
import { STREAM_TOPICS_MAX } from '../views/stream.ts'
import { get, pagingOf, Text, Word } from './route.ts'

/** Routes about the whole system. */
export const systemRoutes = {
  summary: get('/api/v1/summary', 'Counts, failure causes and totals of the whole fleet', {
    tag: 'fleet',
    response: Summary,
  }),
  settings: get('/api/v1/settings', 'What the supervisor runs with, and where each value comes from; no secrets', {
    tag: 'system',
    role: 'operator',
    response: Settings,
  }),
  audit: get('/api/v1/audit', 'Who wrote what, when, with which result', {
    tag: 'system',
    query: Type.Object({
      ...pagingOf('\\d{1,15}'),
      target: Text('Id of what was written to; or name of a worker, NAME@WORKER'),
      actor: Text('Who wrote'),
      action: Text('One or more actions, comma-separated'),
      result: Word(['done', 'refused'], 'done or refused'),
      since: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 999_999_999_999_999,
          description: 'Only entries after the one with this id, oldest first',
        }),
      ),
    }),
    response: pageOf(AuditEntry),
  }),
  stream: get('/api/v1/stream', 'Server-sent events; continues after Last-Event-ID', {
    tag: 'live',
    query: Type.Object({
      last_event_id: Text('For clients that cannot set the header'),
      topics: Type.Optional(
        Type.String({
          maxLength: 12_000,
          description:
            'Send only what is about these, comma-separated: workers, replicas, syncs, worker:ID, replica:ID, ' +
            `mirror:NAME, within:WORKER_ID; at most ${STREAM_TOPICS_MAX}. Counts of the whole fleet always come. ` +
            'Absent: everything',
        }),
      ),
    }),
    produces: 'text/event-stream',
  }),
}
