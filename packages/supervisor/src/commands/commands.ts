// commands.ts — What people ask of the fleet. Each is decided, kept in the database together with its audit entry, then
// sent.
import { Refusal, type LogReply, type ReplicaSpec } from '@kagami/protocol'
import { newId, sealAuth } from '@kagami/runtime'
import {
  decided,
  replicasNamed,
  requireApproved,
  specFrom,
  withoutReplica,
  withReplica,
  withSyncs,
  type AddReplicaBody,
} from '../core/records.ts'
import { dropWorker, putWorker } from '../core/fleet.ts'
import { noChanges, type ReplicaEntry, type WorkerEntry } from '../core/entries.ts'
import { createDecisions, type HoldDecision } from './replicas.ts'
import { addToOlderWorker, removeFromOlderWorker, syncOlderWorker, tellOlderWorker } from '../edge/older-workers.ts'
import { documentOf } from '../edge/projection.ts'
import { audit, keep, type Caller } from './save.ts'
import type { WorkerRecord } from '../store/store.ts'
import type { Core } from '../supervisor.ts'

const ANSWER_MS = 3000

export type { Caller } from './save.ts'

/** A replica to sync: one its worker shows, or one it was just asked to add. */
export interface SyncTarget {
  readonly worker_id: string
  readonly replica_id: string
  readonly name: string
}

export interface SyncRequested extends SyncTarget {
  readonly request_id: string
}

export interface Commands {
  approve(id: string, by: Caller): Promise<void>
  reject(id: string, reason: string | null, by: Caller): Promise<void>
  terminate(id: string, by: Caller): Promise<void>
  /** Rejects a worker and has NATS cut it off; locked NATS only. */
  revoke(id: string, reason: string | null, by: Caller): Promise<void>
  addReplica(id: string, body: AddReplicaBody, by: Caller): Promise<ReplicaSpec>
  removeReplica(id: string, replicaId: string, by: Caller): Promise<void>
  /** Null asks for every replica of the worker. */
  syncWorker(id: string, resource: string | null, by: Caller): Promise<SyncRequested[]>
  syncReplicas(targets: readonly SyncTarget[], by: Caller): Promise<SyncRequested[]>
  cancelSync(entry: ReplicaEntry, syncId: string, by: Caller): Promise<void>
  pauseReplica(entry: ReplicaEntry, reason: string | null, by: Caller): Promise<void>
  resumeReplica(entry: ReplicaEntry, by: Caller): Promise<void>
  /** Lets the held sync delete what it would have deleted, or decides that nothing is deleted. */
  decideHold(entry: ReplicaEntry, decision: HoldDecision, by: Caller): Promise<SyncRequested>
  /**
   * Puts an earlier tree in place and pauses the replica, so that the next sync does not undo it. Null: the tree
   * before.
   */
  rollBack(entry: ReplicaEntry, generation: number | null, by: Caller): Promise<SyncRequested>
  readLog(at: { workerId: string; replicaId: string; syncId: string; offset: number; limit: number }): Promise<LogReply>
}

/** Commands on a fleet. Refusals are thrown, and audited by who catches them. */
export function createCommands(core: Core): Commands {
  const decide = (id: string, admission: 'approved' | 'rejected', reason: string | null, by: Caller) =>
    core.inTurn(id, async () => {
      const worker = known(core, id)
      const record = decided(worker.record, admission, { who: by.actor, reason, now: core.clock.now() })
      await keep(
        core,
        record,
        audit(core, by, { action: admission === 'approved' ? 'approve' : 'reject', target: id, detail: reason }),
      )
      if (admission === 'rejected') await tellOlderWorker(core, worker, { type: 'reject', reason })
    })
  return {
    approve: (id, by) => decide(id, 'approved', null, by),
    reject: (id, reason, by) => decide(id, 'rejected', reason, by),
    terminate: (id, by) => core.inTurn(id, () => terminate(core, id, by)),
    revoke: (id, reason, by) => core.inTurn(id, () => revoke(core, id, { reason, by })),
    addReplica: (id, body, by) =>
      core.inTurn(id, async () => {
        const worker = requireApproved(core.fleet.workers.get(id), id)
        const spec = specFrom(worker, body, newId)
        const entry = audit(core, by, {
          action: 'add_replica',
          target: id,
          detail: `${spec.kind} ${spec.name} ${spec.upstream}`,
        })
        if (worker.record.older_wire) await addToOlderWorker(core, worker, spec, entry)
        else await keep(core, withReplica(worker.record, await withSealedAuth(worker.record, spec)), entry)
        return spec
      }),
    removeReplica: (id, replicaId, by) =>
      core.inTurn(id, async () => {
        const worker = requireApproved(core.fleet.workers.get(id), id)
        const record = withoutReplica(worker, replicaId)
        const entry = audit(core, by, {
          action: 'remove_replica',
          target: id,
          detail: worker.replicas.get(replicaId)?.state.name ?? replicaId,
        })
        if (worker.record.older_wire) await removeFromOlderWorker(core, worker, replicaId, entry)
        else await keep(core, record, entry)
      }),
    syncWorker: (id, resource, by) =>
      core.inTurn(id, () => syncWorker(core, requireApproved(core.fleet.workers.get(id), id), { resource, by })),
    syncReplicas: (targets, by) => syncReplicas(core, targets, by),
    cancelSync: (entry, syncId, by) => cancelSync(core, entry, syncId, by),
    readLog: (at) => readLog(core, at),
    ...createDecisions(core),
  }
}

/** Credentials leave this function only as something the worker alone can open. */
async function withSealedAuth({ worker_id, name, sealing_key }: WorkerRecord, spec: ReplicaSpec): Promise<ReplicaSpec> {
  if (!spec.auth) return spec
  if (!sealing_key)
    throw new Refusal('conflict', `worker ${name} has no key to seal credentials with: upgrade it first`, 'auth')
  return sealAuth(spec, worker_id, sealing_key)
}

function known(core: Core, id: string): WorkerEntry {
  const worker = core.fleet.workers.get(id)
  if (!worker) throw new Refusal('not_found', `there is no worker ${id}`)
  return worker
}

async function terminate(core: Core, id: string, by: Caller): Promise<void> {
  const worker = known(core, id)
  await core.store.removeWorker(
    id,
    worker.instance,
    audit(core, by, { action: 'terminate', target: id, detail: worker.record.name }),
  )
  if (worker.instance) core.tombstones.add(`${id}/${worker.instance}`)
  if (worker.record.older_wire) await tellOlderWorker(core, worker, { type: 'terminate' })
  else
    core.projection.put({
      ...documentOf({ ...worker.record, rev: worker.record.rev + 1 }, core.term),
      terminate: true,
      reason: `terminated by ${by.actor}`,
    })
  const removed = dropWorker(core.fleet, worker)
  core.apply({ ...noChanges(), removed })
  core.teller.workerGone(id)
}

/**
 * The database first, so that a supervisor that dies here revokes at its next start. A worker that was terminated may
 * be revoked too.
 */
async function revoke(core: Core, id: string, { reason, by }: { reason: string | null; by: Caller }): Promise<void> {
  const { accounts, store, clock } = core
  if (!accounts)
    throw new Refusal(
      'conflict',
      'NATS is open here: workers have no credentials that could be revoked. Reject or terminate the worker, ' +
        'and lock NATS: kagami nats init',
    )
  const worker = core.fleet.workers.get(id)
  const known = (await store.findKeys(id, '')).map((key) => key.public_key)
  if (!worker && known.length === 0) throw new Refusal('not_found', `there is no worker ${id}`)
  const why = reason ?? 'its credentials were revoked'
  if (worker)
    await keep(
      core,
      decided(worker.record, 'rejected', { who: by.actor, reason: why, now: clock.now() }),
      audit(core, by, { action: 'reject', target: id, detail: why }),
    )
  const revoked = await store.revokeKeys(
    id,
    clock.now(),
    audit(core, by, { action: 'revoke', target: id, detail: reason }),
  )
  try {
    await accounts.revoke([...new Set([...known, ...revoked.map((key) => key.public_key)])])
  } catch (error) {
    core.logger.error(
      { worker_id: id, reason: (error as Error).message },
      'NATS did not take the revocation; the supervisor does it when it next reaches NATS',
    )
    throw new Refusal(
      'unavailable',
      `worker ${id} is rejected, but NATS did not take the revocation yet: ${(error as Error).message}. It ` +
        'gets it when the supervisor reaches it again',
    )
  }
}

async function syncWorker(
  core: Core,
  worker: WorkerEntry,
  asked: { resource: string | null; by: Caller },
): Promise<SyncRequested[]> {
  const replicas = replicasNamed(worker, asked.resource)
  return requestSyncs(core, worker, { replicas, all: asked.resource === null, by: asked.by })
}

interface Asked {
  readonly replicas: readonly { replica_id: string; name: string }[]
  /** Every replica of the worker, not some by name. */
  readonly all: boolean
  readonly by: Caller
}

async function requestSyncs(core: Core, worker: WorkerEntry, { replicas, all, by }: Asked): Promise<SyncRequested[]> {
  const { worker_id } = worker.record
  const entry = audit(core, by, {
    action: 'sync',
    target: worker_id,
    detail: replicas
      .map((replica) => replica.name)
      .join(', ')
      .slice(0, 1000),
  })
  if (worker.record.older_wire) return syncOlderWorker(core, worker, { replicas, all, entry })
  const record = withSyncs(
    worker,
    replicas.map((replica) => replica.replica_id),
    { newId, now: core.clock.now() },
  )
  await core.store.saveWorker(record, entry)
  putWorker(core.fleet, record, core.clock.now().getTime())
  core.projection.put(documentOf(record, core.term))
  const names = new Map(replicas.map((replica) => [replica.replica_id, replica.name]))
  const entries = replicas.flatMap(({ replica_id }) => core.fleet.replicas.get(replica_id) ?? [])
  core.apply({ ...noChanges(), replicas: new Set(entries) })
  const made = record.syncs.slice(record.syncs.length - replicas.length)
  return made.map(({ request_id, replica_id }) => ({
    request_id,
    replica_id,
    name: names.get(replica_id) ?? replica_id,
    worker_id,
  }))
}

async function syncReplicas(core: Core, targets: readonly SyncTarget[], by: Caller): Promise<SyncRequested[]> {
  const requested: SyncRequested[] = []
  for (const [id, replicas] of Map.groupBy(targets, (target) => target.worker_id)) {
    requested.push(
      ...(await core.inTurn(id, () =>
        requestSyncs(core, requireApproved(core.fleet.workers.get(id), id), { replicas, all: false, by }),
      )),
    )
  }
  return requested
}

async function cancelSync(core: Core, entry: ReplicaEntry, syncId: string, by: Caller): Promise<void> {
  const { worker_id, name } = entry.worker.record
  const reply = await core.bus.request('cancel', worker_id, { sync_id: syncId }, ANSWER_MS)
  if (!reply) throw new Refusal('worker_unreachable', `worker ${name} did not answer; the sync may still run`)
  if (!reply.cancelled) throw new Refusal('conflict', 'the sync has already ended')
  await core.store.addAudit(
    audit(core, by, { action: 'cancel', target: syncId, detail: `${entry.state.name}@${name}` }),
  )
}

async function readLog(core: Core, at: Parameters<Commands['readLog']>[0]): Promise<LogReply> {
  const worker = core.fleet.workers.get(at.workerId)
  const name = worker?.record.name ?? at.workerId
  if (worker?.record.older_wire) throw new Refusal('not_found', `worker ${name} is too old to hand out logs`)
  const reply = await core.bus.request(
    'log',
    at.workerId,
    { replica_id: at.replicaId, sync_id: at.syncId, offset: at.offset, limit: at.limit },
    ANSWER_MS,
  )
  if (!reply) throw new Refusal('worker_unreachable', `worker ${name}, which keeps the log, did not answer`)
  if (!reply.found)
    throw new Refusal('not_found', `worker ${name} no longer has the log; it keeps the last 20 of each replica`)
  return reply
}
