// replicas.ts — Commands about single replicas: add, edit, rename, remove, pause, resume, decide about a hold, go back
// to an earlier tree, prove a copy, restore what is kept.
import { Refusal, type FieldChange, type ReplicaSpec } from '@kagami/protocol'
import { newId } from '@kagami/runtime'
import type { ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import { isEditPending } from '../core/edits.ts'
import { checkNewName, specFrom, type NewReplica } from '../core/new-replica.ts'
import {
  requireApproved,
  requireCapability,
  withNewName,
  withoutReplica,
  withPause,
  withReplica,
  withSyncs,
  type RequestedAction,
} from '../core/records.ts'
import type { Services } from '../services.ts'
import { auditOf, decideEdit, decidePause, requireCurrent, withSealedAuth, type Subject } from './decide.ts'
import { auditEntry, saveDecision } from './save.ts'
import type { Caller, Edit, HoldDecision, ReplicaCommands, SyncRequested } from './types.ts'

/** The commands about single replicas. */
export function createReplicaCommands(services: Services): ReplicaCommands {
  return {
    addReplica: (workerId, request, by) =>
      services.runInTurn(workerId, () => addReplica(services, workerId, { request, by })),
    editReplica: (entry, edit, by) =>
      runForReplica(services, entry, (worker) => editReplica(services, { worker, entry, by }, edit)),
    removeReplica: (workerId, replicaId, by) =>
      services.runInTurn(workerId, () => removeReplica(services, workerId, { replicaId, by })),
    pauseReplica: (entry, reason, by) =>
      runForReplica(services, entry, (worker) => setPause(services, { worker, entry, by }, { reason })),
    resumeReplica: (entry, by) =>
      runForReplica(services, entry, (worker) => setPause(services, { worker, entry, by }, null)),
    decideHold: (entry, decision, by) =>
      runForReplica(services, entry, (worker) => decideHold(services, { worker, entry, by }, decision)),
    rollBack: (entry, generation, by) =>
      runForReplica(services, entry, (worker) => rollBack(services, { worker, entry, by }, generation)),
    verify: (entry, by) => runForReplica(services, entry, (worker) => verify(services, { worker, entry, by })),
    restore: (entry, keptId, by) =>
      runForReplica(services, entry, (worker) => restore(services, { worker, entry, by }, keptId)),
    renameReplica: (entry, name, by) =>
      runForReplica(services, entry, (worker) => renameReplica(services, { worker, entry, by }, name)),
  }
}

async function addReplica(
  services: Services,
  workerId: string,
  { request, by }: { request: NewReplica; by: Caller },
): Promise<ReplicaSpec> {
  const worker = requireApproved(services.fleet.workers.get(workerId), workerId)
  const spec = specFrom(worker, request, newId)
  const audit = auditEntry(services, by, {
    action: 'add_replica',
    target: workerId,
    detail: `${spec.kind} ${spec.name} ${spec.upstream}${request.paused ? ', paused' : ''}`,
  })
  if (request.paused) requireCurrent(worker)
  if (worker.record.older_wire) {
    await services.olderWorkers.addReplica(worker, spec)
    await services.store.addAudit(audit)
    return spec
  }
  const added = withReplica(worker.record, await withSealedAuth(worker.record, spec))
  const pause = { by: by.actor, at: services.clock.now().toISOString(), reason: 'added so' }
  await saveDecision(services, request.paused ? withPause(added, spec.replica_id, pause) : added, audit)
  return spec
}

async function removeReplica(
  services: Services,
  workerId: string,
  { replicaId, by }: { replicaId: string; by: Caller },
): Promise<void> {
  const worker = requireApproved(services.fleet.workers.get(workerId), workerId)
  const record = withoutReplica(worker, replicaId)
  const audit = auditEntry(services, by, {
    action: 'remove_replica',
    target: workerId,
    detail: worker.replicas.get(replicaId)?.name ?? replicaId,
  })
  if (worker.record.older_wire) {
    await services.olderWorkers.removeReplica(worker, replicaId)
    await services.store.addAudit(audit)
  } else await saveDecision(services, record, audit)
}

/** Runs a command on a replica in its worker's turn. Refuses when the worker is not approved, or too old for it. */
function runForReplica<T>(
  services: Services,
  entry: ReplicaEntry,
  task: (worker: WorkerEntry) => Promise<T>,
): Promise<T> {
  const { worker_id } = entry.worker.record
  return services.runInTurn(worker_id, () => {
    const worker = requireApproved(services.fleet.workers.get(worker_id), worker_id)
    requireCurrent(worker)
    return task(worker)
  })
}

/** Changes an added replica. Its worker takes the new specification with its next document. */
async function editReplica(services: Services, subject: Subject, edit: Edit): Promise<FieldChange[]> {
  const { record, changes, more } = await decideEdit(services, subject, edit)
  if (record) await saveDecision(services, record, auditOf(services, subject, { action: 'edit', more }))
  return changes
}

async function setPause(services: Services, subject: Subject, pause: { reason: string | null } | null): Promise<void> {
  const { record, more } = decidePause(services, subject, pause)
  if (record)
    await saveDecision(services, record, auditOf(services, subject, { action: pause ? 'pause' : 'resume', more }))
}

async function decideHold(
  services: Services,
  subject: Subject,
  { action, holdId }: HoldDecision,
): Promise<SyncRequested> {
  const { hold, name } = subject.entry.state
  if (!hold) throw new Refusal('conflict', `${name} is not held: there is nothing to decide`)
  if (isEditPending(subject.entry))
    throw new Refusal(
      'conflict',
      `${name} was edited after this sync was held, and ${subject.worker.record.name} has not taken the edit yet: ` +
        'the next sync goes by it, and looks again',
    )
  if (holdId !== null && hold.hold_id !== holdId)
    throw new Refusal(
      'conflict',
      `what would be deleted has changed since: it is now ${hold.removed} of ${hold.total}. Look at it again`,
      'hold_id',
    )
  return requestAction(services, subject, {
    action: { action, hold_id: hold.hold_id },
    more: `${hold.removed} of ${hold.total}`,
  })
}

const KEEP_EARLIER_TREES =
  'The copy is as it was, and the next sync makes it what the upstream has then. To keep earlier trees from now on: ' +
  'kagami replicas edit NAME@WORKER --option publish=swap, or for a replica of worker.toml write publish = "swap" ' +
  'there and restart the worker.'

async function rollBack(services: Services, subject: Subject, generation: number | null): Promise<SyncRequested> {
  const { name, generation: present, options } = subject.entry.state
  if (typeof present !== 'number')
    throw options['publish'] === 'swap'
      ? new Refusal(
          'conflict',
          `${name} has not published a tree since it was added: sync it once first`,
          null,
          `kagami sync ${name}@${subject.worker.record.name} --wait`,
        )
      : new Refusal(
          'conflict',
          `${name} keeps no earlier trees: that needs the option publish = "swap"`,
          null,
          KEEP_EARLIER_TREES,
        )
  if (generation !== null && generation === present)
    throw new Refusal('conflict', `generation ${generation} of ${name} is the one that is published`, 'generation')
  return requestAction(services, subject, {
    action: { action: 'rollback', generation, decided_on: present },
    more: generation === null ? null : `generation ${generation}`,
    pause: { by: subject.by.actor, at: services.clock.now().toISOString(), reason: 'went back to an earlier tree' },
  })
}

async function verify(services: Services, subject: Subject): Promise<SyncRequested> {
  requireCapability(subject.worker, 'verify')
  return requestAction(services, subject, { action: { action: 'verify' }, more: null })
}

async function restore(services: Services, subject: Subject, keptId: string): Promise<SyncRequested> {
  const { name, kept } = subject.entry.state
  requireCapability(subject.worker, 'restore')
  if (!kept)
    throw new Refusal(
      'conflict',
      `nothing that the upstream lost is kept of ${name}: that needs keep_history or keep_deleted`,
      'id',
    )
  return requestAction(services, subject, {
    action: { action: 'restore', kept_id: keptId },
    more: keptId,
    pause: { by: subject.by.actor, at: services.clock.now().toISOString(), reason: `restored ${keptId}` },
  })
}

/** Gives an added replica another name. Its files follow before the sync that is requested with it. */
async function renameReplica(services: Services, subject: Subject, name: string): Promise<SyncRequested> {
  const { worker, entry } = subject
  const { replica_id, name: was, origin } = entry.state
  requireCapability(worker, 'rename')
  if (origin === 'config')
    throw new Refusal(
      'conflict',
      `${was} is declared in worker.toml of ${worker.record.name}: change its name there, add was = "${was}", and ` +
        'restart the worker',
    )
  checkNewName(worker, name, replica_id)
  const record = withNewName(worker.record, replica_id, name)
  return requestAction(
    services,
    { ...subject, worker: { ...worker, record } },
    { action: { action: 'sync' }, audit: 'rename', more: `to ${name}` },
  )
}

interface ActionRequest {
  readonly action: RequestedAction
  /** What the audit calls it; absent: as the action. */
  readonly audit?: string
  /** What the audit says besides the replica's name. */
  readonly more: string | null
  /** Pauses the replica in the same revision. */
  readonly pause?: Parameters<typeof withPause>[2]
}

async function requestAction(
  services: Services,
  subject: Subject,
  { action, audit = action.action ?? 'sync', more, pause }: ActionRequest,
): Promise<SyncRequested> {
  const { worker, entry } = subject
  const { replica_id, name } = entry.state
  const requested = withSyncs(worker, [replica_id], { newId, now: services.clock.now(), action })
  const record = pause ? withPause(requested, replica_id, pause) : requested
  await saveDecision(services, record, auditOf(services, subject, { action: audit, more }))
  return { request_id: record.syncs.at(-1)!.request_id, replica_id, name, worker_id: worker.record.worker_id }
}
