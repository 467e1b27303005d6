// metrics.ts — The worker's Prometheus metrics. Everything here is measured; nothing is estimated.
import { statfs } from 'node:fs/promises'
import type { SyncReport } from '@kagami/protocol'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { WorkerState } from './core/worker.ts'
import { mayWork } from './core/membership.ts'
import { v0Status } from './core/describe.ts'

export interface WorkerMetrics {
  readonly registry: Registry
  synced(report: SyncReport): void
  heartbeatSent(at: Date): void
}

/** Registers the metrics of one worker. Gauges are read from `view` when they are scraped. */
export function createWorkerMetrics(view: {
  state(): WorkerState
  connected(): boolean
  spooled(): number
  unwritten(): number
  dataDir: string
  now(): Date
}): WorkerMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const syncs = new Counter({
    name: 'kagami_syncs_total',
    help: 'Finished syncs',
    labelNames: ['kind', 'outcome', 'reason'],
    registers,
  })
  const bytes = new Counter({
    name: 'kagami_sync_bytes_total',
    help: 'Bytes received from upstreams, where the tool says',
    labelNames: ['kind'],
    registers,
  })
  const durations = new Histogram({
    name: 'kagami_sync_duration_seconds',
    help: 'Duration of finished syncs',
    labelNames: ['kind', 'outcome'],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 28_800, 86_400],
    registers,
  })
  let lastHeartbeat: Date | null = null
  gaugesOf(view, registers)
  new Gauge({
    name: 'kagami_heartbeat_age_seconds',
    help: 'Seconds since the last heartbeat was sent; -1 before the first',
    registers,
    collect() {
      this.set(lastHeartbeat ? (view.now().getTime() - lastHeartbeat.getTime()) / 1000 : -1)
    },
  })
  return {
    registry,
    synced(report) {
      syncs.inc({ kind: report.kind, outcome: report.outcome, reason: report.reason ?? '' })
      if (report.bytes) bytes.inc({ kind: report.kind }, report.bytes)
      durations.observe({ kind: report.kind, outcome: report.outcome }, report.duration_ms / 1000)
    },
    heartbeatSent(at) {
      lastHeartbeat = at
    },
  }
}

function gaugesOf(view: Parameters<typeof createWorkerMetrics>[0], registers: Registry[]) {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  new Gauge({
    name: 'kagami_replicas',
    help: 'Replicas by status',
    labelNames: ['status'],
    registers,
    collect() {
      this.reset()
      for (const status of ['init', 'syncing', 'success', 'failed']) this.set({ status }, 0)
      for (const replica of view.state().replicas.values()) this.inc({ status: v0Status(replica) })
    },
  })
  const count = (life: string) =>
    [...view.state().replicas.values()].filter((replica) => replica.life.state === life).length
  gauge('kagami_syncs_running', 'Syncs running now', () => count('syncing'))
  gauge('kagami_queue_length', 'Replicas waiting for a slot', () => count('queued'))
  gauge('kagami_slots', 'Syncs that may run at once', () => view.state().limits.perWorker)
  gauge('kagami_approved', '1 when the supervisor approved this worker', () => Number(mayWork(view.state().membership)))
  gauge('kagami_nats_connected', '1 while NATS is reached', () => Number(view.connected()))
  gauge('kagami_reports_waiting', 'Reports the stream has not yet acknowledged', () => view.spooled())
  gauge('kagami_state_waiting', 'Writes of the worker’s own state that its disk refuses; 0 while all is well', () =>
    view.unwritten(),
  )
  new Gauge({
    name: 'kagami_disk_bytes',
    help: 'Filesystem of data_dir',
    labelNames: ['state'],
    registers,
    async collect() {
      const disk = await statfs(view.dataDir)
      this.set({ state: 'total' }, disk.blocks * disk.bsize)
      this.set({ state: 'used' }, (disk.blocks - disk.bfree) * disk.bsize)
      this.set({ state: 'available' }, disk.bavail * disk.bsize)
    },
  })
}
