// samples.ts — Valid messages for tests, each with the fields a test cares about replaced. No assertions.
import type { Desired, Heartbeat, Join, ReplicaSpec, ReplicaState, SyncReport } from '../index.ts'

/** When everything in the samples happened. */
export const SAMPLE_AT = '2026-01-01T00:00:00.000Z'

/** A replica of the kind http, synced every minute, added by the API. */
export function sampleSpec(change: Partial<ReplicaSpec> = {}): ReplicaSpec {
  const name = change.name ?? change.replica_id ?? 'r'
  return {
    replica_id: name,
    name,
    kind: 'http',
    upstream: `http://${name}.example/f`,
    interval_secs: 60,
    labels: {},
    options: {},
    auth: null,
    origin: 'api',
    ...change,
  }
}

/** A document that approves worker `w` and asks for nothing. */
export function sampleDesired(change: Partial<Desired> = {}): Desired {
  return {
    worker_id: 'w',
    rev: 1,
    term: 1,
    admission: 'approved',
    reason: null,
    terminate: false,
    instance: null,
    replicas: [],
    removed: [],
    syncs: [],
    ...change,
  }
}

/** The report of a scheduled sync of worker `w` that succeeded. */
export function sampleReport(change: Partial<SyncReport> = {}): SyncReport {
  const replica = change.replica_id ?? 'r'
  return {
    sync_id: 'sync',
    worker_id: 'w',
    replica_id: replica,
    name: replica,
    kind: 'http',
    trigger: 'schedule',
    request_id: null,
    outcome: 'success',
    reason: null,
    message: null,
    hint: null,
    tail: null,
    exit_code: null,
    started_at: SAMPLE_AT,
    ended_at: SAMPLE_AT,
    duration_ms: 0,
    bytes: 1,
    files: 1,
    size_bytes: 1,
    revision: 'x',
    ...change,
  }
}

/** How worker `w` joins; it has the kind http. */
export function sampleJoin(change: Partial<Join> = {}): Join {
  return {
    worker_id: 'w',
    instance: 'i',
    wire: 1,
    name: 'w',
    version: '9.9.9',
    hostname: 'h',
    http_addr: 'x:1',
    data_dir: '/d',
    kinds: [{ kind: 'http', available: true, detail: 'ok', options: { type: 'object', properties: {} } }],
    ...change,
  }
}

/** A replica of worker.toml that has not synced yet. */
export function sampleState(change: Partial<ReplicaState> = {}): ReplicaState {
  const name = change.name ?? change.replica_id ?? 'r'
  return {
    replica_id: name,
    revision_no: 1,
    name,
    kind: 'http',
    upstream: `http://${name}.example/f`,
    interval_secs: 60,
    labels: {},
    options: {},
    origin: 'config',
    status: 'init',
    activity: 'idle',
    queue: null,
    current: null,
    last_sync: null,
    last_success_at: null,
    next_due_at: null,
    failures: 0,
    size_bytes: null,
    files: null,
    revision: null,
    ...change,
  }
}

/** A full heartbeat of worker `w`, whose digest is that of its replicas. */
export function sampleHeartbeat(change: Partial<Heartbeat> = {}): Heartbeat {
  const replicas = change.replicas ?? []
  return {
    worker_id: 'w',
    instance: 'i',
    seq: 1,
    sent_at: SAMPLE_AT,
    observed_rev: 1,
    full: true,
    part: { index: 0, of: 1 },
    replicas,
    removed: [],
    digest: { count: replicas.length, revisions: replicas.reduce((sum, { revision_no }) => sum + revision_no, 0) },
    storage: null,
    jobs: { running: 0, queued: 0, limit: 4 },
    ...change,
  }
}
