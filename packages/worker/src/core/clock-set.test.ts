import { sampleReport, sampleSpec } from '@kagami/protocol/testing/samples'
import { describe, expect, test } from 'vitest'
import { createWorkerMachine, openWorker, type WorkerEvent } from './worker.ts'

const start = Date.parse('2026-01-01T00:00:00Z')
const YEAR_MS = 365 * 86_400_000
const specs = Array.from({ length: 50 }, (_, n) =>
  sampleSpec({ replica_id: `r${n}`, upstream: 'http://h/f', interval_secs: 3600, origin: 'config' }),
)

function endOf(syncId: string, replicaId: string, startedMs: number, endedMs = startedMs): WorkerEvent {
  const [started_at, ended_at] = [startedMs, endedMs].map((ms) => new Date(start + ms).toISOString()) as [
    string,
    string,
  ]
  const report = sampleReport({ sync_id: syncId, replica_id: replicaId, started_at, ended_at, duration_ms: 1000 })
  return { type: 'sync_ended', report }
}

function openMachine() {
  let next = 0
  const machine = createWorkerMachine(() => `sync-${++next}`)
  let state = openWorker(
    { id: 'w', instance: 'me', limits: { perWorker: 100, perHost: 100 }, declared: specs, remembered: new Map() },
    new Date(start),
  )
  return {
    started: () => next,
    replicas: () => [...state.replicas.values()],
    tell: (event: WorkerEvent, ms: number) => {
      state = machine(state, event, new Date(start + ms)).state
    },
  }
}

describe('a clock that is set', () => {
  test.each([1, -1])('by %i year: intervals go on, no storm, no standstill', (direction) => {
    const { started, replicas, tell } = openMachine()
    const due = () => replicas().map(({ facts }) => facts.nextDueAt!.getTime())
    tell({ type: 'join_answered', reply: { accepted: true, status: 'approved', reason: null } }, 0)
    tell({ type: 'woke' }, 60_000)
    for (const { spec, life } of replicas())
      if (life.state === 'syncing') tell(endOf(life.syncId, spec.replica_id, 60_000), 60_000)
    expect(started()).toBe(50)
    const [before, jump] = [due(), direction * YEAR_MS]
    tell({ type: 'clock_jumped', byMs: jump }, jump + 61_000)
    tell({ type: 'woke' }, jump + 62_000)
    expect(started()).toBe(50)
    expect(due()).toEqual(before.map((ms) => ms + jump))
    tell({ type: 'woke' }, jump + 4_000_000)
    expect(started()).toBe(100)
  })

  test.each([1, -1])('by %i year while syncs run, or as they end: each is due within an interval', (direction) => {
    const { replicas, tell } = openMachine()
    const jump = direction * YEAR_MS
    tell({ type: 'join_answered', reply: { accepted: true, status: 'approved', reason: null } }, 0)
    tell({ type: 'woke' }, 60_000)
    const [early, late] = [replicas().slice(0, 25), replicas().slice(25)]
    const end = ({ spec, life }: (typeof early)[number], startedMs: number, endedMs: number) => {
      if (life.state === 'syncing') tell(endOf(life.syncId, spec.replica_id, startedMs, endedMs), endedMs)
    }
    // These end after the clock was set and before that is noticed, the others later.
    for (const one of early) end(one, 60_000, jump + 61_000)
    tell({ type: 'clock_jumped', byMs: jump }, jump + 62_000)
    for (const one of late) end(one, 60_000, jump + 63_000)
    for (const { facts } of replicas()) expect(facts.nextDueAt!.getTime()).toBeLessThan(start + jump + 4_100_000)
    // What started before is due an interval later, not at once.
    for (const { facts } of replicas().slice(25))
      expect(facts.nextDueAt!.getTime()).toBeGreaterThan(start + jump + 3_000_000)
  })
})
