// records.ts — What becomes of a worker's record when someone joins, or people ask for something. Pure; says no by
// throwing a Refusal.
import {
  intervalProblem,
  policyOf,
  Refusal,
  replicaNameKey,
  replicaNameProblem,
  scheduleProblem,
  upstreamProblem,
  type Auth,
  type Join,
  type Labels,
  type Options,
  type Paused,
  type ReplicaSpec,
  type SyncRequest,
} from '@kagami/protocol'
import { Check, Errors } from 'typebox/value'
import type { WorkerRecord } from '../store/store.ts'
import type { WorkerEntry } from './entries.ts'

export interface AddReplicaBody {
  name: string
  kind: string
  upstream: string
  interval_secs?: number | null | undefined
  labels?: Labels | null | undefined
  options?: Options | null | undefined
  auth?: Auth | null | undefined
}

/**
 * The record after a join; a worker seen for the first time is pending, or approved when joins are approved by
 * themselves.
 */
export function joined(
  record: WorkerRecord | null,
  join: Join | { worker_id: string; older: true },
  facts: { autoApprove: boolean; now: Date },
): WorkerRecord {
  const at = facts.now.toISOString()
  const first: WorkerRecord = record ?? {
    worker_id: join.worker_id,
    name: join.worker_id,
    admission: facts.autoApprove ? 'approved' : 'pending',
    reason: null,
    first_seen_at: at,
    decided_at: facts.autoApprove ? at : null,
    decided_by: facts.autoApprove ? 'auto-approve' : null,
    version: null,
    hostname: null,
    http_addr: null,
    data_dir: null,
    older_wire: 'older' in join,
    kinds: [],
    instance: null,
    rev: 1,
    replicas: [],
    removed: [],
    syncs: [],
    paused: [],
    last_seen_at: at,
  }
  if ('older' in join) return { ...first, older_wire: true, instance: null }
  const { name, version, hostname, http_addr, data_dir, kinds, sealing_key, instance } = join
  // The document names the process it admits, so a new process makes a new revision.
  const rev = first.instance === instance ? first.rev : first.rev + 1
  return {
    ...first,
    name,
    version,
    hostname,
    http_addr,
    data_dir,
    kinds,
    sealing_key,
    instance,
    rev,
    older_wire: false,
  }
}

/** The record after people approved or rejected. */
export function decided(
  record: WorkerRecord,
  admission: 'approved' | 'rejected',
  by: { who: string; reason: string | null; now: Date },
): WorkerRecord {
  return {
    ...record,
    admission,
    reason: by.reason,
    decided_at: by.now.toISOString(),
    decided_by: by.who,
    rev: record.rev + 1,
  }
}

/** Refuses unless the worker exists and is approved. */
export function requireApproved(worker: WorkerEntry | undefined, id: string): WorkerEntry {
  if (!worker) throw new Refusal('unknown_worker', `there is no worker ${id}`)
  if (worker.record.admission !== 'approved')
    throw new Refusal('not_approved', `worker ${worker.record.name} is ${worker.record.admission}, not approved`)
  return worker
}

/** The spec a body asks for. Refuses with the field named. */
export function specFrom(worker: WorkerEntry, body: AddReplicaBody, newId: () => string): ReplicaSpec {
  const badName = replicaNameProblem(body.name)
  if (badName) throw new Refusal('invalid_name', `name ${badName}`, 'name')
  checkKind(worker, body)
  const badUpstream = upstreamProblem(body.kind, body.upstream, announcedKind(worker, body.kind)?.roots)
  if (badUpstream) throw new Refusal('invalid_upstream', `upstream ${badUpstream}`, 'upstream')
  const badInterval = intervalProblem(body.interval_secs)
  if (badInterval) throw new Refusal('invalid_interval', `interval_secs ${badInterval}`, 'interval_secs')
  checkOptions(worker, body)
  const clash = nameHolder(worker, body.name)
  if (clash) throw new Refusal('name_taken', `worker ${worker.record.name} already has a replica "${clash}"`, 'name')
  return {
    replica_id: newId(),
    name: body.name,
    kind: body.kind,
    upstream: body.upstream,
    interval_secs: body.interval_secs || null,
    labels: body.labels ?? {},
    options: body.options ?? {},
    auth: body.auth ?? null,
    origin: 'api',
  }
}

function announcedKind(worker: WorkerEntry, kind: string): WorkerEntry['record']['kinds'][number] | undefined {
  return worker.record.kinds.find((announced) => announced.kind === kind)
}

function checkKind(worker: WorkerEntry, body: AddReplicaBody) {
  const { older_wire, kinds } = worker.record
  const offered = older_wire ? ['git', 'rsync', 'http'] : kinds.map((announced) => announced.kind)
  if (offered.includes(body.kind)) return
  throw new Refusal(
    'invalid_kind',
    `kind must be one of ${offered.join(', ') || 'the kinds the worker announces; it has not joined yet'}`,
    'kind',
  )
}

/** Against the schema the worker announced. It came over the wire, so it is interpreted, never compiled to code. */
function checkOptions(worker: WorkerEntry, body: AddReplicaBody) {
  const options = body.options ?? {}
  const announced = announcedKind(worker, body.kind)?.options as
    | { properties?: Record<string, { default?: unknown }> }
    | undefined
  const stray = Object.keys(options).find((key) => !Object.hasOwn(announced?.properties ?? {}, key))
  if (stray) throw new Refusal('invalid_options', `kind ${body.kind} has no option "${stray}"`, `options.${stray}`)
  if (!announced) return
  const defaults = Object.entries(announced.properties ?? {}).flatMap(([key, property]) =>
    property.default === undefined ? [] : [[key, property.default]],
  )
  const whole = { ...(Object.fromEntries(defaults) as object), ...options }
  if (Check(announced as never, whole)) {
    const late = scheduleProblem(policyOf(options))
    if (late) throw new Refusal('invalid_options', `options.${late.field}: ${late.message}`, `options.${late.field}`)
    return
  }
  const problem = Errors(announced as never, whole)[0]
  const field = ['options', ...(problem?.instancePath.split('/').slice(1) ?? [])].join('.')
  throw new Refusal('invalid_options', `${field} ${problem?.message ?? 'does not fit'}`, field)
}

/** The replica that holds a name on a worker, without regard to case: one it shows, or one it was asked to add. */
function nameHolder(worker: WorkerEntry, name: string): string | null {
  const key = replicaNameKey(name)
  const added = worker.record.replicas.find((spec) => replicaNameKey(spec.name) === key)
  if (added) return added.name
  for (const { state } of worker.replicas.values()) {
    const leaving =
      worker.record.removed.includes(state.replica_id) ||
      (state.origin === 'api' && !worker.record.replicas.some((spec) => spec.replica_id === state.replica_id))
    if (!leaving && replicaNameKey(state.name) === key) return state.name
  }
  return null
}

/** The record with one more replica. */
export function withReplica(record: WorkerRecord, spec: ReplicaSpec): WorkerRecord {
  return { ...record, replicas: [...record.replicas, spec], rev: record.rev + 1 }
}

/** The record without a replica: an added one is taken out, a declared one is marked removed. */
export function withoutReplica(worker: WorkerEntry, replicaId: string): WorkerRecord {
  const { record } = worker
  const added = record.replicas.some((spec) => spec.replica_id === replicaId)
  const shown = worker.replicas.get(replicaId)
  if (!added && (!shown || record.removed.includes(replicaId)))
    throw new Refusal('no_such_replica', `worker ${record.name} has no replica ${replicaId}`, 'replica_id')
  const replicas = record.replicas.filter((spec) => spec.replica_id !== replicaId)
  const removed = added ? record.removed : [...record.removed, replicaId]
  return {
    ...record,
    replicas,
    removed,
    syncs: record.syncs.filter((request) => request.replica_id !== replicaId),
    paused: withoutPause(record, replicaId),
    rev: record.rev + 1,
  }
}

function withoutPause(record: WorkerRecord, replicaId: string) {
  return record.paused.filter((paused) => paused.replica_id !== replicaId)
}

/** The record with a replica paused, or going on when `paused` is null. The record itself when it is so already. */
export function withPause(record: WorkerRecord, replicaId: string, paused: Paused | null): WorkerRecord {
  const known = record.paused.some((one) => one.replica_id === replicaId)
  if (known === (paused !== null)) return record
  return {
    ...record,
    paused: [...withoutPause(record, replicaId), ...(paused ? [{ replica_id: replicaId, ...paused }] : [])],
    rev: record.rev + 1,
  }
}

/** What may be asked beside a plain sync. */
export type Order = Pick<SyncRequest, 'action' | 'hold_id' | 'generation'>

/**
 * The record with a sync, or what `order` says, asked for: one request a replica. Requests the worker has taken up are
 * left out.
 */
export function withSyncs(
  worker: WorkerEntry,
  replicaIds: readonly string[],
  facts: { newId: () => string; now: Date; order?: Order },
): WorkerRecord {
  const { record, observedRev } = worker
  const rev = record.rev + 1
  const open = record.syncs.filter((request) => request.rev > observedRev)
  const asked = replicaIds.map((replica_id) => ({
    request_id: facts.newId(),
    replica_id,
    rev,
    requested_at: facts.now.toISOString(),
    ...facts.order,
  }))
  return { ...record, syncs: [...open, ...asked], rev }
}

/** The replicas of a worker that "sync this resource" means: those it shows and those it was asked to add. */
export function replicasNamed(worker: WorkerEntry, name: string | null): { replica_id: string; name: string }[] {
  const all = new Map<string, { replica_id: string; name: string }>()
  for (const { state } of worker.replicas.values())
    all.set(state.replica_id, { replica_id: state.replica_id, name: state.name })
  for (const spec of worker.record.replicas) all.set(spec.replica_id, { replica_id: spec.replica_id, name: spec.name })
  const found = [...all.values()].filter(
    (replica) => !worker.record.removed.includes(replica.replica_id) && (name === null || replica.name === name),
  )
  if (name !== null && found.length === 0)
    throw new Refusal('not_found', `worker ${worker.record.name} has no resource "${name}"`, 'resource')
  return found
}
