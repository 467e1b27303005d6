// decide.ts — What commands that one replica or many get make of the record of their worker: pause, resume, edit.
// Nothing is saved here, and nothing sent; what is not allowed is thrown as a Refusal.
import { describeChange, Refusal, type FieldChange, type ReplicaSpec } from '@kagami/protocol'
import { sealAuth } from '@kagami/runtime'
import type { ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import { addedSpec, editedSpec, etagOf, matchesEtag, withEdit } from '../core/edits.ts'
import { withPause } from '../core/records.ts'
import type { Services } from '../services.ts'
import type { NewAudit, WorkerRecord } from '../store/store.ts'
import { auditEntry } from './save.ts'
import type { Caller, Edit } from './types.ts'

/** Whom and what a command is about. */
export interface Subject {
  readonly worker: WorkerEntry
  readonly entry: ReplicaEntry
  readonly by: Caller
}

/** What a command makes of a worker. */
export interface Decided {
  /** Null: it is so already. */
  readonly record: WorkerRecord | null
  /** What the audit says besides the replica's name. */
  readonly more: string | null
}

/** Refuses when the worker is too old for commands that are part of its desired document. */
export function requireCurrent({ record }: WorkerEntry): void {
  if (!record.older_wire) return
  throw new Refusal(
    'conflict',
    `worker ${record.name} is of an earlier version, which does not know this command: upgrade it`,
  )
}

/** Pauses a replica, or resumes it when `pause` is null. */
export function decidePause(
  { clock }: Services,
  { worker, entry, by }: Subject,
  pause: { reason: string | null } | null,
): Decided {
  const paused = pause && { by: by.actor, at: clock.now().toISOString(), reason: pause.reason }
  const record = withPause(worker.record, entry.replicaId, paused)
  return { record: record === worker.record ? null : record, more: pause?.reason ?? null }
}

/** Changes an added replica. */
export async function decideEdit(
  services: Services,
  { worker, entry }: Subject,
  { patch, ifMatch }: Edit,
): Promise<Decided & { readonly changes: FieldChange[] }> {
  const { replica_id, name } = entry.state
  const spec = addedSpec(worker, replica_id)
  if (!spec) throw notEditable(worker, entry)
  if (ifMatch !== null && !matchesEtag(ifMatch, etagOf(spec)))
    throw new Refusal(
      'precondition_failed',
      `${name}@${worker.record.name} was changed since: ${await lastEdit(services, replica_id)}. Its ETag is now ` +
        etagOf(spec),
    )
  const { spec: edited, changes } = editedSpec(worker, spec, patch)
  if (changes.length === 0) return { record: null, more: null, changes }
  const record = withEdit(worker.record, await withSealedAuth(worker.record, edited))
  return { record, more: changes.map(describeChange).join('; '), changes }
}

/** The spec with its credentials sealed, so that only the worker can open them. */
export async function withSealedAuth(
  { worker_id, name, sealing_key }: WorkerRecord,
  spec: ReplicaSpec,
): Promise<ReplicaSpec> {
  if (!spec.auth) return spec
  if (!sealing_key)
    throw new Refusal('conflict', `worker ${name} has no key to seal credentials with: upgrade it first`, 'auth')
  return sealAuth(spec, worker_id, sealing_key)
}

/** The audit entry of what is decided about a replica. */
export function auditOf(
  services: Services,
  { worker, entry, by }: Subject,
  { action, more }: { action: string; more: string | null },
): NewAudit {
  return auditEntry(services, by, {
    action,
    target: entry.replicaId,
    detail: [`${entry.name}@${worker.record.name}`, more].filter((part) => part !== null).join(': '),
  })
}

/** Of one that was removed just now the worker may still report. */
function notEditable({ record }: WorkerEntry, { state: { name, origin } }: ReplicaEntry): Refusal {
  if (origin === 'api') return new Refusal('not_found', `${name}@${record.name} was removed`)
  const place = record.declared_in ? `${record.declared_in} on ${record.hostname ?? record.name}` : 'its worker.toml'
  return new Refusal(
    'conflict',
    `${name} is declared in worker.toml of ${record.name}, and can be changed only there`,
    null,
    `Edit the provider ${name} in ${place}, and restart the worker.`,
  )
}

/** What the audit says of the last change of a specification. */
async function lastEdit({ store }: Services, replicaId: string): Promise<string> {
  const { items } = await store.listAudit({ targets: [replicaId] }, { cursor: null, limit: 50 })
  const last = items.find(({ action, result }) => result === 'ok' && (action === 'edit' || action === 'rename'))
  return last ? `${last.at} by ${last.actor}: ${last.detail ?? ''}` : 'it was added anew, or the database was restored'
}
