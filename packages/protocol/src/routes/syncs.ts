// syncs.ts — Syncs that run and that have ended, and their logs.
import Type from 'typebox'
import { pageOf, Sync } from '../views.ts'
import { get, Id, paging, post, Text } from './route.ts'

const tag = 'syncs'

/** Routes about syncs. */
export const syncRoutes = {
  listSyncs: get('/api/v1/syncs', 'Running syncs, then the history, newest first', {
    tag,
    query: Type.Object({
      ...paging,
      replica: Text('Replica id'),
      worker: Text('Worker id or name'),
      name: Text('Mirror name'),
      state: Text('running or finished'),
      outcome: Text('One or more, comma-separated'),
    }),
    response: pageOf(Sync),
  }),
  getSync: get('/api/v1/syncs/{id}', 'One sync, by id or unique prefix', {
    tag,
    params: Id,
    response: Sync,
    refuses: ['not_found'],
  }),
  syncLog: get(
    '/api/v1/syncs/{id}/log',
    'The log of a sync, read from its worker. To read on, see the headers x-log-next-offset, x-log-size, x-log-running',
    {
      tag,
      params: Id,
      query: Type.Object({
        offset: Type.Optional(
          Type.Integer({ default: 0, description: 'Byte to start at; negative counts from the end' }),
        ),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 262_144, default: 65_536 })),
      }),
      produces: 'text/plain',
      refuses: ['not_found', 'worker_unreachable'],
    },
  ),
  cancelSync: post('/api/v1/syncs/{id}/cancel', 'Stop a running sync', {
    tag,
    params: Id,
    status: 202,
    refuses: ['not_found', 'worker_unreachable', 'conflict'],
  }),
}
