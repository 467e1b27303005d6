// fleet.ts — The whole fleet at a glance, and what is asked of replicas and mirrors under /api/v1.
import { Refusal } from '@kagami/protocol'
import { findReplica, findSyncTarget, targetOf } from './find.ts'
import type { Handlers } from './handlers.ts'

export const fleetHandlers: Pick<Handlers, 'summary' | 'syncReplica' | 'dropReplica' | 'syncResource'> = {
  summary: (_, { supervisor }) => supervisor.summary(),
  async syncReplica({ params }, { supervisor, caller }) {
    return { requests: await supervisor.commands.syncReplicas([findSyncTarget(supervisor.core.fleet, params.id)], caller) }
  },
  async dropReplica({ params }, { supervisor, caller }) {
    const { worker, state } = findReplica(supervisor.core.fleet, params.id)
    await supervisor.commands.removeReplica(worker.record.worker_id, state.replica_id, caller)
    return undefined
  },
  async syncResource({ params }, { supervisor, caller }) {
    const resource = supervisor.core.fleet.resources.get(params.id)
    if (!resource) throw new Refusal('not_found', `there is no mirror "${params.id}"`)
    return { requests: await supervisor.commands.syncReplicas([...resource.replicas].map(targetOf), caller) }
  },
}
