// fleet.test.ts — Heartbeats, health, presence, and counters that always equal what a full count gives.
import { healthOrder, type Heartbeat, type ReplicaState } from '@kagami/protocol'
import { sampleHeartbeat, sampleState } from '@kagami/protocol/testing/samples'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { WorkerRecord } from '../store/store.ts'
import { reviewDue } from './counting.ts'
import { applyHeartbeat, createFleet, dropWorker, putWorker, setPresence } from './fleet.ts'
import type { Fleet } from './entries.ts'
import { assessHealth } from './health.ts'
import { presenceOf } from './liveness.ts'
import { withoutObserved } from './records.ts'
import { resourceStatus } from './resources.ts'
import { v0ResourceOf } from './v0-views.ts'
import { replicaOf } from './views.ts'

const now = Date.parse('2026-01-01T00:00:00Z')
const at = (ms: number) => new Date(ms).toISOString()

function aRecord(id: string, admission: WorkerRecord['admission'] = 'approved'): WorkerRecord {
  return {
    worker_id: id,
    name: id,
    admission,
    reason: null,
    first_seen_at: at(now),
    decided_at: null,
    decided_by: null,
    version: null,
    hostname: null,
    http_addr: null,
    data_dir: null,
    older_wire: false,
    kinds: [],
    instance: 'i',
    rev: 1,
    replicas: [],
    removed: [],
    syncs: [],
    paused: [],
    last_seen_at: null,
  }
}

const aState = (id: string, change: Partial<ReplicaState> = {}) =>
  sampleState({
    replica_id: id,
    name: id.split('.')[0]!,
    interval_secs: 3600,
    status: 'success',
    last_success_at: at(now),
    ...change,
  })

const aBeat = (worker: string, replicas: ReplicaState[], change: Partial<Heartbeat> = {}) =>
  sampleHeartbeat({ worker_id: worker, sent_at: at(now), replicas, ...change })

describe('the status of a resource', () => {
  const statusOf = (...statuses: ReplicaState['status'][]) => {
    const fleet = createFleet()
    statuses.forEach((status, i) =>
      applyHeartbeat(
        fleet,
        putWorker(fleet, aRecord(`w${i}`), now),
        aBeat(`w${i}`, [aState(`debian.${i}`, { status })]),
        now,
      ),
    )
    return resourceStatus(fleet.resources.get('debian')!.statuses)
  }

  test.each([
    [['success', 'success'], 'ready'],
    [['failed', 'failed'], 'error'],
    [['failed', 'success'], 'failed'],
    [['failed', 'syncing'], 'failed'],
    [['syncing', 'success'], 'syncing'],
    [['init', 'success'], 'syncing'],
    [['init'], 'syncing'],
    [['failed'], 'error'],
  ] as [ReplicaState['status'][], string][])('%j is %s', (statuses, expected) => {
    expect(statusOf(...statuses)).toBe(expected)
  })

  test('only approved workers count', () => {
    const fleet = createFleet()
    applyHeartbeat(fleet, putWorker(fleet, aRecord('w', 'pending'), now), aBeat('w', [aState('debian.0')]), now)
    expect(fleet.resources.size).toBe(0)
    putWorker(fleet, aRecord('w', 'approved'), now)
    expect([...fleet.resources.values()].map(v0ResourceOf)).toMatchObject([{ name: 'debian', status: 'ready' }])
    putWorker(fleet, aRecord('w', 'rejected'), now)
    expect(fleet.resources.size).toBe(0)
  })
})

describe('the health of a replica', () => {
  const healthOf = (change: Partial<ReplicaState>, later = 0, presence: 'online' | 'lost' = 'online') =>
    assessHealth(aState('x', change), presence, null, now + later * 1000).health
  const failed = {
    failures: 2,
    last_sync: {
      sync_id: 's',
      outcome: 'failed' as const,
      reason: 'timed_out' as const,
      message: 'm',
      hint: 'h',
      started_at: at(now),
      ended_at: at(now),
      duration_ms: 1,
      bytes: null,
    },
  }

  test('is fresh within its interval and grace, then late, then stale', () => {
    expect([0, 3600, 3959, 3961, 11_160, 11_161].map((later) => healthOf({}, later))).toEqual([
      'fresh',
      'fresh',
      'fresh',
      'late',
      'stale',
      'stale',
    ])
  })

  test('a silent worker’s replicas are unknown, whatever they last were', () => {
    expect(healthOf(failed, 0, 'lost')).toBe('unknown')
  })

  test('a failing one is failed also while it tries again', () => {
    expect(
      healthOf({ ...failed, activity: 'syncing', current: { sync_id: 't', started_at: at(now), trigger: 'retry' } }),
    ).toBe('failed')
  })

  test('one that syncs for more than an hour without progress is stuck', () => {
    const running = {
      interval_secs: null,
      activity: 'syncing' as const,
      current: { sync_id: 't', started_at: at(now), trigger: 'manual' as const },
    }
    expect([60, 3599, 3601].map((later) => healthOf(running, later))).toEqual(['syncing', 'syncing', 'stuck'])
    expect(assessHealth(aState('x', running), 'online', now + 3_500_000, now + 3_601_000).health).toBe('syncing')
  })

  test('one that was never synced is new, one for manual syncs stays fresh', () => {
    expect(healthOf({ status: 'init', last_success_at: null })).toBe('new')
    expect(healthOf({ interval_secs: null }, 1e7)).toBe('fresh')
  })

  test('time alone changes the health, without a message of the worker', () => {
    const fleet = createFleet()
    applyHeartbeat(fleet, putWorker(fleet, aRecord('w'), now), aBeat('w', [aState('debian.0')]), now)
    expect(reviewDue(fleet, now + 3_000_000).replicas.size).toBe(0)
    expect(reviewDue(fleet, now + 4_100_000).replicas.size).toBe(1)
    expect(fleet.healths.toRecord()).toEqual({ late: 1 })
    expect(reviewDue(fleet, now + 12_000_000).replicas.size).toBe(1)
    expect(fleet.healths.toRecord()).toEqual({ stale: 1 })
  })
})

describe('presence', () => {
  test('goes from online to late to lost by our own clock', () => {
    expect([0, 22_000, 23_000, 44_000, 45_000].map((ms) => presenceOf(1000, 0, 1000 + ms))).toEqual([
      'online',
      'online',
      'late',
      'late',
      'lost',
    ])
  })

  test('after the supervisor starts, no worker is lost before one full timeout', () => {
    expect([0, 44_000, 45_000].map((ms) => presenceOf(null, 500, 500 + ms))).toEqual(['late', 'late', 'lost'])
  })
})

/** Counts everything from the beginning. */
function countAll(fleet: Fleet) {
  const tally = (words: string[]) =>
    Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, group]) => [word, group.length]))
  const counted = [...fleet.replicas.values()].filter((entry) => entry.worker.record.admission === 'approved')
  const approved = [...fleet.workers.values()].filter(({ record }) => record.admission === 'approved')
  return {
    statuses: tally(counted.map((entry) => entry.state.status)),
    healths: tally(counted.map((entry) => entry.verdict.health)),
    admissions: tally([...fleet.workers.values()].map((worker) => worker.record.admission)),
    presences: tally(approved.map((worker) => worker.presence)),
    resources: Object.fromEntries(
      [...Map.groupBy(counted, (entry) => entry.state.name)]
        .map(([name, group]) => [name, tally(group.map((entry) => entry.state.status))])
        .sort(),
    ),
  }
}

describe('counters that are updated with every change', () => {
  test('equal a full count, after any history', () => {
    const worker = fc.constantFrom('w0', 'w1', 'w2')
    const state = fc.record({
      n: fc.nat(4),
      name: fc.constantFrom('debian', 'arch'),
      revision_no: fc.integer({ min: 1, max: 99 }),
      status: fc.constantFrom('init', 'syncing', 'success', 'failed'),
      failures: fc.nat(1),
    })
    const event = fc.oneof(
      fc.record({
        type: fc.constant('beat' as const),
        worker,
        full: fc.boolean(),
        states: fc.uniqueArray(state, { maxLength: 4, selector: (one) => one.n }),
        removed: fc.array(fc.nat(4), { maxLength: 2 }),
      }),
      fc.record({
        type: fc.constant('put' as const),
        worker,
        admission: fc.constantFrom('pending', 'approved', 'rejected'),
      }),
      fc.record({
        type: fc.constant('presence' as const),
        worker,
        presence: fc.constantFrom('online', 'late', 'lost'),
      }),
      fc.record({ type: fc.constant('drop' as const), worker }),
      fc.record({ type: fc.constant('time' as const), seconds: fc.nat(9000) }),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const fleet = createFleet()
        let clock = now
        for (const one of events) {
          if (one.type === 'time') {
            clock += one.seconds * 1000
            reviewDue(fleet, clock)
            continue
          }
          const entry = fleet.workers.get(one.worker) ?? putWorker(fleet, aRecord(one.worker), clock)
          if (one.type === 'put') putWorker(fleet, aRecord(one.worker, one.admission), clock)
          if (one.type === 'presence') setPresence(fleet, entry, one.presence, clock)
          if (one.type === 'drop') dropWorker(fleet, entry)
          if (one.type === 'beat') {
            const states = one.states.map(({ n, ...rest }) =>
              aState(`${one.worker}.${n}`, { ...rest, last_success_at: null }),
            )
            applyHeartbeat(
              fleet,
              entry,
              aBeat(one.worker, states, { full: one.full, removed: one.removed.map((n) => `${one.worker}.${n}`) }),
              clock,
            )
          }
        }
        const resources = Object.fromEntries(
          [...fleet.resources].map(([name, resource]) => [name, resource.statuses.toRecord()] as const).sort(),
        )
        expect({
          statuses: fleet.statuses.toRecord(),
          healths: fleet.healths.toRecord(),
          admissions: fleet.admissions.toRecord(),
          presences: fleet.presences.toRecord(),
          resources,
        }).toEqual(countAll(fleet))
        for (const worker of fleet.workers.values())
          expect(worker.revisions).toBe(
            [...worker.replicas.values()].reduce((sum, entry) => sum + entry.state.revision_no, 0),
          )
        for (const health of Object.keys(fleet.healths.toRecord())) expect(healthOrder).toContain(health)
      }),
      { numRuns: 300 },
    )
  })

  test('folders without a replica are known until a full heartbeat of a worker that has not looked', () => {
    const fleet = createFleet()
    const worker = putWorker(fleet, aRecord('w'), now)
    const folders = { items: [], total: 3, looked_at: at(now) }
    const whole = (index: number) => ({ full: true, part: { index, of: 2 } })
    const told = (change: Partial<Heartbeat>) => {
      const { changes } = applyHeartbeat(fleet, worker, aBeat('w', [], change), now)
      return [worker.folders?.total ?? null, changes.workers.has(worker)]
    }
    told({})
    expect(told({ full: false, folders })).toEqual([3, true])
    expect(told({ full: false })).toEqual([3, false])
    expect(told({ ...whole(0), folders })).toEqual([3, false])
    expect(told(whole(1))).toEqual([3, false])
    expect(told(whole(0))).toEqual([null, true])
  })

  test('a request counts as observed once the states of the replicas are known', () => {
    const fleet = createFleet()
    const worker = putWorker(fleet, aRecord('w'), now)
    applyHeartbeat(fleet, worker, aBeat('w', [aState('a')], { full: false, observed_rev: 7 }), now)
    expect([worker.observedRev, worker.replicas.size]).toEqual([0, 0])
    applyHeartbeat(fleet, worker, aBeat('w', [aState('a')], { full: true, observed_rev: 7 }), now)
    expect([worker.observedRev, worker.replicas.size]).toEqual([7, 1])
  })

  test('a request is pending until its worker has it on its disk, and shows when it no longer is', () => {
    const fleet = createFleet()
    const request = { request_id: 'r', replica_id: 'a', rev: 7, requested_at: new Date(now).toISOString() }
    const worker = putWorker(fleet, { ...aRecord('w'), rev: 7, syncs: [request] }, now)
    const told = (kept_rev?: number) => {
      const beat = aBeat('w', [aState('a')], { observed_rev: 7, ...(kept_rev === undefined ? {} : { kept_rev }) })
      const { changes } = applyHeartbeat(fleet, worker, beat, now)
      return [replicaOf(fleet.replicas.get('a')!).pending_requests, changes.replicas.size, withoutObserved(worker).rev]
    }
    expect(told(6)).toEqual([1, 1, 7])
    expect(told(6)).toEqual([1, 0, 7])
    expect(told(7)).toEqual([0, 1, 8])
    expect(told(0)).toEqual([1, 1, 7])
    // A worker of before this field.
    expect(told()).toEqual([0, 1, 8])
  })

  test('a heartbeat that changes nothing changes nothing', () => {
    const fleet = createFleet()
    const worker = putWorker(fleet, aRecord('w'), now)
    const states = [aState('debian.0'), aState('arch.0')]
    applyHeartbeat(fleet, worker, aBeat('w', states), now)
    const { changes, mismatch } = applyHeartbeat(
      fleet,
      worker,
      aBeat('w', [], { full: false, digest: { count: 2, revisions: 2 } }),
      now,
    )
    expect([changes.replicas.size, changes.removed.length, changes.workers.size, mismatch]).toEqual([0, 0, 0, false])
    expect(
      applyHeartbeat(fleet, worker, aBeat('w', [], { full: false, digest: { count: 2, revisions: 3 } }), now).mismatch,
    ).toBe(true)
  })

  test('an id that belongs to another worker’s replica is not taken over', () => {
    const fleet = createFleet()
    applyHeartbeat(fleet, putWorker(fleet, aRecord('w0'), now), aBeat('w0', [aState('debian.0')]), now)
    applyHeartbeat(
      fleet,
      putWorker(fleet, aRecord('w1'), now),
      aBeat('w1', [aState('debian.0', { status: 'failed' })]),
      now,
    )
    expect(fleet.replicas.get('debian.0')?.worker.record.worker_id).toBe('w0')
    expect(fleet.replicas.get('debian.0')?.state.status).toBe('success')
  })
})
