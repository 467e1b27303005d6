// samples.ts — Valid messages for tests, each with the fields a test cares about replaced. No assertions.
import type { Desired, ReplicaSpec, SyncReport } from '../index.ts'

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
