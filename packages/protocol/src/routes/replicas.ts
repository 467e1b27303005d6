// replicas.ts — Replicas: list, history, sync, edit, rename, remove, pause, decide about a hold, go back, prove,
// restore.
import Type from 'typebox'
import { ReplicaPatch } from '../edits.ts'
import { replicaFilters } from '../views/bulk.ts'
import { HISTORY_DAYS, ReplicaHistory } from '../views/history.ts'
import { Nullable } from '../model.ts'
import { ListedReplica, pageOf, Replica, ReplicaEdited, SyncAccepted } from '../views.ts'
import { get, Id, IfMatch, paging, patch, post, ReasonBody, remove, Word, Words } from './route.ts'

const tag = 'replicas'

const SORTS = ['worst', 'name', 'worker', 'last_success_at', 'size_bytes', 'next_due_at']

const HoldBody = Type.Union([
  Type.Object({
    hold_id: Type.Optional(
      Nullable(
        Type.String({
          maxLength: 64,
          description: 'The hold you looked at; the request is refused when it is no longer the present one',
        }),
      ),
    ),
  }),
  Type.Null(),
])

const refuses = ['not_found', 'not_approved', 'conflict'] as const

/** Routes about replicas. */
export const replicaRoutes = {
  listReplicas: get('/api/v1/replicas', 'Replicas, filtered and sorted', {
    tag,
    query: Type.Object({
      ...paging,
      ...replicaFilters,
      sort: Word(
        SORTS.flatMap((sort) => [sort, `-${sort}`]),
        `${SORTS.join(', ').replace('worst', 'worst (default)')}; "-" in front reverses it`,
      ),
      include: Words(
        ['strip', 'usual'],
        'What else is wanted of each, comma-separated: strip, how its syncs ended on each of the last 14 days; ' +
          'usual, how long they usually take',
      ),
    }),
    response: pageOf(ListedReplica),
    refuses: ['not_found', 'conflict'],
  }),
  getReplica: get('/api/v1/replicas/{id}', 'One replica, by id, unique prefix or name@worker', {
    tag,
    params: Id,
    response: Replica,
    refuses: ['not_found', 'conflict'],
  }),
  replicaHistory: get(
    '/api/v1/replicas/{id}/history',
    'The finished syncs of a replica in parts of 6 hours or a day, and how long its syncs usually take',
    {
      tag,
      params: Id,
      query: Type.Object({
        days: Word(HISTORY_DAYS, '7 (default): parts of 6 hours; 30 or 90: parts of a day'),
      }),
      response: ReplicaHistory,
      refuses: ['not_found', 'conflict'],
    },
  ),
  editReplica: patch(
    '/api/v1/replicas/{id}',
    'Change upstream, interval, labels, options or credentials of a replica that was added by the API',
    {
      tag,
      params: Id,
      headers: IfMatch,
      body: ReplicaPatch,
      status: 200,
      response: ReplicaEdited,
      refuses: [...refuses, 'precondition_failed', 'invalid_upstream', 'invalid_interval', 'invalid_options'],
    },
  ),
  syncReplica: post('/api/v1/replicas/{id}/sync', 'Sync a replica now', {
    tag,
    params: Id,
    status: 202,
    response: SyncAccepted,
    refuses: ['not_found', 'not_approved', 'conflict'],
  }),
  dropReplica: remove('/api/v1/replicas/{id}', 'Remove a replica; its files stay', {
    tag,
    params: Id,
    refuses: ['not_found', 'not_approved', 'conflict'],
  }),
  pauseReplica: post(
    '/api/v1/replicas/{id}/pause',
    'Pause a replica: no sync starts by itself any more; a running sync continues to its end',
    { tag, params: Id, body: ReasonBody, status: 202, refuses },
  ),
  resumeReplica: post('/api/v1/replicas/{id}/resume', 'Resume a paused replica', {
    tag,
    params: Id,
    status: 202,
    refuses,
  }),
  approveHold: post(
    '/api/v1/replicas/{id}/approve',
    'Allow a held sync to delete what it would have deleted; the replica is synced again now',
    { tag, params: Id, body: HoldBody, status: 202, response: SyncAccepted, refuses },
  ),
  rejectHold: post('/api/v1/replicas/{id}/reject', 'Decide that a held sync deletes nothing', {
    tag,
    params: Id,
    body: HoldBody,
    status: 202,
    response: SyncAccepted,
    refuses,
  }),
  rollbackReplica: post(
    '/api/v1/replicas/{id}/rollback',
    'Publish an earlier tree (needs publish = "swap") and pause the replica',
    {
      tag,
      params: Id,
      body: Type.Union([
        Type.Object({
          generation: Type.Optional(
            Nullable(Type.Integer({ minimum: 0, description: 'null or absent: the tree before the present one' })),
          ),
        }),
        Type.Null(),
      ]),
      status: 202,
      response: SyncAccepted,
      refuses,
    },
  ),
  verifyReplica: post(
    '/api/v1/replicas/{id}/verify',
    'Look at the whole copy of a replica, and fetch anew what is damaged or missing',
    { tag, params: Id, status: 202, response: SyncAccepted, refuses },
  ),
  restoreReplica: post(
    '/api/v1/replicas/{id}/restore',
    'Give readers back a ref that the upstream lost (needs keep_history) and pause the replica',
    {
      tag,
      params: Id,
      body: Type.Object({
        id: Type.String({
          minLength: 1,
          maxLength: 300,
          description: 'Id of a ref that is kept: `kept` of the replica',
        }),
      }),
      status: 202,
      response: SyncAccepted,
      refuses,
    },
  ),
  renameReplica: post(
    '/api/v1/replicas/{id}/rename',
    'Give a replica that was added by the API another name; its files follow, and it is synced',
    {
      tag,
      params: Id,
      body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 128 }) }),
      status: 202,
      response: SyncAccepted,
      refuses: [...refuses, 'invalid_name', 'name_taken'],
    },
  ),
}
