// bulk.ts — Bulk jobs: one action on many replicas, chosen by their ids or by the filters of their list.
import Type from 'typebox'
import { PlainText } from '../printable.ts'
import { Nullable } from '../model.ts'
import { pageOf } from '../views.ts'
import { BulkAction, BulkAnswer, BulkItem, BulkJob, BulkPatch, BulkResult, ReplicaQuery } from '../views/bulk.ts'
import { get, Id, pagingOf, post, remove, Words } from './route.ts'

const tag = 'replicas'

/** Replicas that one request may name. */
export const BULK_NAMED_MAX = 10_000

const BulkBody = Type.Object(
  {
    action: BulkAction,
    replicas: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 260 }), {
        minItems: 1,
        maxItems: BULK_NAMED_MAX,
        description: 'Ids or NAME@WORKER; either these or query',
      }),
    ),
    query: Type.Optional({ ...ReplicaQuery, description: 'All replicas that fit; {}: all there are' }),
    expected: Type.Optional(
      Type.Integer({ minimum: 0, description: 'How many you saw: refused when it is another number now' }),
    ),
    patch: Type.Optional({ ...BulkPatch, description: 'What to change, for the action edit' }),
    reason: Type.Optional(Nullable(PlainText({ maxLength: 1000 }))),
    dry_run: Type.Optional(Type.Boolean({ description: 'Only says what it concerns' })),
  },
  { additionalProperties: false },
)

/** Routes about bulk jobs. */
export const bulkRoutes = {
  startBulk: post(
    '/api/v1/bulk',
    'Sync, pause, resume, edit or remove many replicas, as a job with a result for each',
    {
      tag,
      body: BulkBody,
      status: 202,
      response: BulkAnswer,
      refuses: ['not_found', 'conflict'],
    },
  ),
  listBulk: get('/api/v1/bulk', 'Bulk jobs, the newest first', {
    tag,
    query: Type.Object(pagingOf('[\\w-]{1,64}')),
    response: pageOf(BulkJob),
  }),
  getBulk: get('/api/v1/bulk/{id}', 'One bulk job, by id or unique prefix', {
    tag,
    params: Id,
    response: BulkJob,
    refuses: ['not_found'],
  }),
  listBulkItems: get('/api/v1/bulk/{id}/items', 'What became of each replica of a bulk job', {
    tag,
    params: Id,
    query: Type.Object({ ...pagingOf('\\d{1,15}'), result: Words(BulkResult.enum) }),
    response: pageOf(BulkItem),
    refuses: ['not_found'],
  }),
  retryBulk: post('/api/v1/bulk/{id}/retry', 'Try again what a bulk job could not do, as a new job', {
    tag,
    params: Id,
    status: 202,
    response: BulkJob,
    refuses: ['not_found', 'conflict'],
  }),
  cancelBulk: remove('/api/v1/bulk/{id}', 'Cancel a bulk job: what is not done is not done, what is done stays', {
    tag,
    params: Id,
    refuses: ['not_found', 'conflict'],
  }),
}
