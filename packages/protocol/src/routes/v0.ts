// v0.ts — The routes at the root, API v0. Earlier versions of Kagami have them in exactly this form: nothing here may
// change.
import Type from 'typebox'
import { Auth, Labels, Nullable, Options } from '../model.ts'
import { Kind } from '../names.ts'
import { Telemetry, V0Overview, V0Resource, V0Worker } from '../v0-views.ts'
import { ReplicaAccepted } from '../views.ts'
import { get, Id, post, ReasonBody, remove } from './route.ts'

const tag = 'v0'

/** The replica to add. */
export const AddReplica = Type.Object({
  name: Type.String({ maxLength: 256 }),
  kind: Kind,
  upstream: Type.String({ maxLength: 4096 }),
  interval_secs: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
  labels: Type.Optional(Nullable(Labels)),
  options: Type.Optional(Nullable(Options)),
  auth: Type.Optional(Nullable(Auth)),
  paused: Type.Optional(
    Nullable(
      Type.Boolean({ description: 'Paused from the beginning: no sync starts until it is resumed, or requested' }),
    ),
  ),
})

/** Routes at the root. */
export const v0Routes = {
  overview: get('/overview', 'Number of workers and resources', { tag, response: V0Overview }),
  v0Workers: get('/workers', 'Workers and their replicas', { tag, response: Type.Array(V0Worker) }),
  v0Resources: get('/resources', 'Resources and their replicas', { tag, response: Type.Array(V0Resource) }),
  telemetry: get('/telemetry', 'Measured traffic, latency, disk and jobs', { tag, response: Telemetry }),
  approve: post('/workers/{id}/approve', 'Approve a worker', {
    tag,
    params: Id,
    status: 200,
    refuses: ['not_found'],
  }),
  reject: post('/workers/{id}/reject', 'Reject a worker; it stops', {
    tag,
    params: Id,
    body: ReasonBody,
    status: 200,
    refuses: ['not_found'],
  }),
  terminate: remove('/workers/{id}', 'Terminate a worker; its files stay', {
    tag,
    role: 'admin',
    params: Id,
    refuses: ['not_found'],
  }),
  syncWorker: post('/workers/{id}/sync', 'Sync one resource of a worker, or all', {
    tag,
    params: Id,
    body: Type.Object({ resource: Type.Optional(Nullable(Type.String({ maxLength: 256 }))) }),
    status: 202,
    refuses: ['unknown_worker', 'not_approved', 'not_found'],
  }),
  addReplica: post('/workers/{id}/add_replica', 'Add a replica to a worker', {
    tag,
    params: Id,
    body: AddReplica,
    status: 202,
    response: ReplicaAccepted,
    refuses: [
      'unknown_worker',
      'not_approved',
      'invalid_name',
      'invalid_upstream',
      'invalid_interval',
      'invalid_kind',
      'invalid_options',
      'name_taken',
    ],
  }),
  removeReplica: post('/workers/{id}/remove_replica', 'Remove a replica from a worker; its files stay', {
    tag,
    params: Id,
    body: Type.Object({ replica_id: Type.String({ maxLength: 128 }) }),
    status: 202,
    refuses: ['unknown_worker', 'not_approved', 'no_such_replica'],
  }),
}
