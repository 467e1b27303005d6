// storage.ts — The disks of the fleet.
import Type from 'typebox'
import { pageOf } from '../views.ts'
import { Filesystem } from '../views/storage.ts'
import { get, paging, Text } from './route.ts'

/** Routes about disks. */
export const storageRoutes = {
  listStorage: get(
    '/api/v1/storage',
    'The filesystems of approved workers, soonest full first: use, forecast, last 14 days, and what grew most',
    {
      tag: 'fleet',
      query: Type.Object({
        ...paging,
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
        worker: Text('Worker id or name: only its filesystem'),
      }),
      response: pageOf(Filesystem),
      refuses: ['not_found', 'conflict'],
    },
  ),
}
