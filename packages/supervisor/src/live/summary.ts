// summary.ts — The whole fleet on one page: counts, causes and totals, each counted or measured.
import type { Summary } from '@kagami/protocol'
import { diskTotalsOf } from '../core/storage/disks.ts'
import { totalsOf } from '../core/totals.ts'
import { causesOf } from '../core/views.ts'
import type { Services } from '../services.ts'
import { version } from '../version.ts'

const CAUSES_MAX = 12
/** How long the totals of disks hold in a fleet of more than a few workers, ms. */
const DISKS_HOLD_MS = 10_000
const FEW_WORKERS = 500

/** Makes summaries of the fleet. */
export interface Summaries {
  make(): Promise<Summary>
  /** Publishes a summary to the feed, unless it equals the last one or nobody is subscribed. */
  publish(): Promise<void>
}

/** The summaries of one supervisor. */
export function createSummaries(services: Services): Summaries {
  let published = ''
  const disks = createDiskTotals(services)
  let lastFailure: Summary['last_failure'] | undefined
  async function make(): Promise<Summary> {
    const { fleet, bus } = services
    if (fleet.statuses.get('failed') > 0 || lastFailure === undefined) lastFailure = await readLastFailure(services)
    return {
      at: services.clock.now().toISOString(),
      version,
      started_at: services.startedAt.toISOString(),
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
      disks: disks(),
      causes: causesOf(fleet, CAUSES_MAX),
      nats: { connected: bus.connected, server_version: bus.connection.info?.version ?? null },
      last_failure: lastFailure ?? null,
    }
  }
  return {
    make,
    async publish() {
      if (services.feed.subscribers === 0) return
      const summary = await make()
      const { at: _at, ...rest } = summary
      const text = JSON.stringify(rest)
      if (text === published) return
      published = text
      services.feed.publish('summary', { type: 'summary', summary })
    },
  }
}

/** The totals of disks, counted at most so often: they fill slowly, and a fleet has thousands. */
function createDiskTotals({ fleet, clock }: Pick<Services, 'fleet' | 'clock'>): () => Summary['disks'] {
  let counted: { atMs: number; workers: number; totals: Summary['disks'] } | null = null
  return () => {
    const [atMs, workers] = [clock.monotonicMs(), fleet.workers.size]
    const holdsMs = workers > FEW_WORKERS ? DISKS_HOLD_MS : 0
    if (counted?.workers !== workers || atMs - counted.atMs >= holdsMs)
      counted = { atMs, workers, totals: diskTotalsOf(fleet) }
    return counted.totals
  }
}

async function readLastFailure({ store, fleet }: Services): Promise<Summary['last_failure']> {
  const report = await store.lastFailure().catch(() => null)
  if (!report) return null
  const worker_name = fleet.workers.get(report.worker_id)?.record.name ?? report.worker_id
  return { at: report.ended_at, name: report.name, worker_name }
}
