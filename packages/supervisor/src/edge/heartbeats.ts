// heartbeats.ts — Receives what workers publish about themselves: heartbeats, progress, goodbyes. Who sent a message
// comes from its subject.
import type { Goodbye, Heartbeat, ProgressEvent } from '@kagami/protocol'
import { documentOf } from '../core/document.ts'
import type { WorkerEntry } from '../core/entries.ts'
import { applyHeartbeat, putWorker, setPresence } from '../core/fleet.ts'
import { withoutObserved } from '../core/records.ts'
import type { Services } from '../services.ts'
import type { Refreshing } from './refreshing.ts'

/** Starts receiving. Returns how to stop. */
export function receiveHeartbeats(services: Services, refreshing: Refreshing): () => void {
  const { bus } = services
  const subscriptions = [
    bus.subscribe('heartbeat', null, (beat, { workerId }) => receiveHeartbeat(services, refreshing, beat, workerId)),
    bus.subscribe('progress', null, (event, { workerId }) => receiveProgress(services, event, workerId)),
    bus.subscribe('goodbye', null, (goodbye, { workerId }) => receiveGoodbye(services, goodbye, workerId)),
  ]
  return () => subscriptions.forEach((unsubscribe) => unsubscribe())
}

/** Applies a heartbeat to the fleet. Costs as much as the heartbeat changes. */
export function receiveHeartbeat(services: Services, refreshing: Refreshing, beat: Heartbeat, workerId: string): void {
  const { clock, traffic, tombstones, fleet } = services
  const now = clock.now()
  traffic.countMessage(now.getTime())
  if (beat.worker_id !== workerId || tombstones.has(`${workerId}/${beat.instance}`)) return
  const worker = fleet.workers.get(workerId)
  if (!worker) return refreshing.want(workerId, 'join')
  // Not the process we know: one that has restarted and not joined yet, or a second one, which its join will show.
  if (worker.instance !== beat.instance) {
    if (worker.conflict === null) refreshing.want(workerId, 'join')
    return
  }
  traffic.countHeartbeat(now.getTime())
  worker.lastSeenMs = clock.monotonicMs()
  worker.lastSeenAt = now.toISOString()
  if (worker.presence !== 'online') services.recordChanges(setPresence(fleet, worker, 'online', now.getTime()))
  // What it says of its replicas is about an empty folder: what was known before stays until somebody decided.
  if (worker.record.missing_disk) return
  const { changes, mismatch } = applyHeartbeat(fleet, worker, beat, now.getTime())
  recordLatency(services, workerId, beat.observed_rev)
  if (beat.storage) recordDisk(services, worker)
  if (changes.replicas.size + changes.removed.length + changes.workers.size > 0) services.recordChanges(changes)
  if (beat.full && beat.part.index === beat.part.of - 1) refreshing.arrived(workerId)
  if (mismatch) refreshing.want(workerId, 'states')
  if (withoutObserved(worker) !== worker.record) void dropObserved(services, workerId)
}

/** A database that cannot be written keeps them until the next heartbeat. */
function dropObserved(services: Services, workerId: string): Promise<void> {
  return services.runInTurn(workerId, async () => {
    const worker = services.fleet.workers.get(workerId)
    const record = worker && withoutObserved(worker)
    if (!record || record === worker.record) return
    await services.store.saveWorker(record).then(
      () => {
        putWorker(services.fleet, record, services.clock.now().getTime())
        services.documents.write(documentOf(record, services.term))
      },
      () => {},
    )
  })
}

/** Has what a worker has just measured of its disk kept. */
export function recordDisk({ sampleWriter }: Services, { record, storage }: WorkerEntry): void {
  if (storage && record.admission === 'approved') sampleWriter.record(record.worker_id, storage)
}

/** When the worker has applied the document that was sent last: that took one round trip. */
function recordLatency({ unacknowledged, clock, traffic }: Services, workerId: string, rev: number) {
  const sent = unacknowledged.get(workerId)
  if (!sent || rev < sent.rev) return
  unacknowledged.delete(workerId)
  traffic.recordLatency(clock.monotonicMs() - sent.at, clock.now().getTime())
}

function receiveProgress(services: Services, event: ProgressEvent, workerId: string) {
  const { clock, traffic, fleet } = services
  traffic.countMessage(clock.now().getTime())
  const entry = fleet.workers.get(workerId)?.replicas.get(event.replica_id)
  if (event.worker_id !== workerId || !entry) return
  // Late progress of an earlier sync must not be shown for the present one.
  const { current, last_sync } = entry.state
  if (event.sync_id < (current?.sync_id ?? last_sync?.sync_id ?? '')) return
  const shown = { progress: event.progress, syncId: event.sync_id, at: clock.now().getTime() }
  fleet.replicas.showProgress(entry.row, shown)
  services.publisher.progress(entry, event.sync_id, event.progress)
}

function receiveGoodbye(services: Services, { worker_id, instance }: Goodbye, workerId: string) {
  const { fleet, stateWriter, clock } = services
  const worker = fleet.workers.get(workerId)
  if (worker_id !== workerId || !worker || worker.instance !== instance) return
  worker.lastSeenMs = -Infinity
  if (worker.lastSeenAt) stateWriter.recordLastSeen(workerId, worker.lastSeenAt)
  services.recordChanges(setPresence(fleet, worker, 'lost', clock.now().getTime()))
}
