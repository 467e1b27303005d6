// place.ts — Whether a worker that joins with a fresh data_dir is one whose disk is not mounted. Pure.
import type { Join } from '@kagami/protocol'
import type { Fleet, WorkerEntry } from './entries.ts'

/** Why the disk of a worker seems to be missing, and what to do, in one text; null when it does not. */
export function findMissingDisk(fleet: Fleet, join: Join): string | null {
  if (!join.fresh) return null
  const self = fleet.workers.get(join.worker_id)
  if (self?.record.missing_disk) return self.record.reason
  // It was decided for this process already.
  if (self && self.record.instance === join.instance) return null
  const before = self ?? [...fleet.workers.values()].find((other) => isPlaceOf(other, join))
  if (!before || before.record.admission !== 'approved' || !hasCopies(before)) return null
  return (
    `worker ${before.record.name} (${before.record.worker_id}) had mirrors in ${join.data_dir}, and nothing of them ` +
    'is there: its disk seems not to be mounted. Nothing is fetched. Mount it and start the worker again; if it is ' +
    `meant to begin anew: kagami workers approve ${join.worker_id}`
  )
}

/** Workers that joined in this place while the disk of `join` was missing. */
export function standInsFor(fleet: Fleet, join: Join): WorkerEntry[] {
  // One that stands in waits for a decision; where nobody waits, nobody needs to be looked for.
  if (join.fresh || fleet.admissions.get('pending') === 0) return []
  return [...fleet.workers.values()].filter((other) => other.record.missing_disk && isPlaceOf(other, join))
}

/** Whether another worker has, or had, this data_dir on this host. */
function isPlaceOf({ record }: WorkerEntry, { worker_id, hostname, data_dir }: Join): boolean {
  return record.worker_id !== worker_id && record.hostname === hostname && record.data_dir === data_dir
}

function hasCopies({ replicas }: WorkerEntry): boolean {
  return [...replicas].some(({ succeededMs }) => succeededMs !== null)
}
