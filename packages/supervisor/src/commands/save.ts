// save.ts — Saves a decision: in the database together with its audit entry, then in memory, then in the worker's
// desired document.
import { documentOf } from '../core/document.ts'
import { noChanges, noteChanged } from '../core/changes.ts'
import { putWorker, showDecisions } from '../core/fleet.ts'
import type { Services } from '../services.ts'
import type { NewAudit, WorkerRecord } from '../store/store.ts'
import type { Caller } from './types.ts'

/**
 * Saves a worker's new record. The database comes first: a decision that was answered with success survives a crash.
 */
export async function saveDecision(services: Services, record: WorkerRecord, audit: NewAudit): Promise<void> {
  await services.store.saveWorker(record, audit)
  applyDecision(services, record)
}

/** Has a worker's new record, which is in the database, in memory and in its desired document. */
export function applyDecision(services: Services, record: WorkerRecord): void {
  const now = services.clock.now().getTime()
  const worker = putWorker(services.fleet, record, now)
  const changes = noChanges()
  showDecisions({ fleet: services.fleet, worker, changes, now })
  if (!record.older_wire) services.documents.write(documentOf(record, services.term))
  for (const entry of worker.replicas) noteChanged(changes, entry)
  services.recordChanges({ ...changes, workers: new Set([worker]) })
}

/** The audit entry of a command that succeeds now. */
export function auditEntry(
  { clock }: Pick<Services, 'clock'>,
  by: Caller,
  { action, target, detail }: { action: string; target: string; detail: string | null },
): NewAudit {
  return { at: clock.now().toISOString(), actor: by.actor, remote: by.remote, action, target, detail, result: 'ok' }
}
