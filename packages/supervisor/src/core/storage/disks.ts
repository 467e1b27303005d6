// disks.ts — The filesystems of the fleet, and what the API says of them. Workers that have theirs in common are one.
// Pure.
import {
  diskPartOf,
  DISK_PART_MS,
  FORECAST_DAYS,
  policyOf,
  roomOf,
  usedShare,
  type Disk,
  type DiskForecast,
  type DiskTotals,
  type Filesystem,
  type Grower,
} from '@kagami/protocol'
import type { DiskSample, SizeThen } from '../../store/store.ts'
import type { Fleet, ReplicaEntry, WorkerEntry } from '../entries.ts'
import { putStorage } from '../fleet.ts'
import { forecastOf, growthOf, isFullSoon, type Growth } from './forecast.ts'

const DAY_MS = 86_400_000
const WORST_MAX = 5
const WORKERS_MAX = 20
const GROWERS_MAX = 5
const MIB = 2 ** 20
/** Of nothing that was measured. */
const UNKNOWN = growthOf([])

/** An approved worker that has said how full its disk is. */
export type MeasuredWorker = WorkerEntry & { storage: NonNullable<WorkerEntry['storage']>; storageMs: number }

/** The approved workers of each filesystem. One that does not say which it has is alone on it. */
export function workersByDisk(fleet: Fleet): IteratorObject<readonly MeasuredWorker[]> {
  const disks = new Map<string, MeasuredWorker[]>()
  for (const worker of fleet.workers.values()) {
    if (worker.record.admission !== 'approved' || !isMeasured(worker)) continue
    const device = worker.storage.device ?? worker.record.worker_id
    const others = disks.get(device)
    if (others) others.push(worker)
    else disks.set(device, [worker])
  }
  return disks.values()
}

function isMeasured(worker: WorkerEntry): worker is MeasuredWorker {
  return worker.storage !== null && worker.storageMs !== null
}

/** What was measured last on a filesystem. */
export function lastMeasured(workers: readonly MeasuredWorker[]): MeasuredWorker {
  return workers.reduce((last, one) => (one.storageMs > last.storageMs ? one : last))
}

/** A filesystem in short. `read`: its growth where none was looked at yet. */
export function diskOf(workers: readonly MeasuredWorker[], read: Growth = UNKNOWN): Disk {
  const { storage, storageMs } = lastMeasured(workers)
  const forecast = forecastOf(longestGrowth(workers) ?? read, storage)
  return {
    disk_id: firstOf(workers, ({ record }) => record.worker_id),
    name: firstOf(workers, ({ record }) => record.name),
    workers_total: workers.length,
    total_bytes: storage.total_bytes,
    used_bytes: storage.used_bytes,
    free_bytes: roomOf(storage),
    used_share: usedShare(storage),
    as_of: new Date(storageMs).toISOString(),
    forecast,
    full_soon: isFullSoon(forecast, storage),
  }
}

/** The growth that was seen by the worker which has measured the filesystem longest. */
function longestGrowth(workers: readonly MeasuredWorker[]): Growth | null {
  return workers.reduce<Growth | null>(
    (longest, { growth }) => (growth && growth.knownDays > (longest?.knownDays ?? -1) ? growth : longest),
    null,
  )
}

function firstOf(workers: readonly MeasuredWorker[], textOf: (worker: MeasuredWorker) => string): string {
  return workers.map(textOf).reduce((first, one) => (one < first ? one : first))
}

/** The keys by which disks are ordered, worst first: soonest full, then the fullest. */
export function urgencyOf(disk: Disk): [number, number, string] {
  return [daysOrNever(disk.forecast), -disk.used_share, disk.disk_id]
}

const daysOrNever = ({ days }: DiskForecast) => days ?? Number.MAX_VALUE

/** Orders disks, worst first. */
export function compareUrgency(a: Disk, b: Disk): number {
  const [one, other] = [urgencyOf(a), urgencyOf(b)]
  const at = one.findIndex((key, index) => key !== other[index])
  return at < 0 ? 0 : one[at]! < other[at]! ? -1 : 1
}

/** The disks of the fleet in short. */
export function diskTotalsOf(fleet: Fleet): DiskTotals {
  const totals = { total: 0, full_soon: 0, worst: [] as Disk[] }
  for (const workers of workersByDisk(fleet)) {
    const { storage } = lastMeasured(workers)
    const forecast = forecastOf(longestGrowth(workers) ?? UNKNOWN, storage)
    totals.total++
    if (isFullSoon(forecast, storage)) totals.full_soon++
    // Of a large fleet only the few that are shown are made.
    const last = totals.worst.length === WORST_MAX ? totals.worst.at(-1)! : null
    if (last && daysOrNever(forecast) > daysOrNever(last.forecast)) continue
    const disk = diskOf(workers)
    if (last && compareUrgency(disk, last) > 0) continue
    totals.worst = [...totals.worst, disk].sort(compareUrgency).slice(0, WORST_MAX)
  }
  return totals
}

/** The last 14 days, up to `now`: from when to when, Unix ms. */
export function diskSpan(now: number): { fromMs: number; toMs: number } {
  return { fromMs: now - FORECAST_DAYS * DAY_MS, toMs: now }
}

/** What the store has of a filesystem and of its replicas. */
export interface StoredDisk {
  /** By worker. */
  readonly samples: ReadonlyMap<string, readonly DiskSample[]>
  /** By replica. */
  readonly sizes: ReadonlyMap<string, SizeThen>
  readonly span: { readonly fromMs: number; readonly toMs: number }
}

/** A filesystem as the API returns it. What was measured is that of the worker which has measured it most often. */
export function filesystemOf(workers: readonly MeasuredWorker[], stored: StoredDisk): Filesystem {
  const samplesOf = ({ record }: MeasuredWorker) => stored.samples.get(record.worker_id) ?? []
  const samples = workers.map(samplesOf).reduce((most, one) => (one.length > most.length ? one : most))
  const disk = diskOf(workers, growthOf(samples))
  const shown = workers
    .map(({ record, presence }) => ({ worker_id: record.worker_id, name: record.name, presence }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    ...disk,
    hostname: lastMeasured(workers).record.hostname,
    workers: shown.slice(0, WORKERS_MAX),
    ...replicasOf(workers, stored.sizes),
    history: historyOf(samples, stored.span),
  }
}

function historyOf(samples: readonly DiskSample[], { fromMs, toMs }: StoredDisk['span']): Filesystem['history'] {
  const first = diskPartOf(fromMs)
  const used = Array.from({ length: diskPartOf(toMs) - first + 1 }, (): number | null => null)
  for (const sample of samples) used[diskPartOf(sample.measured_at) - first] = sample.used_bytes
  return { from: new Date(first * DISK_PART_MS).toISOString(), part_secs: DISK_PART_MS / 1000, used_bytes: used }
}

function replicasOf(workers: readonly MeasuredWorker[], sizes: StoredDisk['sizes']) {
  const counted = { replicas_total: 0, replicas_measured: 0, replicas_bytes: 0 }
  let most: Grown[] = []
  for (const { replicas } of workers)
    for (const entry of replicas) {
      counted.replicas_total++
      const { sizeBytes } = entry
      if (sizeBytes === null) continue
      counted.replicas_measured++
      counted.replicas_bytes += sizeBytes
      const first = sizes.get(entry.replicaId)
      const one = { entry, size: sizeBytes, first, grew: first ? sizeBytes - first.size_bytes : null }
      if (one.grew !== null && one.grew <= 0) continue
      if (most.length === GROWERS_MAX && compareGrowth(one, most.at(-1)!) > 0) continue
      most = [...most, one].sort(compareGrowth).slice(0, GROWERS_MAX)
    }
  return { ...counted, growers: most.map(growerOf) }
}

/** A replica, its size at first and now, and the difference. */
interface Grown {
  readonly entry: ReplicaEntry
  readonly size: number
  readonly first: SizeThen | undefined
  readonly grew: number | null
}

function growerOf({ entry, size, first, grew }: Grown): Grower {
  const { quota_mib } = policyOf(entry.setting.options)
  return {
    replica_id: entry.replicaId,
    name: entry.name,
    worker_name: entry.worker.record.name,
    size_bytes: size,
    grew_bytes: grew,
    since: first ? new Date(first.ended_at).toISOString() : null,
    quota_bytes: quota_mib > 0 ? quota_mib * MIB : null,
  }
}

/** Those that grew most come first; then, by their size, those of which that is not known. */
function compareGrowth(a: Grown, b: Grown): number {
  if (a.grew !== null && b.grew !== null) return b.grew - a.grew
  if (a.grew === null && b.grew === null) return b.size - a.size
  return a.grew === null ? 1 : -1
}

/**
 * Notes the growth in samples of a worker's disk; and of one that is silent since the start, what it said last. Returns
 * whether that is new.
 */
export function applySamples(worker: WorkerEntry, samples: readonly DiskSample[]): boolean {
  const before = JSON.stringify(worker.growth)
  worker.growth = growthOf(samples)
  const last = samples.at(-1)
  if (worker.storage === null && last) {
    const { total_bytes, used_bytes, available_bytes } = last
    const available = available_bytes === null ? {} : { available_bytes }
    putStorage(worker, { total_bytes, used_bytes, ...available }, last.measured_at)
    return true
  }
  return JSON.stringify(worker.growth) !== before
}
