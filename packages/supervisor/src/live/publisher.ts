// publisher.ts — Collects changes of the fleet for a moment, then publishes each worker and replica once. What is
// published is read when somebody is sent it: with nobody watching, a change costs next to nothing.
import type { Progress, SyncReport } from '@kagami/protocol'
import { every, type Clock } from '@kagami/runtime'
import type { Fleet, ReplicaEntry } from '../core/entries.ts'
import type { Changes } from '../core/changes.ts'
import { finishedSyncOf, replicaOf, workerOf } from '../core/views.ts'
import type { Feed, Happening } from './feed.ts'

/** How long changes of replicas are collected, ms: a browser repaints a few times a second at most. */
const COLLECT_MS = 200
/** How often a worker is published, ms: it changes with each of its replicas, and what is looked at are its counts. */
const WORKERS_MS = 1000
/** When more has changed in that time, as when a fleet comes back, it is cheaper for all to fetch everything again. */
const CHANGED_MAX = 2000

/** Publishes what happens in the fleet. */
export interface Publisher {
  publishChanges(changes: Changes): void
  workerGone(workerId: string): void
  progress(entry: ReplicaEntry, syncId: string, progress: Progress): void
  syncFinished(report: SyncReport): void
  stop(): void
}

/** Starts publishing to a feed. */
export function createPublisher({ fleet, feed, clock }: { fleet: Fleet; feed: Feed; clock: Clock }): Publisher {
  const replicas = new Set<string>()
  const workers = new Set<string>()
  const collected = <T>(ids: Set<T>, happening: (id: T) => Happening) => {
    if (ids.size > CHANGED_MAX) feed.publish('reset', { type: 'reset' })
    else for (const id of ids) feed.publishLazily(happening(id))
    ids.clear()
  }
  const stops = [
    every(clock, COLLECT_MS, () => collected(replicas, (id) => replicaHappening(fleet, id))),
    every(clock, WORKERS_MS, () => collected(workers, (id) => workerHappening(fleet, id))),
  ]
  return {
    publishChanges(changes) {
      for (const worker of changes.workers) workers.add(worker.record.worker_id)
      for (const [replicaId, entry] of changes.replicas) {
        if (entry.gone) continue
        replicas.add(replicaId)
        workers.add(entry.worker.record.worker_id)
      }
      for (const { replicaId, worker, name } of changes.removed) {
        const { worker_id } = worker.record
        replicas.delete(replicaId)
        workers.add(worker_id)
        feed.publish(`replica:${replicaId}`, { type: 'replica_gone', replica_id: replicaId, worker_id, name })
      }
    },
    workerGone(workerId) {
      workers.delete(workerId)
      feed.publish(`worker:${workerId}`, { type: 'worker_gone', worker_id: workerId })
    },
    progress(entry, syncId, progress) {
      feed.publish(`sync:${syncId}`, { type: 'progress', ...idsOf(entry), sync_id: syncId, progress })
    },
    syncFinished(report) {
      feed.publish(`sync:${report.sync_id}`, { type: 'sync', sync: finishedSyncOf(fleet, report) })
    },
    stop: () => stops.forEach((stop) => stop()),
  }
}

const idsOf = ({ replicaId, worker, name }: ReplicaEntry) => ({
  replica_id: replicaId,
  worker_id: worker.record.worker_id,
  name,
})

function replicaHappening({ replicas }: Fleet, id: string): Happening {
  return {
    key: `replica:${id}`,
    subject() {
      const entry = replicas.get(id)
      return entry ? { kind: 'replica', ...idsOf(entry) } : null
    },
    event() {
      const entry = replicas.get(id)
      return entry ? { type: 'replica', replica: replicaOf(entry) } : null
    },
  }
}

function workerHappening({ workers }: Fleet, id: string): Happening {
  return {
    key: `worker:${id}`,
    subject: () => ({ kind: 'worker', worker_id: id }),
    event() {
      const worker = workers.get(id)
      return worker ? { type: 'worker', worker: workerOf(worker) } : null
    },
  }
}
