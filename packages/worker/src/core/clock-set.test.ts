import { sampleReport, sampleSpec } from '@kagami/protocol/testing/samples'
import { describe, expect, test } from 'vitest'
import { createWorkerMachine, openWorker, type WorkerEvent } from './worker.ts'

const start = Date.parse('2026-01-01T00:00:00Z')
const YEAR_MS = 365 * 86_400_000
const specs = Array.from({ length: 50 }, (_, n) =>
  sampleSpec({ replica_id: `r${n}`, upstream: 'http://h/f', interval_secs: 3600, origin: 'config' }),
)

function endOf(syncId: string, replicaId: string, ms: number): WorkerEvent {
  const at = new Date(start + ms).toISOString()
  const report = sampleReport({ sync_id: syncId, replica_id: replicaId, started_at: at, ended_at: at })
  return { type: 'sync_ended', report }
}

describe('a clock that is set', () => {
  test.each([1, -1])('by %i year: intervals go on, no storm, no standstill', (direction) => {
    let next = 0
    const machine = createWorkerMachine(() => `sync-${++next}`)
    let state = openWorker(
      { id: 'w', instance: 'me', limits: { perWorker: 100, perHost: 100 }, declared: specs, remembered: new Map() },
      new Date(start),
    )
    const tell = (event: WorkerEvent, ms: number) => {
      state = machine(state, event, new Date(start + ms)).state
    }
    const due = () => [...state.replicas.values()].map(({ facts }) => facts.nextDueAt!.getTime())
    tell({ type: 'join_answered', reply: { accepted: true, status: 'approved', reason: null } }, 0)
    tell({ type: 'woke' }, 60_000)
    for (const { spec, life } of state.replicas.values())
      if (life.state === 'syncing') tell(endOf(life.syncId, spec.replica_id, 60_000), 60_000)
    expect(next).toBe(50)
    const [before, jump] = [due(), direction * YEAR_MS]
    tell({ type: 'clock_jumped', byMs: jump }, jump + 61_000)
    tell({ type: 'woke' }, jump + 62_000)
    expect(next).toBe(50)
    expect(due()).toEqual(before.map((ms) => ms + jump))
    tell({ type: 'woke' }, jump + 4_000_000)
    expect(next).toBe(100)
  })
})
