// v0.ts — The seed's routes: exact names, codes and shapes of interfaces.md §1.
import { seedResourceOf, seedWorkerOf } from '../core/views.ts'
import { seedOverviewOf, telemetryOf } from '../live/summary.ts'
import type { Handlers } from './handlers.ts'

export const seedHandlers: Pick<
  Handlers,
  | 'overview'
  | 'seedWorkers'
  | 'seedResources'
  | 'telemetry'
  | 'approve'
  | 'reject'
  | 'terminate'
  | 'syncWorker'
  | 'addReplica'
  | 'removeReplica'
> = {
  overview: (_, { supervisor }) => seedOverviewOf(supervisor.core.fleet),
  seedWorkers: (_, { supervisor }) => [...supervisor.core.fleet.workers.values()].map(seedWorkerOf),
  seedResources: (_, { supervisor }) =>
    [...supervisor.core.fleet.resources.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(seedResourceOf),
  telemetry: (_, { supervisor }) => telemetryOf(supervisor.core),
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
