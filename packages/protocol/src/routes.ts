// routes.ts — Every HTTP route: method, path, schemas, summary. Validation, OpenAPI, the typed client and the handlers' types come from here.
import Type from 'typebox'
import { Auth, Labels, Nullable, Options } from './model.ts'
import { Kind, WorkerId } from './names.ts'
import {
  AuditEntry, JoinToken, NewJoinToken, pageOf, Replica, ReplicaAccepted, Resource, ResourceDetail, SeedOverview, SeedResource, SeedWorker, Session, Summary, Sync,
  SyncAccepted, Telemetry, Worker,
} from './views.ts'

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Path with `{name}` for parameters. */
  readonly path: string
  readonly tag: 'seed' | 'fleet' | 'workers' | 'replicas' | 'resources' | 'syncs' | 'live' | 'system'
  readonly summary: string
  readonly params?: Type.TObject
  readonly query?: Type.TObject
  readonly body?: Type.TSchema
  /** Status of success. */
  readonly status: 200 | 202 | 204
  /** Body of success; absent means empty. */
  readonly response?: Type.TSchema
  /** Anything but JSON. */
  readonly produces?: 'text/plain' | 'text/event-stream'
  /** Needs a token when authentication is on. */
  readonly write: boolean
  /** Codes it may answer with beside the usual ones. */
  readonly refuses?: readonly string[]
}

const Id = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) })
const Text = (description: string) => Type.Optional(Type.String({ maxLength: 512, description }))
const paging = {
  cursor: Text('next_cursor of the page before'),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
}
const HoldBody = Type.Union([Type.Object({ hold_id: Type.Optional(Nullable(Type.String({ maxLength: 64, description: 'The hold that was looked at; refused when it is no longer the present one' }))) }), Type.Null()])
export const AddReplica = Type.Object({
  name: Type.String({ maxLength: 256 }),
  kind: Kind,
  upstream: Type.String({ maxLength: 4096 }),
  interval_secs: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
  labels: Type.Optional(Nullable(Labels)),
  options: Type.Optional(Nullable(Options)),
  auth: Type.Optional(Nullable(Auth)),
})
const Reason = Type.Object({ reason: Type.Optional(Nullable(Type.String({ maxLength: 1000 }))) })
const reasonBody = Type.Union([Reason, Type.Null()])

export const routes = {
  // ---- The seed's routes: exact names and shapes ----
  overview: { method: 'GET', path: '/overview', tag: 'seed', summary: 'Fleet summary', status: 200, response: SeedOverview, write: false },
  seedWorkers: { method: 'GET', path: '/workers', tag: 'seed', summary: 'Workers and their replicas', status: 200, response: Type.Array(SeedWorker), write: false },
  seedResources: { method: 'GET', path: '/resources', tag: 'seed', summary: 'Resources and their replicas', status: 200, response: Type.Array(SeedResource), write: false },
  telemetry: { method: 'GET', path: '/telemetry', tag: 'seed', summary: 'Measured traffic, latency, disk and jobs', status: 200, response: Telemetry, write: false },
  approve: { method: 'POST', path: '/workers/{id}/approve', tag: 'seed', summary: 'Approve a worker', params: Id, status: 200, write: true, refuses: ['not_found'] },
  reject: { method: 'POST', path: '/workers/{id}/reject', tag: 'seed', summary: 'Reject a worker; it stops itself', params: Id, body: reasonBody, status: 200, write: true, refuses: ['not_found'] },
  terminate: { method: 'DELETE', path: '/workers/{id}', tag: 'seed', summary: 'Terminate a worker; its files stay', params: Id, status: 204, write: true, refuses: ['not_found'] },
  syncWorker: { method: 'POST', path: '/workers/{id}/sync', tag: 'seed', summary: 'Sync one resource of a worker, or all', params: Id, body: Type.Object({ resource: Type.Optional(Nullable(Type.String({ maxLength: 256 }))) }), status: 202, write: true, refuses: ['unknown_worker', 'not_approved', 'not_found'] },
  addReplica: { method: 'POST', path: '/workers/{id}/add_replica', tag: 'seed', summary: 'Add a replica to a worker', params: Id, body: AddReplica, status: 202, response: ReplicaAccepted, write: true, refuses: ['unknown_worker', 'not_approved', 'invalid_name', 'invalid_upstream', 'invalid_interval', 'invalid_kind', 'invalid_options', 'name_taken'] },
  removeReplica: { method: 'POST', path: '/workers/{id}/remove_replica', tag: 'seed', summary: 'Remove a replica from a worker; its files stay', params: Id, body: Type.Object({ replica_id: Type.String({ maxLength: 128 }) }), status: 202, write: true, refuses: ['unknown_worker', 'not_approved', 'no_such_replica'] },
  // ---- /api/v1 ----
  session: { method: 'GET', path: '/api/v1/session', tag: 'system', summary: 'Whether writing needs a token, and whether this one is good', status: 200, response: Session, write: false },
  summary: { method: 'GET', path: '/api/v1/summary', tag: 'fleet', summary: 'Counts, causes and totals of the whole fleet', status: 200, response: Summary, write: false },
  listWorkers: { method: 'GET', path: '/api/v1/workers', tag: 'workers', summary: 'Workers', query: Type.Object({ ...paging, q: Text('Part of name, id or host'), admission: Text('One or more, comma-separated'), presence: Text('One or more, comma-separated') }), status: 200, response: pageOf(Worker), write: false },
  getWorker: { method: 'GET', path: '/api/v1/workers/{id}', tag: 'workers', summary: 'One worker, by id, unique prefix or name', params: Id, status: 200, response: Worker, write: false, refuses: ['not_found'] },
  revokeWorker: { method: 'POST', path: '/api/v1/workers/{id}/revoke', tag: 'workers', summary: 'Withdraw the NATS credentials of a worker: it is cut off at once and rejected. Locked NATS only', params: Id, body: reasonBody, status: 200, write: true, refuses: ['not_found', 'conflict', 'unavailable'] },
  makeJoinToken: { method: 'POST', path: '/api/v1/join-tokens', tag: 'workers', summary: 'Make a join token, with which new workers get credentials on a locked NATS', body: Type.Object({ expires_secs: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000, default: 86_400 })), uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, default: 1 })), worker_id: Type.Optional(Nullable(WorkerId)) }), status: 200, response: NewJoinToken, write: true, refuses: ['conflict'] },
  listJoinTokens: { method: 'GET', path: '/api/v1/join-tokens', tag: 'workers', summary: 'Join tokens, newest first; without their secrets', status: 200, response: Type.Array(JoinToken), write: false },
  removeJoinToken: { method: 'DELETE', path: '/api/v1/join-tokens/{id}', tag: 'workers', summary: 'Withdraw a join token; workers that used it stay', params: Id, status: 204, write: true, refuses: ['not_found'] },
  listReplicas: { method: 'GET', path: '/api/v1/replicas', tag: 'replicas', summary: 'Replicas, filtered and sorted', query: Type.Object({ ...paging, q: Text('Part of name, upstream or worker'), health: Text('One or more, comma-separated'), worker: Text('Worker id or name'), kind: Text('One or more, comma-separated'), name: Text('Exact name'), cause: Text('Failure reason of the last sync'), label: Text('key=value'), sort: Text('worst (default), name, worker, last_success_at, size_bytes, next_due_at; "-" before it turns it round') }), status: 200, response: pageOf(Replica), write: false },
  getReplica: { method: 'GET', path: '/api/v1/replicas/{id}', tag: 'replicas', summary: 'One replica, by id, unique prefix or name@worker', params: Id, status: 200, response: Replica, write: false, refuses: ['not_found'] },
  syncReplica: { method: 'POST', path: '/api/v1/replicas/{id}/sync', tag: 'replicas', summary: 'Sync a replica now', params: Id, status: 202, response: SyncAccepted, write: true, refuses: ['not_found', 'not_approved'] },
  dropReplica: { method: 'DELETE', path: '/api/v1/replicas/{id}', tag: 'replicas', summary: 'Remove a replica; its files stay', params: Id, status: 204, write: true, refuses: ['not_found', 'not_approved'] },
  pauseReplica: { method: 'POST', path: '/api/v1/replicas/{id}/pause', tag: 'replicas', summary: 'Pause a replica: nothing starts by itself any more; a running sync goes on to its end', params: Id, body: reasonBody, status: 202, write: true, refuses: ['not_found', 'not_approved', 'conflict'] },
  resumeReplica: { method: 'POST', path: '/api/v1/replicas/{id}/resume', tag: 'replicas', summary: 'Let a paused replica go on', params: Id, status: 202, write: true, refuses: ['not_found', 'not_approved', 'conflict'] },
  approveHold: { method: 'POST', path: '/api/v1/replicas/{id}/approve', tag: 'replicas', summary: 'Let a held sync delete what it would have deleted; it runs once more now', params: Id, body: HoldBody, status: 202, response: SyncAccepted, write: true, refuses: ['not_found', 'not_approved', 'conflict'] },
  rejectHold: { method: 'POST', path: '/api/v1/replicas/{id}/reject', tag: 'replicas', summary: 'Decide that a held sync deletes nothing', params: Id, body: HoldBody, status: 202, response: SyncAccepted, write: true, refuses: ['not_found', 'not_approved', 'conflict'] },
  rollbackReplica: { method: 'POST', path: '/api/v1/replicas/{id}/rollback', tag: 'replicas', summary: 'Put an earlier tree in place (publish = "swap") and pause the replica', params: Id, body: Type.Object({ generation: Type.Optional(Nullable(Type.Integer({ minimum: 0, description: 'null or absent: the tree before the present one' }))) }), status: 202, response: SyncAccepted, write: true, refuses: ['not_found', 'not_approved', 'conflict'] },
  listResources: { method: 'GET', path: '/api/v1/resources', tag: 'resources', summary: 'Mirrors: all replicas of one name', query: Type.Object({ ...paging, q: Text('Part of the name'), status: Text('One or more, comma-separated'), health: Text('Worst health, comma-separated') }), status: 200, response: pageOf(Resource), write: false },
  getResource: { method: 'GET', path: '/api/v1/resources/{id}', tag: 'resources', summary: 'One mirror and its replicas', params: Id, status: 200, response: ResourceDetail, write: false, refuses: ['not_found'] },
  syncResource: { method: 'POST', path: '/api/v1/resources/{id}/sync', tag: 'resources', summary: 'Sync every replica of a mirror', params: Id, status: 202, response: SyncAccepted, write: true, refuses: ['not_found'] },
  listSyncs: { method: 'GET', path: '/api/v1/syncs', tag: 'syncs', summary: 'Running syncs, then the history, newest first', query: Type.Object({ ...paging, replica: Text('Replica id'), worker: Text('Worker id or name'), name: Text('Mirror name'), state: Text('running or finished'), outcome: Text('One or more, comma-separated') }), status: 200, response: pageOf(Sync), write: false },
  getSync: { method: 'GET', path: '/api/v1/syncs/{id}', tag: 'syncs', summary: 'One sync, by id or unique prefix', params: Id, status: 200, response: Sync, write: false, refuses: ['not_found'] },
  syncLog: { method: 'GET', path: '/api/v1/syncs/{id}/log', tag: 'syncs', summary: 'The log of a sync, from its worker. Headers x-log-next-offset, x-log-size, x-log-running tell how to go on.', params: Id, query: Type.Object({ offset: Type.Optional(Type.Integer({ default: 0, description: 'Byte to start at; negative counts from the end' })), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 262_144, default: 65_536 })) }), status: 200, produces: 'text/plain', write: false, refuses: ['not_found', 'worker_unreachable'] },
  cancelSync: { method: 'POST', path: '/api/v1/syncs/{id}/cancel', tag: 'syncs', summary: 'Stop a running sync', params: Id, status: 202, write: true, refuses: ['not_found', 'worker_unreachable', 'conflict'] },
  pauseResource: { method: 'POST', path: '/api/v1/resources/{id}/pause', tag: 'resources', summary: 'Pause every replica of a mirror', params: Id, body: reasonBody, status: 202, write: true, refuses: ['not_found', 'conflict'] },
  resumeResource: { method: 'POST', path: '/api/v1/resources/{id}/resume', tag: 'resources', summary: 'Let every replica of a mirror go on', params: Id, status: 202, write: true, refuses: ['not_found', 'conflict'] },
  audit: { method: 'GET', path: '/api/v1/audit', tag: 'system', summary: 'Who wrote what, when, with which result', query: Type.Object({ ...paging, target: Text('Id of what was written to') }), status: 200, response: pageOf(AuditEntry), write: false },
  stream: { method: 'GET', path: '/api/v1/stream', tag: 'live', summary: 'Server-sent events; goes on after Last-Event-ID', query: Type.Object({ last_event_id: Text('For clients that cannot set the header') }), status: 200, produces: 'text/event-stream', write: false },
} as const satisfies Record<string, Route>

export type Routes = typeof routes
export type RouteName = keyof Routes

/** Fills `{name}` in a route's path, escaped. */
export function pathFor(route: Route, params: Record<string, string> = {}): string {
  return route.path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(params[key] ?? ''))
}
