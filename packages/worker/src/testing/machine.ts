// machine.ts — A worker machine for tests, and the documents and reports it is given. No assertions.
import type { Desired, ReplicaSpec, SyncReport } from '@kagami/protocol'
import { SAMPLE_AT, sampleDesired, sampleReport, sampleSpec } from '@kagami/protocol/testing/samples'
import {
  createWorkerMachine,
  openWorker,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
} from '../core/worker.ts'

export const start = new Date(SAMPLE_AT)

export const aSpec = (id: string, change: Partial<ReplicaSpec> = {}): ReplicaSpec =>
  sampleSpec({ replica_id: id, ...change })

export const aDocument = (rev: number, change: Partial<Desired> = {}): Desired =>
  sampleDesired({ rev, instance: 'me', ...change })

export const aReport = (syncId: string, replicaId: string, change: Partial<SyncReport> = {}): SyncReport =>
  sampleReport({ sync_id: syncId, replica_id: replicaId, ...change })

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
