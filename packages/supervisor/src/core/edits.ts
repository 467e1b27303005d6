// edits.ts — Edits of replicas: what is checked, the record afterwards, the ETag, and what is shown until the worker
// has taken one. Pure; what is not allowed is thrown as a Refusal.
import {
  applyPatch,
  Refusal,
  syncsTheSame,
  type FieldChange,
  type ReplicaPatch,
  type ReplicaSpec,
  type ReplicaState,
} from '@kagami/protocol'
import type { WorkerRecord } from '../store/store.ts'
import type { ReplicaEntry, WorkerEntry } from './entries.ts'
import { checkInterval, checkOptions, checkUpstream } from './new-replica.ts'

/** The specification of an added replica as it was last decided; null for one of worker.toml. */
export function addedSpec({ record }: Pick<WorkerEntry, 'record'>, replicaId: string): ReplicaSpec | null {
  if (record.replicas.length === 0) return null
  let specs = specsById.get(record.replicas)
  if (!specs) {
    specs = new Map(record.replicas.map((spec) => [spec.replica_id, spec]))
    specsById.set(record.replicas, specs)
  }
  return specs.get(replicaId) ?? null
}

/** Specifications by id: one is looked for in each heartbeat of each of thousands of replicas. */
const specsById = new WeakMap<WorkerRecord['replicas'], ReadonlyMap<string, ReplicaSpec>>()

/** The ETag of a specification, with its quotes. Only edits and a new name change it, whatever its syncs do. */
export function etagOf({ spec_rev = 0, replica_id }: Pick<ReplicaSpec, 'spec_rev' | 'replica_id'>): string {
  return `"${spec_rev}.${replica_id}"`
}

/** Whether an If-Match allows a change of what has this ETag. A weak one never does (RFC 9110, 13.1.1). */
export function matchesEtag(ifMatch: string, etag: string): boolean {
  const listed: readonly string[] = ifMatch.match(/(?:W\/)?"[^"]*"/g) ?? []
  return ifMatch.trim() === '*' || listed.includes(etag)
}

/** What a patch makes of a replica, checked as if it were added so. A Refusal names the wrong field. */
export function editedSpec(
  worker: WorkerEntry,
  spec: ReplicaSpec,
  patch: ReplicaPatch,
): { spec: ReplicaSpec; changes: FieldChange[] } {
  refuseFixed(worker, spec, patch)
  const edited = applyPatch(spec, patch)
  const changed = (part: string) => edited.changes.some(({ field }) => field.split('.')[0] === part)
  // What stays was allowed when it was set; a worker that has become stricter must not forbid to edit the rest.
  if (changed('upstream')) checkUpstream(worker, edited.spec)
  if (changed('interval_secs')) checkInterval(edited.spec.interval_secs)
  if (changed('options')) checkOptions(worker, edited.spec)
  if (changed('upstream') && spec.auth && patch.auth === undefined)
    throw new Refusal(
      'invalid_request',
      `the credentials of ${spec.name} are sealed for ${spec.upstream} and cannot be used for another upstream`,
      'auth',
      'Send "auth" too: with the credentials for the new upstream, or null to have none. With kagami replicas edit: ' +
        'KAGAMI_AUTH or --username and --password-file, or --no-auth.',
    )
  return edited
}

/** The record with an edited replica. Decisions about a hold of what it was before are no longer asked for. */
export function withEdit(record: WorkerRecord, edited: ReplicaSpec): WorkerRecord {
  const rev = record.rev + 1
  const isIt = ({ replica_id }: { replica_id: string }) => replica_id === edited.replica_id
  const before = record.replicas.find(isIt)
  const sameSyncs = before !== undefined && syncsTheSame(before, edited)
  return {
    ...record,
    replicas: record.replicas.map((spec) => (isIt(spec) ? { ...edited, spec_rev: rev } : spec)),
    syncs: record.syncs.filter((request) => sameSyncs || !isIt(request) || request.hold_id === undefined),
    rev,
  }
}

/** Whether the last edit of a replica waits for its worker. */
export function isEditPending({ worker, state }: Pick<ReplicaEntry, 'worker' | 'state'>): boolean {
  return waitsForWorker(worker, state, addedSpec(worker, state.replica_id))
}

/** A reported state with what was decided since: an edit shows at once, and a hold of what it was before no more. */
export function asDecided(worker: WorkerEntry, reported: ReplicaState): ReplicaState {
  const spec = addedSpec(worker, reported.replica_id)
  if (!spec || !waitsForWorker(worker, reported, spec)) return reported
  const { upstream, interval_secs, labels, options } = spec
  const hold = syncsTheSame({ upstream, options }, reported) ? reported.hold : null
  return { ...reported, upstream, interval_secs, labels, options, ...(reported.hold ? { hold } : {}) }
}

/** When an edit that was just accepted counts, in one sentence. */
export function effectOf({ worker, state }: Pick<ReplicaEntry, 'worker' | 'state'>): string {
  const { name } = worker.record
  if (worker.presence !== 'online')
    return `${name} is not reachable now: it takes the edit when it is back, and goes by what it has until then`
  if (state.current) return 'the sync that is running ends as it began; the next one goes by the edit'
  if (state.activity === 'paused') return 'the next sync goes by it; the replica is paused and stays so'
  return 'the next sync goes by it'
}

/** Workers of before edits do not report which they have; they say which document they have applied. */
function waitsForWorker(worker: WorkerEntry, { spec_rev }: ReplicaState, spec: ReplicaSpec | null): boolean {
  if (spec?.spec_rev === undefined || spec_rev === spec.spec_rev) return false
  return worker.record.capabilities?.includes('edit') === true || worker.observedRev < spec.spec_rev
}

function refuseFixed(worker: WorkerEntry, spec: ReplicaSpec, { name, kind }: ReplicaPatch): void {
  const full = `${spec.name}@${worker.record.name}`
  if (name !== undefined && name !== spec.name)
    throw new Refusal(
      'invalid_request',
      'the name of a replica is that of its folder and stays in an edit',
      'name',
      `Rename it, and its files follow: kagami replicas rename ${full} ${/^[\w.-]{1,128}$/.test(name) ? name : 'NAME'}`,
    )
  if (kind !== undefined && kind !== spec.kind)
    throw new Refusal(
      'invalid_request',
      `${spec.name} is of the kind ${spec.kind}, and the kind of a replica stays`,
      'kind',
      `To keep it by another kind: kagami replicas remove ${full}, then add it again with the same name. Its files ` +
        'stay; between rsync and http they can be taken over.',
    )
}
