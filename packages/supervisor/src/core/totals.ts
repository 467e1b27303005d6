// totals.ts — Jobs and storage of the whole fleet. Pure.
import { roomOf, type Summary } from '@kagami/protocol'
import type { Fleet } from './entries.ts'
import { lastMeasured, workersByDisk } from './storage/disks.ts'

/** Sums over approved workers; a filesystem two workers share counts once. */
export function totalsOf(fleet: Fleet): Pick<Summary, 'jobs' | 'storage'> {
  const jobs = { running: 0, queued: 0, limit: 0 }
  const storage = { total_bytes: 0, used_bytes: 0, available_bytes: 0 }
  for (const workers of workersByDisk(fleet)) {
    const { storage: disk } = lastMeasured(workers)
    storage.total_bytes += disk.total_bytes
    storage.used_bytes += disk.used_bytes
    storage.available_bytes += roomOf(disk)
  }
  for (const worker of fleet.workers.values()) {
    if (worker.record.admission !== 'approved') continue
    if (!worker.jobs || worker.presence === 'lost') continue
    jobs.running += worker.jobs.running
    jobs.queued += worker.jobs.queued
    jobs.limit += worker.jobs.limit
  }
  return { jobs, storage }
}
