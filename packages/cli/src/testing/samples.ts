// testing/samples.ts — Nouns of the API with everything in order; tests change what they are about.
import type {
  Disk,
  DiskForecast,
  Filesystem,
  Replica,
  ReplicaHistory,
  Resource,
  Summary,
  Sync,
  Worker,
} from '@kagami/protocol'
import { vi } from 'vitest'

// In the files that use these nouns the date stands still: "60s ago" stays so on a machine that is busy.
vi.useFakeTimers({ toFake: ['Date'] })

/** Seconds before or after now as an instant. */
export const secondsFromNow = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString()

/** A fresh replica `debian` on the worker `sh-12`. */
export function aReplica(changed: Partial<Replica> = {}): Replica {
  return {
    replica_id: 'r-1',
    revision_no: 1,
    name: 'debian',
    kind: 'rsync',
    upstream: 'rsync://rsync.example.org/debian/',
    interval_secs: 21_600,
    labels: {},
    options: {},
    origin: 'api',
    status: 'success',
    activity: 'idle',
    queue: null,
    current: null,
    last_sync: null,
    last_success_at: secondsFromNow(-120),
    next_due_at: secondsFromNow(3600),
    failures: 0,
    size_bytes: 5 * 1024 ** 3,
    files: 1200,
    revision: null,
    worker_id: 'w-1',
    worker_name: 'sh-12',
    worker_presence: 'online',
    health: 'fresh',
    health_detail: 'synced within its interval',
    progress: null,
    paused: null,
    pending_requests: 0,
    ...changed,
  }
}

/** An approved worker that is online. */
export function aWorker(changed: Partial<Worker> = {}): Worker {
  return {
    worker_id: 'w-1',
    name: 'sh-12',
    admission: 'approved',
    reason: null,
    presence: 'online',
    first_seen_at: secondsFromNow(-86_400),
    last_seen_at: secondsFromNow(-5),
    decided_at: secondsFromNow(-86_000),
    decided_by: 'token',
    version: '0.1.0',
    hostname: 'sh-12.example.org',
    http_addr: '127.0.0.1:8080',
    data_dir: '/srv/mirrors',
    older_wire: false,
    conflict: null,
    kinds: [{ kind: 'git', available: true, detail: 'git 2.47', options: {} }],
    storage: { total_bytes: 1024 ** 4, used_bytes: 1024 ** 4 / 4 },
    disk_forecast: aForecast(),
    jobs: { running: 1, queued: 2, limit: 4 },
    desired_rev: 3,
    observed_rev: 3,
    replicas_total: 2,
    health_counts: { fresh: 1, failed: 1 },
    ...changed,
  }
}

/** A sync of `debian@sh-12` that has ended well. */
export function aSync(changed: Partial<Sync> = {}): Sync {
  return {
    sync_id: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
    state: 'finished',
    worker_id: 'w-1',
    worker_name: 'sh-12',
    replica_id: 'r-1',
    name: 'debian',
    kind: 'rsync',
    trigger: 'manual',
    request_id: null,
    outcome: 'success',
    reason: null,
    message: null,
    hint: null,
    tail: null,
    exit_code: 0,
    started_at: secondsFromNow(-60),
    ended_at: secondsFromNow(-58),
    duration_ms: 2000,
    bytes: 3 * 1024 ** 2,
    files: 10,
    size_bytes: null,
    revision: null,
    progress: null,
    ...changed,
  }
}

/** The history of a replica whose syncs usually take 8 minutes, and nearly always less than 10. */
export function aHistory(changed: Partial<ReplicaHistory> = {}): ReplicaHistory {
  return {
    replica_id: 'r-1',
    from: secondsFromNow(-7 * 86_400),
    to: secondsFromNow(0),
    known_since: secondsFromNow(-86_400),
    typical: { syncs: 20, p50_ms: 480_000, p95_ms: 600_000 },
    buckets: [],
    ...changed,
  }
}

/** A mirror with one fresh and one failed replica. */
export function aResource(changed: Partial<Resource> = {}): Resource {
  return {
    name: 'debian',
    status: 'failed',
    kinds: ['rsync'],
    labels: {},
    replicas_total: 2,
    health_counts: { fresh: 1, failed: 1 },
    worst_health: 'failed',
    newest_success_at: secondsFromNow(-120),
    next_due_at: secondsFromNow(3600),
    size_bytes: 5 * 1024 ** 3,
    ...changed,
  }
}

/** The summary of a fleet in which nothing is wrong. */
export function aSummary(changed: Partial<Summary> = {}): Summary {
  return {
    at: secondsFromNow(0),
    version: '0.1.0',
    started_at: secondsFromNow(-7200),
    workers: { total: 1, approved: 1, pending: 0, rejected: 0, online: 1, late: 0, lost: 0 },
    replicas_total: 2,
    resources_total: 2,
    health_counts: { fresh: 2 },
    jobs: { running: 0, queued: 0, limit: 4 },
    storage: { total_bytes: 1024 ** 4, used_bytes: 1024 ** 4 / 2 },
    causes: [],
    nats: { connected: true, server_version: '2.11.0' },
    last_failure: null,
    ...changed,
  }
}

/** That a disk is full in 23 days, or in 12 to 60. */
export function aForecast(changed: Partial<DiskForecast> = {}): DiskForecast {
  return {
    verdict: 'full',
    days: 23,
    from_days: 12,
    to_days: 60,
    bytes_per_day: 42 * 1024 ** 3,
    known_days: 14,
    needed_days: 7,
    ...changed,
  }
}

/** A disk of 4 TiB, of which 76 % are used, and a little is reserved. */
export function aDisk(changed: Partial<Disk> = {}): Disk {
  return {
    disk_id: 'w-1',
    name: 'sh-12',
    workers_total: 1,
    total_bytes: 4 * 1024 ** 4,
    used_bytes: 3 * 1024 ** 4,
    free_bytes: 983 * 1024 ** 3,
    used_share: 0.76,
    as_of: secondsFromNow(-5),
    forecast: aForecast(),
    full_soon: false,
    ...changed,
  }
}

/** The same disk with its workers and what grows on it. */
export function aFilesystem(changed: Partial<Filesystem> = {}): Filesystem {
  return {
    ...aDisk(),
    hostname: 'sh-12.example.org',
    workers: [
      { worker_id: 'w-1', name: 'sh-12', presence: 'online' },
      { worker_id: 'w-4', name: 'sh-13', presence: 'lost' },
    ],
    replicas_total: 3,
    replicas_measured: 2,
    replicas_bytes: 2 * 1024 ** 4,
    history: { from: secondsFromNow(-14 * 86_400), part_secs: 21_600, used_bytes: [null, 3 * 1024 ** 4] },
    growers: [
      {
        replica_id: 'r-1',
        name: 'debian',
        worker_name: 'sh-12',
        size_bytes: 1.5 * 1024 ** 4,
        grew_bytes: 500 * 1024 ** 3,
        since: secondsFromNow(-14 * 86_400),
        quota_bytes: 2 * 1024 ** 4,
      },
      {
        replica_id: 'r-2',
        name: 'arch',
        worker_name: 'sh-13',
        size_bytes: 512 * 1024 ** 3,
        grew_bytes: null,
        since: null,
        quota_bytes: null,
      },
    ],
    ...changed,
  }
}

/** A page that holds all there is. */
export function aPage<T>(...items: T[]): { items: T[]; next_cursor: null; total: number } {
  return { items, next_cursor: null, total: items.length }
}
