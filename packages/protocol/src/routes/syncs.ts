// syncs.ts — Syncs that run and that have ended, and their logs.
import Type from 'typebox'
import { Outcome } from '../model.ts'
import { pageOf, Sync, SyncNeighbours } from '../views.ts'
import { get, Id, pagingOf, post, Text, Word, Words } from './route.ts'

const tag = 'syncs'

/** How far a position in a log may be from its ends. */
const BYTES = { minimum: -999_999_999_999_999, maximum: 999_999_999_999_999 }

/** Routes about syncs. */
export const syncRoutes = {
  listSyncs: get('/api/v1/syncs', 'Running syncs, then the history, what was recorded last first', {
    tag,
    query: Type.Object({
      ...pagingOf('\\d{1,15}_[\\w.-]{1,64}|running\\.[\\w-]{1,500}'),
      replica: Text('Replica id'),
      worker: Text('Worker id or name'),
      name: Text('Mirror name'),
      state: Word(['running', 'finished'], 'running or finished'),
      outcome: Words(Outcome.enum),
      sort: Word(
        ['newest', 'ending'],
        'newest (default); or ending: only running syncs, on one page, those that end first as far as their progress ' +
          'or what is usual tells, then those that have run longest, and last those of silent workers',
      ),
    }),
    response: pageOf(Sync),
    refuses: ['not_found', 'conflict'],
  }),
  getSync: get('/api/v1/syncs/{id}', 'One sync, by id or unique prefix', {
    tag,
    params: Id,
    response: Sync,
    refuses: ['not_found', 'conflict'],
  }),
  syncNeighbours: get('/api/v1/syncs/{id}/neighbours', 'The syncs of the same replica just before and after this one', {
    tag,
    params: Id,
    response: SyncNeighbours,
    refuses: ['not_found', 'conflict'],
  }),
  syncLog: get(
    '/api/v1/syncs/{id}/log',
    'The log of a sync, read from its worker. To read on, see the headers x-log-next-offset, x-log-size, x-log-running',
    {
      tag,
      params: Id,
      query: Type.Object({
        offset: Type.Optional(
          Type.Integer({ default: 0, ...BYTES, description: 'Byte to start at; negative counts from the end' }),
        ),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 262_144, default: 65_536 })),
      }),
      produces: 'text/plain',
      refuses: ['not_found', 'worker_unreachable', 'conflict'],
    },
  ),
  cancelSync: post('/api/v1/syncs/{id}/cancel', 'Stop a running sync', {
    tag,
    params: Id,
    status: 202,
    refuses: ['not_found', 'worker_unreachable', 'conflict'],
  }),
}
