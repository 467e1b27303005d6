// save.ts — How what people decide is kept: in the database together with its audit entry, then in memory, then
// sent. Decides nothing.
import { putWorker } from '../core/fleet.ts'
import { noChanges } from '../core/entries.ts'
import { documentOf } from '../edge/projection.ts'
import type { NewAudit, WorkerRecord } from '../store/store.ts'
import type { Core } from '../supervisor.ts'

/** Who asks, for the audit. */
export interface Caller {
  readonly actor: string
  readonly remote: string | null
}

/** Database first: what was answered with yes survives a crash. Then memory, then the worker. */
export async function keep(core: Core, record: WorkerRecord, entry: NewAudit): Promise<void> {
  await core.store.saveWorker(record, entry)
  const worker = putWorker(core.fleet, record, core.clock.now().getTime())
  if (!record.older_wire) core.projection.put(documentOf(record, core.term))
  core.apply({ ...noChanges(), workers: new Set([worker]), replicas: new Set(worker.replicas.values()) })
}

/** An audit entry of now. */
export function audit(
  core: Core,
  by: Caller,
  { action, target, detail }: { action: string; target: string; detail: string | null },
): NewAudit {
  return {
    at: core.clock.now().toISOString(),
    actor: by.actor,
    remote: by.remote,
    action,
    target,
    detail,
    result: 'ok',
  }
}
