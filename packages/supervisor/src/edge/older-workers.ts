// older-workers.ts — Workers that speak the wire of interfaces.md §6, turned into ours. Nothing else knows of them.
import {
  Refusal,
  type JoinReply,
  type OlderCommand,
  type OlderHeartbeat,
  type OlderReplica,
  type ReplicaSpec,
  type ReplicaState,
  type SeedStatus,
} from '@kagami/protocol'
import { joined } from '../core/records.ts'
import { applyHeartbeat, putReplica, putWorker, setPresence } from '../core/fleet.ts'
import { noChanges, type WorkerEntry } from '../core/entries.ts'
import type { NewAudit } from '../store/store.ts'
import type { Core } from '../supervisor.ts'
import type { SyncRequested } from '../commands/commands.ts'

const ANSWER_MS = 3000
/** The process id of workers that have none. */
const NO_INSTANCE = 'older'

/** Starts listening; returns the way to stop. */
export function listenToOlderWorkers(core: Core): () => void {
  const ends = [
    core.bus.answer('olderJoin', null, (join) => (join.wire ? null : answerJoin(core, join.worker_id, join.replicas))),
    core.bus.hear('olderHeartbeat', null, (beat, { workerId }) => hearHeartbeat(core, beat, workerId)),
    core.bus.hear('olderStatus', null, ({ worker_id, replica_id, status }) =>
      hearStatus(core, worker_id, replica_id, status),
    ),
  ]
  return () => ends.forEach((end) => end())
}

async function answerJoin(core: Core, workerId: string, replicas: readonly OlderReplica[]): Promise<JoinReply> {
  core.traffic.message(core.clock.now().getTime())
  return core.inTurn(workerId, async () => {
    const known = core.fleet.workers.get(workerId)
    if (known && !known.record.older_wire)
      return {
        accepted: false,
        status: known.record.admission,
        reason: `worker id ${workerId} belongs to a newer worker`,
      }
    const record = joined(
      known?.record ?? null,
      { worker_id: workerId, older: true },
      { autoApprove: core.config.auto_approve, now: core.clock.now() },
    )
    if (JSON.stringify(record) !== JSON.stringify(known?.record)) await core.store.saveWorker(record)
    const worker = putWorker(core.fleet, record, core.clock.now().getTime())
    core.tombstones.delete(`${workerId}/${NO_INSTANCE}`)
    worker.instance = NO_INSTANCE
    takeAll(core, worker, replicas)
    heard(core, worker)
    return { accepted: record.admission === 'approved', status: record.admission, reason: record.reason }
  })
}

function hearHeartbeat(core: Core, beat: OlderHeartbeat, workerId: string) {
  core.traffic.message(core.clock.now().getTime())
  const worker = core.fleet.workers.get(workerId)
  // Unknown, terminated or newer: a late word changes nothing. Their join is what brings them in.
  if (!worker?.record.older_wire || beat.worker_id !== workerId) return
  core.traffic.heartbeat(core.clock.now().getTime())
  if (beat.storage)
    worker.storage = {
      total_bytes: Math.round(beat.storage.total_bytes),
      used_bytes: Math.round(beat.storage.used_bytes),
    }
  takeAll(core, worker, beat.replicas)
  heard(core, worker)
}

function heard(core: Core, worker: WorkerEntry) {
  const now = core.clock.now()
  worker.heardMs = core.clock.monotonicMs()
  worker.lastSeenAt = now.toISOString()
  core.apply({ ...setPresence(core.fleet, worker, 'online', now.getTime()) })
}

/** Their heartbeats are always complete: told on as a full one of ours. */
function takeAll(core: Core, worker: WorkerEntry, replicas: readonly OlderReplica[]) {
  const now = core.clock.now()
  const states = replicas.map((replica) => stateOf(worker, replica, now))
  const { changes } = applyHeartbeat(
    core.fleet,
    worker,
    {
      worker_id: worker.record.worker_id,
      instance: NO_INSTANCE,
      seq: 0,
      sent_at: now.toISOString(),
      observed_rev: worker.record.rev,
      full: true,
      part: { index: 0, of: 1 },
      replicas: states,
      removed: [],
      digest: { count: 0, revisions: 0 },
      storage: null,
      jobs: { running: states.filter((state) => state.status === 'syncing').length, queued: 0, limit: 0 },
    },
    now.getTime(),
  )
  core.apply(changes)
}

/** Their one word becomes ours; when it changed is known by our clock alone. */
function stateOf(worker: WorkerEntry, replica: OlderReplica, now: Date): ReplicaState {
  const before = worker.replicas.get(replica.replica_id)?.state
  const same =
    before?.status === replica.status &&
    before.upstream === replica.upstream &&
    before.name === replica.name &&
    before.interval_secs === (replica.interval_secs || null)
  if (before && same) return before
  const at = now.toISOString()
  const ended = replica.status === 'success' || replica.status === 'failed'
  const sync_id = `${worker.record.worker_id}.${replica.replica_id}.${now.getTime()}`.slice(0, 64)
  const outcome = replica.status === 'success' ? ('success' as const) : ('failed' as const)
  const changed = ended && before?.status !== replica.status
  return {
    replica_id: replica.replica_id,
    revision_no: (before?.revision_no ?? 0) + 1,
    name: replica.name.slice(0, 128),
    kind: replica.kind,
    upstream: replica.upstream.slice(0, 2048),
    interval_secs: replica.interval_secs || null,
    labels: replica.labels ?? {},
    options: {},
    origin: 'config',
    status: replica.status,
    activity: replica.status === 'syncing' ? 'syncing' : 'idle',
    queue: null,
    current: null,
    last_sync: changed
      ? {
          sync_id,
          outcome,
          reason: outcome === 'failed' ? 'unknown' : null,
          message: outcome === 'failed' ? 'the worker says it failed; it is too old to say why' : null,
          hint: null,
          started_at: at,
          ended_at: at,
          duration_ms: 0,
          bytes: null,
        }
      : (before?.last_sync ?? null),
    last_success_at: replica.status === 'success' ? at : (before?.last_success_at ?? null),
    next_due_at: null,
    failures:
      replica.status === 'failed'
        ? (before?.failures ?? 0) + 1
        : replica.status === 'success'
          ? 0
          : (before?.failures ?? 0),
    size_bytes: null,
    files: null,
    revision: null,
  }
}

function hearStatus(core: Core, workerId: string, replicaId: string, status: SeedStatus) {
  const worker = core.fleet.workers.get(workerId)
  const known = worker?.replicas.get(replicaId)?.state
  if (!worker?.record.older_wire || !known || known.kind === undefined) return
  const changes = noChanges()
  const kind = known.kind as OlderReplica['kind']
  const { name, upstream, interval_secs, labels } = known
  const now = core.clock.now()
  putReplica(
    { fleet: core.fleet, worker, changes, now: now.getTime() },
    stateOf(worker, { replica_id: replicaId, name, kind, upstream, status, interval_secs, labels }, now),
  )
  core.apply(changes)
}

/** Sends a command, when the worker is an older one. Its answer, or null when it gives none. */
export async function tellOlderWorker(core: Core, worker: WorkerEntry, command: OlderCommand) {
  if (!worker.record.older_wire) return null
  const sentAt = core.clock.monotonicMs()
  const reply = await core.bus.request('olderCommand', worker.record.worker_id, command, ANSWER_MS)
  if (reply) core.traffic.latency(core.clock.monotonicMs() - sentAt, core.clock.now().getTime())
  return reply
}

async function order(core: Core, worker: WorkerEntry, command: OlderCommand) {
  const reply = await tellOlderWorker(core, worker, command)
  if (reply && !reply.accepted)
    throw new Refusal('conflict', `worker ${worker.record.name} refused: ${reply.detail ?? 'no reason given'}`)
}

/** It gives the replica an id of its own and shows it in its next heartbeat. */
export async function addToOlderWorker(
  core: Core,
  worker: WorkerEntry,
  spec: ReplicaSpec,
  entry: NewAudit,
): Promise<void> {
  const { name, upstream, interval_secs, labels } = spec
  await order(core, worker, {
    type: 'add_replica',
    name,
    kind: spec.kind as 'git',
    upstream,
    interval_secs,
    auth: spec.auth?.type === 'sealed' ? null : (spec.auth ?? null),
    labels,
  })
  await core.store.addAudit(entry)
}

export async function removeFromOlderWorker(
  core: Core,
  worker: WorkerEntry,
  replicaId: string,
  entry: NewAudit,
): Promise<void> {
  await order(core, worker, { type: 'remove_replica', replica_id: replicaId })
  await core.store.addAudit(entry)
}

export async function syncOlderWorker(
  core: Core,
  worker: WorkerEntry,
  asked: { replicas: readonly { replica_id: string; name: string }[]; all: boolean; entry: NewAudit },
): Promise<SyncRequested[]> {
  const resources = asked.all ? [null] : [...new Set(asked.replicas.map((replica) => replica.name))]
  for (const resource of resources) await order(core, worker, { type: 'sync_resource', resource })
  await core.store.addAudit(asked.entry)
  return asked.replicas.map(({ replica_id, name }) => ({
    request_id: '',
    replica_id,
    name,
    worker_id: worker.record.worker_id,
  }))
}
