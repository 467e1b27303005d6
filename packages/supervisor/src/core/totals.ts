// totals.ts — Jobs and storage of the whole fleet. Pure.
import type { Summary } from '@kagami/protocol'
import type { Fleet } from './entries.ts'

/** Sums over approved workers; a filesystem two workers share counts once. */
export function totalsOf(fleet: Fleet): Pick<Summary, 'jobs' | 'storage'> {
  const jobs = { running: 0, queued: 0, limit: 0 }
  const storage = { total_bytes: 0, used_bytes: 0 }
  const devices = new Set<string>()
  for (const worker of fleet.workers.values()) {
    if (worker.record.admission !== 'approved') continue
    const device = worker.storage?.device ?? worker.record.worker_id
    if (worker.storage && !devices.has(device)) {
      devices.add(device)
      storage.total_bytes += worker.storage.total_bytes
      storage.used_bytes += worker.storage.used_bytes
    }
    if (!worker.jobs || worker.presence === 'lost') continue
    jobs.running += worker.jobs.running
    jobs.queued += worker.jobs.queued
    jobs.limit += worker.jobs.limit
  }
  return { jobs, storage }
}
