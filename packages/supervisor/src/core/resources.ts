// resources.ts — Resources: all replicas of one name, with the counters of their states. Updated one replica at a time.
import type { ResourceStatus, ReplicaStatus } from '@kagami/protocol'
import { createTally, type Tally } from './tally.ts'
import type { ReplicaEntry, ResourceEntry } from './entries.ts'

/** `error` when all failed, `failed` when some did, `syncing` when some are syncing or new, otherwise `ready`. */
export function resourceStatus(statuses: Tally): ResourceStatus {
  const failed = statuses.get('failed')
  if (failed > 0) return failed === statuses.total ? 'error' : 'failed'
  return statuses.get('init') + statuses.get('syncing') > 0 ? 'syncing' : 'ready'
}

/** Counts a replica in its resource; null removes it. A resource exists as long as it has replicas. */
export function moveInResource(
  resources: Map<string, ResourceEntry>,
  entry: ReplicaEntry,
  to: { status: ReplicaStatus; health: string } | null,
): void {
  const name = entry.state.name
  let resource = resources.get(name)
  if (!resource) {
    if (!to) return
    resource = { name, replicas: new Set(), statuses: createTally(), healths: createTally() }
    resources.set(name, resource)
  }
  const from = resource.replicas.has(entry) ? entry.counted : null
  resource.statuses.move(from?.status ?? null, to?.status ?? null)
  resource.healths.move(from?.health ?? null, to?.health ?? null)
  if (to) resource.replicas.add(entry)
  else resource.replicas.delete(entry)
  if (resource.replicas.size === 0) resources.delete(name)
}
