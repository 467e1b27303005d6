// resources.ts — The whole fleet at a glance, and what is asked of replicas and mirrors under /api/v1.
import { Refusal } from '@kagami/protocol'
import type { ReplicaEntry } from '../core/entries.ts'
import type { Supervisor } from '../supervisor.ts'
import { findReplica, findSyncTarget, targetOf } from './find.ts'
import type { Handlers } from './handlers.ts'

export const fleetHandlers: Pick<
  Handlers,
  'summary' | 'syncReplica' | 'dropReplica' | 'syncResource' | 'pauseResource' | 'resumeResource'
> = {
  summary: (_, { supervisor }) => supervisor.summary(),
  async syncReplica({ params }, { supervisor, caller }) {
    return {
      requests: await supervisor.commands.syncReplicas([findSyncTarget(supervisor.core.fleet, params.id)], caller),
    }
  },
  async dropReplica({ params }, { supervisor, caller }) {
    const { worker, state } = findReplica(supervisor.core.fleet, params.id)
    await supervisor.commands.removeReplica(worker.record.worker_id, state.replica_id, caller)
    return undefined
  },
  async syncResource({ params }, { supervisor, caller }) {
    return { requests: await supervisor.commands.syncReplicas(replicasOf(supervisor, params.id).map(targetOf), caller) }
  },
  async pauseResource({ params, body }, { supervisor, caller }) {
    for (const entry of replicasOf(supervisor, params.id))
      await supervisor.commands.pauseReplica(entry, body?.reason ?? null, caller)
    return undefined
  },
  async resumeResource({ params }, { supervisor, caller }) {
    for (const entry of replicasOf(supervisor, params.id)) await supervisor.commands.resumeReplica(entry, caller)
    return undefined
  },
}

function replicasOf({ core }: Supervisor, name: string): ReplicaEntry[] {
  const resource = core.fleet.resources.get(name)
  if (!resource) throw new Refusal('not_found', `there is no mirror "${name}"`)
  return [...resource.replicas]
}
