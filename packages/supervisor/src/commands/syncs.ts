// syncs.ts — Commands about syncs: request them, cancel a running one, read a log.
import { Refusal, type LogReply } from '@kagami/protocol'
import { newId } from '@kagami/runtime'
import { documentOf } from '../core/document.ts'
import type { ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import { noChanges, noteChanged } from '../core/changes.ts'
import { putWorker } from '../core/fleet.ts'
import { replicasNamed, requireApproved, withSyncs } from '../core/records.ts'
import type { Services } from '../services.ts'
import { auditEntry } from './save.ts'
import type { Caller, LogPosition, SyncCommands, SyncRequested, SyncTarget } from './types.ts'

/** How long a worker has to answer, ms. */
const ANSWER_MS = 3000

/** The commands about syncs. */
export function createSyncCommands(services: Services): SyncCommands {
  return {
    syncWorker: (id, resource, by) =>
      services.runInTurn(id, async () => {
        const worker = requireApproved(services.fleet.workers.get(id), id)
        const replicas = replicasNamed(worker, resource)
        return requestSyncs(services, worker, { replicas, all: resource === null, by })
      }),
    syncReplicas: (targets, by) => syncReplicas(services, targets, by),
    cancelSync: (entry, syncId, by) => cancelSync(services, entry, { syncId, by }),
    readLog: (position) => readLog(services, position),
  }
}

async function syncReplicas(services: Services, targets: readonly SyncTarget[], by: Caller): Promise<SyncRequested[]> {
  const requested: SyncRequested[] = []
  for (const [id, replicas] of Map.groupBy(targets, (target) => target.worker_id)) {
    const made = await services.runInTurn(id, () =>
      requestSyncs(services, requireApproved(services.fleet.workers.get(id), id), { replicas, all: false, by }),
    )
    requested.push(...made)
  }
  return requested
}

interface SyncsWanted {
  readonly replicas: readonly { replica_id: string; name: string }[]
  /** Every replica of the worker, rather than some by name. */
  readonly all: boolean
  readonly by: Caller
}

async function requestSyncs(
  services: Services,
  worker: WorkerEntry,
  { replicas, all, by }: SyncsWanted,
): Promise<SyncRequested[]> {
  const { worker_id } = worker.record
  const names = replicas.map((replica) => replica.name)
  const detail = names.join(', ').slice(0, 1000)
  const audit = auditEntry(services, by, { action: 'sync', target: worker_id, detail })
  if (worker.record.older_wire) {
    for (const name of all ? [null] : new Set(names)) await services.olderWorkers.syncResource(worker, name)
    await services.store.addAudit(audit)
    return replicas.map(({ replica_id, name }) => ({ request_id: '', replica_id, name, worker_id }))
  }
  const ids = replicas.map((replica) => replica.replica_id)
  const now = services.clock.now()
  const record = withSyncs(worker, ids, { newId, now })
  await services.store.saveWorker(record, audit)
  putWorker(services.fleet, record, services.clock.now().getTime())
  services.documents.write(documentOf(record, services.term))
  const changes = noChanges()
  for (const entry of ids.flatMap((id) => services.fleet.replicas.get(id) ?? [])) noteChanged(changes, entry)
  services.recordChanges(changes)
  const made = record.syncs.slice(record.syncs.length - replicas.length)
  return replicas.map(({ replica_id, name }, index) => ({
    request_id: made[index]!.request_id,
    replica_id,
    name,
    worker_id,
  }))
}

async function cancelSync(
  services: Services,
  entry: ReplicaEntry,
  { syncId, by }: { syncId: string; by: Caller },
): Promise<void> {
  const { worker_id, name } = entry.worker.record
  const reply = await services.bus.request('cancel', worker_id, { sync_id: syncId }, ANSWER_MS)
  if (!reply) throw new Refusal('worker_unreachable', `worker ${name} did not answer; the sync may still run`)
  if (!reply.cancelled) throw new Refusal('conflict', 'the sync has already ended')
  const detail = `${entry.state.name}@${name}`
  await services.store.addAudit(auditEntry(services, by, { action: 'cancel', target: syncId, detail }))
}

async function readLog(services: Services, { workerId, ...position }: LogPosition): Promise<LogReply> {
  const worker = services.fleet.workers.get(workerId)
  const name = worker?.record.name ?? workerId
  if (worker?.record.older_wire)
    throw new Refusal('not_found', `worker ${name} is of an earlier version, which gives no logs`)
  const { replicaId, syncId, offset, limit } = position
  const request = { replica_id: replicaId, sync_id: syncId, offset, limit }
  const reply = await services.bus.request('log', workerId, request, ANSWER_MS)
  if (!reply) throw new Refusal('worker_unreachable', `worker ${name}, which keeps the log, did not answer`)
  if (!reply.found)
    throw new Refusal('not_found', `worker ${name} no longer has the log; it keeps the last 20 of each replica`)
  return reply
}
