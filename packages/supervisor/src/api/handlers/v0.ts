// v0.ts — The routes at the root, API v0: compatible with earlier versions of Kagami in every name, status and shape.
import { telemetryOf, v0OverviewOf, v0ReplicaOf, v0ResourceOf, v0WorkerOf } from '../../core/v0-views.ts'
import type { Handlers } from './handler.ts'
import { compareKeys } from '../lists/pages.ts'
import { partsOf, sendInPieces, sortInPieces } from '../../pieces.ts'

export const v0Handlers: Pick<
  Handlers,
  | 'overview'
  | 'v0Workers'
  | 'v0Resources'
  | 'telemetry'
  | 'approve'
  | 'reject'
  | 'terminate'
  | 'syncWorker'
  | 'addReplica'
  | 'removeReplica'
> = {
  overview: (_, { supervisor }) => v0OverviewOf(supervisor.services.fleet),
  v0Workers(_, { supervisor }) {
    const { workers } = supervisor.services.fleet
    return sendInPieces(
      workers
        .values()
        .map((worker) => partsOf(v0WorkerOf(worker), 'replicas', worker.replicas.values().map(v0ReplicaOf))),
    )
  },
  async v0Resources(_, { supervisor }) {
    const all = [...supervisor.services.fleet.resources.values()]
    const sorted = await sortInPieces(all, (a, b) => compareKeys(a.name, b.name))
    return sendInPieces(
      sorted.values().map((one) => partsOf(v0ResourceOf(one), 'replicas', one.replicas.values().map(v0ReplicaOf))),
    )
  },
  telemetry: (_, { supervisor }) => {
    const { fleet, traffic, clock } = supervisor.services
    return telemetryOf(fleet, traffic.view(clock.now().getTime()))
  },
  async approve({ params }, { supervisor, caller }) {
    await supervisor.commands.approve(params.id, caller)
    return undefined
  },
  async reject({ params, body }, { supervisor, caller }) {
    await supervisor.commands.reject(params.id, body?.reason ?? null, caller)
    return undefined
  },
  async terminate({ params }, { supervisor, caller }) {
    await supervisor.commands.terminate(params.id, caller)
    return undefined
  },
  async syncWorker({ params, body }, { supervisor, caller }) {
    await supervisor.commands.syncWorker(params.id, body.resource ?? null, caller)
    return undefined
  },
  async addReplica({ params, body }, { supervisor, caller }) {
    const spec = await supervisor.commands.addReplica(params.id, body, caller)
    return { replica_id: spec.replica_id, name: spec.name, worker_id: params.id }
  },
  async removeReplica({ params, body }, { supervisor, caller }) {
    await supervisor.commands.removeReplica(params.id, body.replica_id, caller)
    return undefined
  },
}
