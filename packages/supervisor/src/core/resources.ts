// resources.ts — The status of a resource, that is of all replicas of one name. Pure.
import type { ResourceStatus } from '@kagami/protocol'
import type { Counts } from './tally.ts'

/** `error` when all failed, `failed` when some did, `syncing` when some are syncing or new, otherwise `ready`. */
export function resourceStatus(statuses: Counts): ResourceStatus {
  const failed = statuses.get('failed')
  if (failed > 0) return failed === statuses.total ? 'error' : 'failed'
  return statuses.get('init') + statuses.get('syncing') > 0 ? 'syncing' : 'ready'
}
