// workers.ts — Commands about workers: approve, reject, terminate, and revoke where NATS is locked.
import { Refusal } from '@kagami/protocol'
import { documentOf } from '../core/document.ts'
import type { WorkerEntry } from '../core/entries.ts'
import { noChanges } from '../core/changes.ts'
import { dropWorker } from '../core/fleet.ts'
import { OLDER_INSTANCE } from '../core/older-replicas.ts'
import { withAdmission } from '../core/records.ts'
import type { Accounts, Services } from '../services.ts'
import { auditEntry, saveDecision } from './save.ts'
import type { Caller, WorkerCommands } from './types.ts'

/** The commands about workers. */
export function createWorkerCommands(services: Services): WorkerCommands {
  return {
    approve: (id, by) => services.runInTurn(id, () => approve(services, id, by)),
    reject: (id, reason, by) => services.runInTurn(id, () => reject(services, id, { reason, by })),
    terminate: (id, by) => services.runInTurn(id, () => terminate(services, id, by)),
    revoke: (id, reason, by) => services.runInTurn(id, () => revoke(services, id, { reason, by })),
  }
}

function findWorker({ fleet }: Services, id: string): WorkerEntry {
  const worker = fleet.workers.get(id)
  if (!worker) throw new Refusal('not_found', `there is no worker ${id}`)
  return worker
}

async function approve(services: Services, id: string, by: Caller): Promise<void> {
  const { record } = findWorker(services, id)
  await saveDecision(
    services,
    withAdmission(record, 'approved', { by: by.actor, reason: null, now: services.clock.now() }),
    auditEntry(services, by, { action: 'approve', target: id, detail: null }),
  )
}

async function reject(services: Services, id: string, { reason, by }: { reason: string | null; by: Caller }) {
  const worker = findWorker(services, id)
  await saveDecision(
    services,
    withAdmission(worker.record, 'rejected', { by: by.actor, reason, now: services.clock.now() }),
    auditEntry(services, by, { action: 'reject', target: id, detail: reason }),
  )
  if (worker.record.older_wire) await services.olderWorkers.reject(worker, reason)
}

async function terminate(services: Services, id: string, by: Caller): Promise<void> {
  const { store, tombstones, documents, olderWorkers, fleet } = services
  const worker = findWorker(services, id)
  const { record } = worker
  // A worker of the older wire that has not been heard of in this run must not come back by a late heartbeat either.
  const instance = record.older_wire ? OLDER_INSTANCE : worker.instance
  await store.removeWorker(
    id,
    instance,
    auditEntry(services, by, { action: 'terminate', target: id, detail: record.name }),
  )
  if (instance) tombstones.add(`${id}/${instance}`)
  if (record.older_wire) await olderWorkers.terminate(worker)
  else
    documents.write({
      ...documentOf({ ...record, rev: record.rev + 1 }, services.term),
      terminate: true,
      reason: `terminated by ${by.actor}`,
    })
  const removed = dropWorker(fleet, worker)
  services.recordChanges({ ...noChanges(), removed })
  services.publisher.workerGone(id)
}

/**
 * Revokes the keys of a worker. The database comes first: a supervisor that ends here revokes the keys at its next
 * start. The keys of a terminated worker can be revoked too.
 */
async function revoke(services: Services, id: string, { reason, by }: { reason: string | null; by: Caller }) {
  const { accounts, store, clock } = services
  if (!accounts)
    throw new Refusal(
      'conflict',
      'NATS is open here: workers have no credentials to revoke. Reject or terminate the worker, or lock NATS: ' +
        'kagami nats init',
    )
  const worker = services.fleet.workers.get(id)
  const known = (await store.findKeys(id, '')).map((key) => key.public_key)
  if (!worker && known.length === 0) throw new Refusal('not_found', `there is no worker ${id}`)
  const rejection = reason ?? 'its credentials were revoked'
  if (worker)
    await saveDecision(
      services,
      withAdmission(worker.record, 'rejected', { by: by.actor, reason: rejection, now: clock.now() }),
      auditEntry(services, by, { action: 'reject', target: id, detail: rejection }),
    )
  const revoked = await store.revokeKeys(
    id,
    clock.now(),
    auditEntry(services, by, { action: 'revoke', target: id, detail: reason }),
  )
  await revokeOnNats(services, accounts, {
    id,
    keys: [...new Set([...known, ...revoked.map((key) => key.public_key)])],
  })
}

async function revokeOnNats(services: Services, accounts: Accounts, { id, keys }: { id: string; keys: string[] }) {
  try {
    await accounts.revoke(keys)
  } catch (error) {
    const reason = (error as Error).message
    services.logger.error(
      { worker_id: id, reason },
      'NATS did not accept the revocation; the supervisor sends it again when it next reaches NATS',
    )
    throw new Refusal(
      'unavailable',
      `worker ${id} is rejected, but NATS has not accepted the revocation yet: ${reason}. The supervisor sends it ` +
        'again when it next reaches NATS',
    )
  }
}
