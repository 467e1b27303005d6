// older-workers.ts — Workers that speak the older wire: their messages are translated into ours, and commands to them
// into theirs. Only this file knows that wire.
import {
  Refusal,
  type JoinReply,
  type OlderCommand,
  type OlderHeartbeat,
  type OlderReplica,
  type OlderStatus,
  type ReplicaState,
} from '@kagami/protocol'
import type { WorkerEntry } from '../core/entries.ts'
import { noChanges } from '../core/changes.ts'
import { applyHeartbeat, putReplica, putWorker, setPresence } from '../core/fleet.ts'
import { withOlderJoin } from '../core/records.ts'
import type { OlderWorkers, Services } from '../services.ts'

/** How long a worker has to answer a command, ms. */
const ANSWER_MS = 3000
/** The instance of workers of the older wire, which name none. */
const NO_INSTANCE = 'older'

/** Starts receiving from workers of the older wire. Returns how to stop. */
export function receiveFromOlderWorkers(services: Services): () => void {
  const { bus } = services
  const subscriptions = [
    // A worker that also speaks our wire sets `wire`, and joins over our wire as well.
    bus.answer('olderJoin', null, (join) => (join.wire ? null : answerJoin(services, join.worker_id, join.replicas))),
    bus.subscribe('olderHeartbeat', null, (beat, { workerId }) => receiveHeartbeat(services, beat, workerId)),
    bus.subscribe('olderStatus', null, (status) => receiveStatus(services, status)),
  ]
  return () => subscriptions.forEach((unsubscribe) => unsubscribe())
}

async function answerJoin(services: Services, workerId: string, replicas: readonly OlderReplica[]): Promise<JoinReply> {
  const { traffic, clock, fleet, store, tombstones } = services
  traffic.countMessage(clock.now().getTime())
  return services.runInTurn(workerId, async () => {
    const known = fleet.workers.get(workerId)
    if (known && !known.record.older_wire)
      return {
        accepted: false,
        status: known.record.admission,
        reason: `worker id ${workerId} belongs to a newer worker`,
      }
    const facts = { autoApprove: services.config.auto_approve, now: clock.now() }
    const record = withOlderJoin(known?.record ?? null, workerId, facts)
    if (JSON.stringify(record) !== JSON.stringify(known?.record)) await store.saveWorker(record)
    const worker = putWorker(fleet, record, clock.now().getTime())
    tombstones.delete(`${workerId}/${NO_INSTANCE}`)
    worker.instance = NO_INSTANCE
    applyReplicas(services, worker, replicas)
    markOnline(services, worker)
    return { accepted: record.admission === 'approved', status: record.admission, reason: record.reason }
  })
}

function receiveHeartbeat(services: Services, beat: OlderHeartbeat, workerId: string) {
  const { traffic, clock, fleet } = services
  traffic.countMessage(clock.now().getTime())
  const worker = fleet.workers.get(workerId)
  // A heartbeat brings no worker in: one that is unknown, terminated or newer has to join.
  if (!worker?.record.older_wire || beat.worker_id !== workerId) return
  traffic.countHeartbeat(clock.now().getTime())
  if (beat.storage)
    worker.storage = {
      total_bytes: Math.round(beat.storage.total_bytes),
      used_bytes: Math.round(beat.storage.used_bytes),
    }
  applyReplicas(services, worker, beat.replicas)
  markOnline(services, worker)
}

function markOnline(services: Services, worker: WorkerEntry) {
  const now = services.clock.now()
  worker.lastSeenMs = services.clock.monotonicMs()
  worker.lastSeenAt = now.toISOString()
  services.recordChanges(setPresence(services.fleet, worker, 'online', now.getTime()))
}

/** Their messages always name every replica, so they are applied as a full heartbeat of ours. */
function applyReplicas(services: Services, worker: WorkerEntry, replicas: readonly OlderReplica[]) {
  const now = services.clock.now()
  const states = replicas.map((replica) => stateOf(worker, replica, now))
  const { changes } = applyHeartbeat(
    services.fleet,
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
  services.recordChanges(changes)
}

/** Their state of a replica as ours. Without a change it is the present one; the time of a change is ours. */
function stateOf(worker: WorkerEntry, replica: OlderReplica, now: Date): ReplicaState {
  const before = worker.replicas.get(replica.replica_id)?.state
  const same =
    before?.status === replica.status &&
    before.upstream === replica.upstream &&
    before.name === replica.name &&
    before.interval_secs === (replica.interval_secs || null)
  if (before && same) return before
  const { status } = replica
  const ended = (status === 'success' || status === 'failed') && before?.status !== status
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
    status,
    activity: status === 'syncing' ? 'syncing' : 'idle',
    queue: null,
    current: null,
    last_sync: ended ? endedSync(worker, replica, now) : (before?.last_sync ?? null),
    last_success_at: status === 'success' ? now.toISOString() : (before?.last_success_at ?? null),
    next_due_at: null,
    failures: failuresOf(status, before?.failures ?? 0),
    size_bytes: null,
    files: null,
    revision: null,
  }
}

/** What is known of a sync that ended: that it did, and how. */
function endedSync(worker: WorkerEntry, replica: OlderReplica, now: Date): ReplicaState['last_sync'] {
  const failed = replica.status === 'failed'
  return {
    sync_id: `${worker.record.worker_id}.${replica.replica_id}.${now.getTime()}`.slice(0, 64),
    outcome: failed ? 'failed' : 'success',
    reason: failed ? 'unknown' : null,
    message: failed ? 'the sync failed; a worker of this version does not say why' : null,
    hint: null,
    started_at: now.toISOString(),
    ended_at: now.toISOString(),
    duration_ms: 0,
    bytes: null,
  }
}

function failuresOf(status: OlderReplica['status'], before: number): number {
  if (status === 'failed') return before + 1
  return status === 'success' ? 0 : before
}

function receiveStatus(services: Services, { worker_id, replica_id, status }: OlderStatus) {
  const { fleet, clock } = services
  const worker = fleet.workers.get(worker_id)
  const known = worker?.replicas.get(replica_id)?.state
  if (!worker?.record.older_wire || !known || known.kind === undefined) return
  const { name, upstream, interval_secs, labels } = known
  const kind = known.kind as OlderReplica['kind']
  const now = clock.now()
  const changes = noChanges()
  const state = stateOf(worker, { replica_id, name, kind, upstream, status, interval_secs, labels }, now)
  putReplica({ fleet, worker, changes, now: now.getTime() }, state)
  services.recordChanges(changes)
}

/** Sends commands to workers of the older wire. */
export function createOlderWorkers(services: Pick<Services, 'bus' | 'clock' | 'traffic'>): OlderWorkers {
  /** The reply, or null when none comes. */
  const send = async (worker: WorkerEntry, command: OlderCommand) => {
    const { bus, clock, traffic } = services
    const sentAt = clock.monotonicMs()
    const reply = await bus.request('olderCommand', worker.record.worker_id, command, ANSWER_MS)
    if (reply) traffic.recordLatency(clock.monotonicMs() - sentAt, clock.now().getTime())
    return reply
  }
  const sendOrRefuse = async (worker: WorkerEntry, command: OlderCommand) => {
    const reply = await send(worker, command)
    if (reply && !reply.accepted)
      throw new Refusal('conflict', `worker ${worker.record.name} refused: ${reply.detail ?? 'no reason given'}`)
  }
  return {
    // The worker makes an id for the replica itself, and shows it in its next heartbeat.
    addReplica: (worker, { name, kind, upstream, interval_secs, labels, auth }) =>
      sendOrRefuse(worker, {
        type: 'add_replica',
        name,
        kind: kind as OlderReplica['kind'],
        upstream,
        interval_secs,
        auth: auth?.type === 'sealed' ? null : (auth ?? null),
        labels,
      }),
    removeReplica: (worker, replica_id) => sendOrRefuse(worker, { type: 'remove_replica', replica_id }),
    syncResource: (worker, resource) => sendOrRefuse(worker, { type: 'sync_resource', resource }),
    reject: async (worker, reason) => void (await send(worker, { type: 'reject', reason })),
    terminate: async (worker) => void (await send(worker, { type: 'terminate' })),
  }
}
