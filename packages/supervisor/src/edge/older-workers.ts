// older-workers.ts — Workers that speak the older wire: their messages are translated into ours, and commands to them
// into theirs. Only this file knows that wire.
import {
  Refusal,
  type JoinReply,
  type OlderCommand,
  type OlderHeartbeat,
  type OlderReplica,
  type OlderStatus,
} from '@kagami/protocol'
import type { Fleet, WorkerEntry } from '../core/entries.ts'
import { noChanges } from '../core/changes.ts'
import { applyHeartbeat, putReplica, putStorage, putWorker, setPresence } from '../core/fleet.ts'
import { olderState, OLDER_INSTANCE } from '../core/older-replicas.ts'
import { withOlderJoin } from '../core/records.ts'
import type { OlderWorkers, Services } from '../services.ts'
import { recordDisk } from './heartbeats.ts'

/** How long a worker has to answer a command, ms. */
const ANSWER_MS = 3000
/** An open NATS lets anyone send heartbeats: they bring in nobody new while this many workers wait for a decision, … */
const PENDING_MAX = 1000
/** … or the fleet has this many workers, … */
const WORKERS_MAX = 10_000
/** … or this many replicas. */
const REPLICAS_MAX = 200_000

/** Starts receiving from workers of the older wire. Returns how to stop. */
export function receiveFromOlderWorkers(services: Services): () => void {
  const { bus } = services
  const meet = createMeeting(services)
  const subscriptions = [
    // A worker that also speaks our wire sets `wire`, and joins over our wire as well.
    bus.answer('olderJoin', null, (join) => (join.wire ? null : answerJoin(services, join.worker_id, join.replicas))),
    bus.subscribe('olderHeartbeat', null, (beat, { workerId }) => receiveHeartbeat(services, beat, { workerId, meet })),
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
    tombstones.delete(`${workerId}/${OLDER_INSTANCE}`)
    worker.instance = OLDER_INSTANCE
    applyReplicas(services, worker, replicas)
    markOnline(services, worker)
    return { accepted: record.admission === 'approved', status: record.admission, reason: record.reason }
  })
}

function receiveHeartbeat(
  services: Services,
  beat: OlderHeartbeat,
  { workerId, meet }: { workerId: string; meet: (beat: OlderHeartbeat) => void },
) {
  const { traffic, clock, fleet } = services
  traffic.countMessage(clock.now().getTime())
  if (beat.worker_id !== workerId) return
  const worker = fleet.workers.get(workerId)
  if (!worker) return meet(beat)
  if (worker.record.older_wire) applyBeat(services, worker, beat)
}

function applyBeat(services: Services, worker: WorkerEntry, beat: OlderHeartbeat) {
  services.traffic.countHeartbeat(services.clock.now().getTime())
  worker.instance = OLDER_INSTANCE
  if (beat.storage) {
    const [total_bytes, used_bytes] = [Math.round(beat.storage.total_bytes), Math.round(beat.storage.used_bytes)]
    putStorage(worker, { total_bytes, used_bytes }, services.clock.now().getTime())
    recordDisk(services, worker)
  }
  applyReplicas(services, worker, beat.replicas)
  markOnline(services, worker)
}

/**
 * Records workers that nobody knows by their heartbeats: one that is running joins only until it is approved, so a
 * supervisor with another database would never hear of it. One that was terminated has to join.
 */
function createMeeting(services: Services): (beat: OlderHeartbeat) => void {
  const { fleet, tombstones, store, clock, config, logger } = services
  const meeting = new Set<string>()
  let full = false
  const record = async (beat: OlderHeartbeat) => {
    if (fleet.workers.has(beat.worker_id)) return
    const next = withOlderJoin(null, beat.worker_id, { autoApprove: config.auto_approve, now: clock.now() })
    await store.saveWorker(next)
    const { worker_id, admission } = next
    logger.info({ worker_id, admission }, 'a running worker of an earlier version sent a heartbeat for the first time')
    applyBeat(services, putWorker(fleet, next, clock.now().getTime()), beat)
  }
  return (beat) => {
    const id = beat.worker_id
    if (meeting.has(id) || tombstones.has(`${id}/${OLDER_INSTANCE}`)) return
    if (!hasRoom(fleet, { workers: meeting.size, replicas: beat.replicas.length })) {
      if (!full)
        logger.warn(
          { worker_id: id, pending: fleet.admissions.get('pending'), workers: fleet.workers.size },
          'too many workers are waiting for a decision, or in the fleet: heartbeats bring in no more. Those that are ' +
            'known go on. Approve or terminate the pending ones; if they are not yours, lock NATS: kagami nats init',
        )
      full = true
      return
    }
    full = false
    meeting.add(id)
    // When the database cannot be written, the next heartbeat tries again.
    void services
      .runInTurn(id, () => record(beat))
      .catch((error: unknown) =>
        logger.warn({ worker_id: id, reason: (error as Error).message }, 'a worker could not be recorded'),
      )
      .finally(() => meeting.delete(id))
  }
}

function hasRoom(fleet: Fleet, arriving: { workers: number; replicas: number }): boolean {
  return (
    fleet.admissions.get('pending') + arriving.workers < PENDING_MAX &&
    fleet.workers.size + arriving.workers < WORKERS_MAX &&
    fleet.replicas.size + arriving.replicas <= REPLICAS_MAX
  )
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
  const states = replicas.map((replica) => olderStateOf(worker, replica, now))
  const { changes } = applyHeartbeat(
    services.fleet,
    worker,
    {
      worker_id: worker.record.worker_id,
      instance: OLDER_INSTANCE,
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

function olderStateOf({ record, replicas }: WorkerEntry, replica: OlderReplica, now: Date) {
  return olderState(
    { workerId: record.worker_id, before: replicas.get(replica.replica_id)?.state ?? null, now },
    replica,
  )
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
  const state = olderStateOf(worker, { replica_id, name, kind, upstream, status, interval_secs, labels }, now)
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
