// resources.ts — Mirrors under /api/v1, that is all replicas of one name: list, get, sync, pause, resume.
import type { Fleet, ReplicaEntry, ResourceEntry } from '../../core/entries.ts'
import { replicaOf, resourceOf } from '../../core/views.ts'
import { mirrorNames, nearestOf, notFound, targetOf } from './find.ts'
import type { Handlers } from './handler.ts'
import { partsOf, sendPartsInPieces, sortInPieces } from '../../pieces.ts'
import { compareKeys } from '../lists/pages.ts'
import { resourcePage } from '../lists/resource-pages.ts'

export const resourceHandlers: Pick<
  Handlers,
  'listResources' | 'getResource' | 'syncResource' | 'pauseResource' | 'resumeResource'
> = {
  listResources: ({ query }, { supervisor }) => resourcePage(supervisor.services.fleet, query),
  async getResource({ params }, context) {
    const resource = resourceIn(context.supervisor.services.fleet, params.id)
    const named = resource.replicas.values().map((entry) => ({ entry, worker: entry.worker.record.name }))
    const sorted = await sortInPieces([...named], (a, b) => compareKeys(a.worker, b.worker))
    // One may go while the others are written.
    const replicas = sorted.values().filter(({ entry }) => !entry.gone)
    const parts = partsOf(
      resourceOf(resource),
      'replicas',
      replicas.map(({ entry }) => replicaOf(entry)),
    )
    return sendPartsInPieces(parts)
  },
  async syncResource({ params }, context) {
    const targets = replicasOf(context.supervisor.services.fleet, params.id).map(targetOf)
    return { requests: await context.supervisor.commands.syncReplicas(targets, context.caller) }
  },
  async pauseResource({ params, body }, context) {
    for (const entry of replicasOf(context.supervisor.services.fleet, params.id))
      await context.supervisor.commands.pauseReplica(entry, body?.reason ?? null, context.caller)
    return undefined
  },
  async resumeResource({ params }, context) {
    for (const entry of replicasOf(context.supervisor.services.fleet, params.id))
      await context.supervisor.commands.resumeReplica(entry, context.caller)
    return undefined
  },
}

function resourceIn(fleet: Fleet, name: string): ResourceEntry {
  const resource = fleet.resources.get(name)
  if (!resource) throw notFound('mirror', name, nearestOf(name, mirrorNames(fleet)))
  return resource
}

/** The replicas of a mirror at this moment: the set changes while commands run. */
export function replicasOf(fleet: Fleet, name: string): ReplicaEntry[] {
  return [...resourceIn(fleet, name).replicas]
}
