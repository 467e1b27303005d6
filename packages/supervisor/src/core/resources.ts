// resources.ts — The same name seen across the fleet: which replicas, and in one word how they are. Kept replica by
// replica.
import type { ResourceStatus, ReplicaStatus } from '@kagami/protocol'
import { createTally, type Tally } from './tally.ts'
import type { ReplicaEntry, ResourceEntry } from './entries.ts'

/**
 * `error` when all failed, `failed` when some did, `syncing` when none failed and some are under way or new, else
 * `ready`.
 */
export function resourceStatus(statuses: Tally): ResourceStatus {
  const failed = statuses.get('failed')
  if (failed > 0) return failed === statuses.total ? 'error' : 'failed'
  return statuses.get('init') + statuses.get('syncing') > 0 ? 'syncing' : 'ready'
}

/** Adds a replica to, moves it within, or takes it from its resource. Null stands for "does not count". */
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
