// targets.ts — Replicas as what a request would write to: with the labels that were decided for them.
import { merged, type ReplicaPatch, type ReplicaSpec } from '@kagami/protocol'
import type { ReplicaEntry } from '../core/entries.ts'
import type { Target } from './grant.ts'

/** A replica that can be written to. */
export function targetOfReplica(entry: ReplicaEntry): Exclude<Target, 'fleet'> {
  return { name: `${entry.name}@${entry.worker.record.name}`, labels: specOf(entry)?.labels ?? entry.setting.labels }
}

/** A replica as an edit would leave it. */
export function targetAfter(entry: ReplicaEntry, { labels }: Pick<ReplicaPatch, 'labels'>): Exclude<Target, 'fleet'> {
  const target = targetOfReplica(entry)
  return { ...target, labels: merged<string>(target.labels, labels) }
}

/** What was added by the API has the labels that were decided here, also before its worker reports them. */
function specOf({ worker, replicaId }: ReplicaEntry): ReplicaSpec | undefined {
  return worker.record.replicas.find((spec) => spec.replica_id === replicaId)
}
