// totals.ts — Jobs and storage of the whole fleet. Pure.
import { roomOf, type Jobs, type Summary } from '@kagami/protocol'
import type { Fleet, WorkerEntry } from './entries.ts'
import { lastMeasured, workersByDisk } from './storage/disks.ts'

/** Sums over approved workers; a filesystem two workers share counts once. */
export function totalsOf(fleet: Fleet): Pick<Summary, 'jobs' | 'storage'> & Required<Pick<Summary, 'queues'>> {
  const queues: Required<Summary>['queues'] = { workers: 0, longest: [] }
  const jobs = { running: 0, queued: 0, limit: 0, unknown: 0 }
  const storage = { total_bytes: 0, used_bytes: 0, available_bytes: 0 }
  for (const workers of workersByDisk(fleet)) {
    const { storage: disk } = lastMeasured(workers)
    storage.total_bytes += disk.total_bytes
    storage.used_bytes += disk.used_bytes
    storage.available_bytes += roomOf(disk)
  }
  for (const worker of fleet.workers.values()) {
    if (worker.record.admission !== 'approved') continue
    if (worker.presence === 'lost') jobs.unknown += lastRunning(worker)
    if (!worker.jobs || worker.presence === 'lost') continue
    jobs.running += worker.jobs.running
    jobs.queued += worker.jobs.queued
    jobs.limit += worker.jobs.limit
    if (worker.jobs.queued > 0) addQueue(queues, worker, worker.jobs)
  }
  return { jobs, queues, storage }
}

/** How many syncs ran on a worker when it was last heard; before its first heartbeat, as the store has it. */
function lastRunning({ jobs, replicas }: WorkerEntry): number {
  return jobs?.running ?? [...replicas].filter(({ running }) => running).length
}

/** How many workers with a queue are named. */
const QUEUES_MAX = 5

function addQueue(queues: Required<Summary>['queues'], { record: { worker_id, name } }: WorkerEntry, jobs: Jobs): void {
  queues.workers++
  const place = queues.longest.findIndex(({ queued }) => queued < jobs.queued)
  queues.longest.splice(place < 0 ? queues.longest.length : place, 0, { worker_id, name, ...jobs })
  if (queues.longest.length > QUEUES_MAX) queues.longest.pop()
}
