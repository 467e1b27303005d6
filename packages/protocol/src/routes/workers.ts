// workers.ts — Workers, and the join tokens that let new ones in.
import Type from 'typebox'
import { WorkerFolders } from '../folders.ts'
import { Admission, Nullable, Presence } from '../model.ts'
import { WorkerId } from '../names.ts'
import { ImportPlan, ImportText } from '../views/import.ts'
import { NewTrial, Trial } from '../views/trial.ts'
import { JoinToken, NewJoinToken, pageOf, Worker } from '../views.ts'
import { get, Id, paging, post, ReasonBody, remove, Text, Word, Words } from './route.ts'

const tag = 'workers'

/** Routes about workers and join tokens. */
export const workerRoutes = {
  listWorkers: get('/api/v1/workers', 'Workers', {
    tag,
    query: Type.Object({
      ...paging,
      q: Text('Part of name, id or host'),
      admission: Words(Admission.enum),
      presence: Words(Presence.enum),
      sort: Word(
        ['name', 'worst'],
        'name (default): those that wait for a decision, then the others by name; or worst: those with the most ' +
          'replicas of the worst health first',
      ),
    }),
    response: pageOf(Worker),
  }),
  getWorker: get('/api/v1/workers/{id}', 'One worker, by id, unique prefix or name', {
    tag,
    params: Id,
    response: Worker,
    refuses: ['not_found', 'conflict'],
  }),
  listFolders: get('/api/v1/workers/{id}/folders', 'Folders in the data_dir of a worker that belong to no replica', {
    tag,
    params: Id,
    response: WorkerFolders,
    refuses: ['not_found', 'conflict'],
  }),
  tryUpstream: post(
    '/api/v1/workers/{id}/try',
    'Have a worker ask an upstream what it has, for 10 s at most; nothing is copied. The answer says what was found ' +
      'and what failed',
    {
      tag,
      params: Id,
      body: NewTrial,
      status: 200,
      response: Trial,
      refuses: [
        'not_found',
        'not_approved',
        'conflict',
        'worker_unreachable',
        'no_such_replica',
        'invalid_kind',
        'invalid_upstream',
        'invalid_interval',
        'invalid_options',
      ],
    },
  ),
  planImport: post(
    '/api/v1/workers/{id}/import',
    'What the replicas that a configuration declares would change on a worker: new, changed, same or not possible. ' +
      'Nothing is changed; credentials in it are neither kept nor answered',
    {
      tag,
      params: Id,
      body: ImportText,
      status: 200,
      response: ImportPlan,
      refuses: ['not_found', 'not_approved', 'conflict', 'invalid_request'],
    },
  ),
  revokeWorker: post(
    '/api/v1/workers/{id}/revoke',
    'Revoke the NATS credentials of a worker: it is disconnected at once, and rejected. Only where NATS is locked',
    {
      tag,
      role: 'admin',
      params: Id,
      body: ReasonBody,
      status: 200,
      refuses: ['not_found', 'conflict', 'unavailable'],
    },
  ),
  makeJoinToken: post(
    '/api/v1/join-tokens',
    'Create a join token, with which new workers get credentials on a locked NATS',
    {
      tag,
      role: 'admin',
      body: Type.Object({
        expires_secs: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000, default: 86_400 })),
        uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, default: 1 })),
        worker_id: Type.Optional(Nullable(WorkerId)),
      }),
      status: 200,
      response: NewJoinToken,
      refuses: ['conflict'],
    },
  ),
  listJoinTokens: get('/api/v1/join-tokens', 'Join tokens without their secrets, newest first', {
    tag,
    response: Type.Array(JoinToken),
  }),
  removeJoinToken: remove('/api/v1/join-tokens/{id}', 'Withdraw a join token; workers that have used it stay', {
    tag,
    role: 'admin',
    params: Id,
    refuses: ['not_found', 'conflict'],
  }),
}
