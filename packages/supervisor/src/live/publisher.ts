// publisher.ts — Collects changes of the fleet for a moment, then publishes each worker and replica once, in its newest
// state.
import type { Progress, SyncReport } from '@kagami/protocol'
import { every, type Clock } from '@kagami/runtime'
import type { Fleet, ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import type { Changes } from '../core/changes.ts'
import { finishedSyncOf, replicaOf, workerOf } from '../core/views.ts'
import type { Feed } from './feed.ts'

/** How long changes are collected, ms: a browser repaints a few times a second at most. */
const COLLECT_MS = 200
/** When more has changed in that time, as when a fleet comes back, it is cheaper for all to fetch everything again. */
const CHANGED_MAX = 2000

/** Publishes what happens in the fleet. */
export interface Publisher {
  publishChanges(changes: Changes): void
  workerGone(workerId: string): void
  progress(entry: ReplicaEntry, syncId: string, progress: Progress): void
  syncFinished(fleet: Fleet, report: SyncReport): void
  stop(): void
}

/** Starts publishing to a feed. */
export function createPublisher(feed: Feed, clock: Clock): Publisher {
  const replicas = new Map<string, ReplicaEntry>()
  const workers = new Set<WorkerEntry>()
  function publishEach() {
    for (const worker of workers) feed.publish({ type: 'worker', worker: workerOf(worker) })
    for (const entry of replicas.values()) if (!entry.gone) feed.publish({ type: 'replica', replica: replicaOf(entry) })
  }
  function publishCollected() {
    if (workers.size + replicas.size > CHANGED_MAX) feed.publish({ type: 'reset' })
    else publishEach()
    workers.clear()
    replicas.clear()
  }
  const stop = every(clock, COLLECT_MS, publishCollected)
  return {
    publishChanges(changes) {
      for (const worker of changes.workers) workers.add(worker)
      for (const [replicaId, entry] of changes.replicas) {
        if (entry.gone) continue
        replicas.set(replicaId, entry)
        workers.add(entry.worker)
      }
      for (const { replicaId, worker, name } of changes.removed) {
        replicas.delete(replicaId)
        workers.add(worker)
        feed.publish({ type: 'replica_gone', replica_id: replicaId, worker_id: worker.record.worker_id, name })
      }
    },
    workerGone(workerId) {
      for (const worker of workers) if (worker.record.worker_id === workerId) workers.delete(worker)
      feed.publish({ type: 'worker_gone', worker_id: workerId })
    },
    progress: (entry, syncId, progress) =>
      feed.publish({ type: 'progress', replica_id: entry.replicaId, sync_id: syncId, progress }),
    syncFinished: (fleet, report) => feed.publish({ type: 'sync', sync: finishedSyncOf(fleet, report) }),
    stop,
  }
}
