// summary.ts — The fleet in one page of numbers, each counted or measured, and the totals of the seed's telemetry.
import type { SeedOverview, Summary, Telemetry } from '@kagami/protocol'
import { causesOf } from '../core/views.ts'
import type { Fleet } from '../core/entries.ts'
import type { Core } from '../supervisor.ts'
import { version } from '../version.ts'

const CAUSES_MAX = 12
const GB = 1e9

/** The seed's overview. */
export function seedOverviewOf(fleet: Fleet): SeedOverview {
  return {
    workers_total: fleet.workers.size,
    workers_approved: fleet.admissions.get('approved'),
    workers_pending: fleet.admissions.get('pending'),
    workers_rejected: fleet.admissions.get('rejected'),
    resources_total: fleet.resources.size,
  }
}

/** The seed's telemetry. */
export function telemetryOf(core: Core): Telemetry {
  const seen = core.traffic.view(core.clock.now().getTime())
  const totals = totalsOf(core.fleet)
  return {
    traffic: seen.traffic,
    sync: { success: core.fleet.statuses.get('success'), failure: core.fleet.statuses.get('failed') },
    disk: {
      total_gb: Math.round((totals.storage.total_bytes / GB) * 100) / 100,
      used_gb: Math.round((totals.storage.used_bytes / GB) * 100) / 100,
    },
    message_rate: seen.messageRate,
    latency_ms: seen.latency,
    concurrent_jobs: totals.jobs.running,
    last_sample_at: seen.lastSampleMs === null ? null : Math.floor(seen.lastSampleMs / 1000),
  }
}

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

/** Makes summaries, and tells the feed one when it differs from the last. */
export function createSummary(core: Core): { make(): Promise<Summary>; tell(): Promise<void> } {
  let told = ''
  let lastFailure: Summary['last_failure'] | undefined
  async function make(): Promise<Summary> {
    const { fleet, bus } = core
    if (fleet.statuses.get('failed') > 0 || lastFailure === undefined) lastFailure = await readLastFailure(core)
    return {
      at: core.clock.now().toISOString(),
      version,
      started_at: core.startedAt.toISOString(),
      workers: {
        total: fleet.workers.size,
        approved: fleet.admissions.get('approved'),
        pending: fleet.admissions.get('pending'),
        rejected: fleet.admissions.get('rejected'),
        online: fleet.presences.get('online'),
        late: fleet.presences.get('late'),
        lost: fleet.presences.get('lost'),
      },
      replicas_total: fleet.replicas.size,
      resources_total: fleet.resources.size,
      health_counts: fleet.healths.toRecord(),
      ...totalsOf(fleet),
      causes: causesOf(fleet, CAUSES_MAX),
      nats: { connected: bus.connected, server_version: bus.connection.info?.version ?? null },
      last_failure: lastFailure ?? null,
    }
  }
  return {
    make,
    async tell() {
      if (core.feed.watchers === 0) return
      const summary = await make()
      const { at: _at, ...rest } = summary
      const text = JSON.stringify(rest)
      if (text === told) return
      told = text
      core.feed.publish({ type: 'summary', summary })
    },
  }
}

async function readLastFailure(core: Core): Promise<Summary['last_failure']> {
  const report = await core.store.lastFailure().catch(() => null)
  return report
    ? {
        at: report.ended_at,
        name: report.name,
        worker_name: core.fleet.workers.get(report.worker_id)?.record.name ?? report.worker_id,
      }
    : null
}
