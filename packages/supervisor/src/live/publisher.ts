// publisher.ts — Gathers what changed for a moment, then tells the feed each thing once in its newest state.
import type { Progress, SyncReport } from '@kagami/protocol'
import { every, type Clock } from '@kagami/runtime'
import type { Changes, Fleet, ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import { finishedSyncOf, replicaOf, workerOf } from '../core/views.ts'
import type { Feed } from './feed.ts'

/** Milliseconds changes are gathered: a watcher paints a few times a second at most. */
const GATHER_MS = 200

export interface Teller {
  note(changes: Changes): void
  workerGone(workerId: string): void
  progress(entry: ReplicaEntry, syncId: string, progress: Progress): void
  synced(fleet: Fleet, report: SyncReport): void
  stop(): void
}

/** Starts telling. */
export function createTeller(feed: Feed, clock: Clock): Teller {
  const replicas = new Set<ReplicaEntry>()
  const workers = new Set<WorkerEntry>()
  function tell() {
    for (const worker of workers) feed.publish({ type: 'worker', worker: workerOf(worker) })
    for (const entry of replicas) feed.publish({ type: 'replica', replica: replicaOf(entry) })
    workers.clear()
    replicas.clear()
  }
  const stop = every(clock, GATHER_MS, tell)
  return {
    note(changes) {
      for (const worker of changes.workers) workers.add(worker)
      for (const entry of changes.replicas) {
        replicas.add(entry)
        workers.add(entry.worker)
      }
      for (const entry of changes.removed) {
        replicas.delete(entry)
        workers.add(entry.worker)
        feed.publish({
          type: 'replica_gone',
          replica_id: entry.state.replica_id,
          worker_id: entry.worker.record.worker_id,
          name: entry.state.name,
        })
      }
    },
    workerGone(workerId) {
      for (const worker of workers) if (worker.record.worker_id === workerId) workers.delete(worker)
      feed.publish({ type: 'worker_gone', worker_id: workerId })
    },
    progress: (entry, syncId, progress) =>
      feed.publish({ type: 'progress', replica_id: entry.state.replica_id, sync_id: syncId, progress }),
    synced: (fleet, report) => feed.publish({ type: 'sync', sync: finishedSyncOf(fleet, report) }),
    stop,
  }
}
