// machine.ts — A worker machine for tests, and the documents and reports it is given. No assertions.
import type { Desired, ReplicaSpec, SyncReport } from '@kagami/protocol'
import {
  createWorkerMachine,
  openWorker,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
} from '../core/worker.ts'

export const start = new Date('2026-01-01T00:00:00Z')

export function aSpec(id: string, change: Partial<ReplicaSpec> = {}): ReplicaSpec {
  return {
    replica_id: id,
    name: id,
    kind: 'http',
    upstream: `http://${id}.example/f`,
    interval_secs: 60,
    labels: {},
    options: {},
    auth: null,
    origin: 'api',
    ...change,
  }
}

export function aDocument(rev: number, change: Partial<Desired> = {}): Desired {
  return {
    worker_id: 'w',
    rev,
    term: 1,
    admission: 'approved',
    reason: null,
    terminate: false,
    instance: 'me',
    replicas: [],
    removed: [],
    syncs: [],
    ...change,
  }
}

export function aReport(syncId: string, replicaId: string, change: Partial<SyncReport> = {}): SyncReport {
  return {
    sync_id: syncId,
    worker_id: 'w',
    replica_id: replicaId,
    name: replicaId,
    kind: 'http',
    trigger: 'schedule',
    request_id: null,
    outcome: 'success',
    reason: null,
    message: null,
    hint: null,
    tail: null,
    exit_code: null,
    started_at: start.toISOString(),
    ended_at: start.toISOString(),
    duration_ms: 0,
    bytes: 1,
    files: 1,
    size_bytes: 1,
    revision: 'x',
    ...change,
  }
}

/** A machine under test: tells it events at a time and keeps every effect. */
export function aWorker(
  declared: ReplicaSpec[] = [aSpec('declared', { origin: 'config' })],
  limits = { perWorker: 4, perHost: 2 },
) {
  let next = 0
  const machine = createWorkerMachine(() => `sync-${++next}`)
  let state: WorkerState = openWorker({ id: 'w', instance: 'me', limits, declared, remembered: new Map() }, start)
  const all: WorkerEffect[] = []
  return {
    get state() {
      return state
    },
    all,
    tell(event: WorkerEvent, afterSeconds = 0): WorkerEffect[] {
      const step = machine(state, event, new Date(start.getTime() + afterSeconds * 1000))
      state = step.state
      all.push(...step.effects)
      return [...step.effects]
    },
    started: () => all.filter((effect) => effect.type === 'start').map((effect) => effect.syncId),
    life: (id: string) => state.replicas.get(id)?.life.state,
  }
}

export const read = (desired: Desired, cached = false): WorkerEvent => ({ type: 'desired_read', desired, cached })
export const joined = (status: 'pending' | 'approved' | 'rejected', accepted = status === 'approved'): WorkerEvent => ({
  type: 'join_answered',
  reply: { accepted, status, reason: null },
})
