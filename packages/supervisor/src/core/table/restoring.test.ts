// restoring.test.ts — What a supervisor reads from its store when it starts is the fleet that heartbeats would have
// made: the same replicas, orders, counters and totals.
import { sampleHeartbeat, sampleSpec } from '@kagami/protocol/testing/samples'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredReplica, WorkerRecord } from '../../store/store.ts'
import { anyState } from '../../testing/any-state.ts'
import { recordOf } from '../../testing/services.ts'
import { noChanges } from '../changes.ts'
import type { Fleet } from '../entries.ts'
import { applyHeartbeat, createFleet, putReplica, putWorker, restoreReplicas } from '../fleet.ts'
import { totalsOf } from '../totals.ts'
import { causesOf, replicaOf, resourceOf, workerOf } from '../views.ts'

const NOW = Date.parse('2026-01-01T01:00:00Z')
const WORKERS = ['w0', 'w1', 'w2']
const IDS = ['a', 'b', 'c', 'd', 'e', '0b5e7c1a-0000-5f00-8000-00000000000a']
const SORTS = ['worst', 'name', 'worker', 'last_success_at', 'size_bytes', 'next_due_at'] as const

const record: fc.Arbitrary<Partial<WorkerRecord>> = fc.record({
  admission: fc.constantFrom('approved', 'pending', 'rejected'),
  older_wire: fc.boolean(),
  removed: fc.subarray(IDS, { maxLength: 2 }),
  replicas: fc
    .subarray(IDS, { maxLength: 3 })
    .map((ids) => ids.map((replica_id) => ({ ...sampleSpec({ replica_id }), spec_rev: 3 }))),
})
const records = fc.tuple(...WORKERS.map(() => record))
/** Of one worker more than there are. */
const stored: fc.Arbitrary<StoredReplica> = fc
  .tuple(
    fc.constantFrom(...WORKERS, 'gone'),
    fc.constantFrom(...IDS).chain((id) => anyState(id)),
  )
  .map(([worker_id, state]) => ({ worker_id, state }))

function fleetOf(given: readonly Partial<WorkerRecord>[]): Fleet {
  const fleet = createFleet({ recentMax: 0 })
  for (const [at, id] of WORKERS.entries()) putWorker(fleet, { ...recordOf(id), ...given[at] }, NOW)
  return fleet
}

/** Whether people want a replica of a worker, said plainly. */
function isKept({ removed, older_wire, replicas }: WorkerRecord, { replica_id, origin }: StoredReplica['state']) {
  const isAdded = replicas.some((spec) => spec.replica_id === replica_id)
  return !removed.includes(replica_id) && (origin === 'config' || older_wire || isAdded)
}

function putOneByOne(fleet: Fleet, all: readonly StoredReplica[]): void {
  for (const { worker_id, state } of all) {
    const worker = fleet.workers.get(worker_id)
    if (worker && isKept(worker.record, state)) putReplica({ fleet, worker, changes: noChanges(), now: NOW }, state)
  }
}

/** All that people are shown of a fleet. */
function shownOf(fleet: Fleet) {
  const { replicas, resources, healths, statuses } = fleet
  const listed = SORTS.map((sort) => {
    for (const _ of replicas.orders.make(sort)) continue
    for (const _ of replicas.orders.settle(sort)) continue
    return [...replicas.orders.walk(sort, null, false)].map((row) => replicas.entryOf(row).replicaId)
  })
  return {
    listed,
    replicas: [...replicas.values()].map((entry) => replicaOf(entry)),
    resources: [...resources.values()].map((resource) => resourceOf(resource)),
    workers: [...fleet.workers.values()].map((worker) => [workerOf(worker), worker.revisions]),
    counted: [healths.toRecord(), statuses.toRecord(), causesOf(fleet, 100), totalsOf(fleet)],
    reviewed: replicas.takeReviews(Number.MAX_SAFE_INTEGER),
  }
}

describe('a fleet that is read from the store', () => {
  it('is the one that its replicas make one by one, in whatever parts they are read', () =>
    fc.assert(
      fc.property(records, fc.array(stored, { maxLength: 15 }), fc.integer({ min: 1, max: 9 }), (given, all, size) => {
        const [restored, plain] = [fleetOf(given), fleetOf(given)]
        for (let from = 0; from < all.length; from += size) restoreReplicas(restored, all.slice(from, from + size), NOW)
        putOneByOne(plain, all)
        expect(shownOf(restored)).toEqual(shownOf(plain))
      }),
      { numRuns: 30 },
    ))

  it('takes heartbeats as any other, of which only what they change is told', () =>
    fc.assert(
      fc.property(
        records,
        fc.array(stored, { maxLength: 10 }),
        fc.array(stored, { maxLength: 5 }),
        (given, all, said) => {
          const [restored, plain] = [fleetOf(given), fleetOf(given)]
          restoreReplicas(restored, all, NOW)
          putOneByOne(plain, all)
          const told = [restored, plain].map((fleet) =>
            WORKERS.map((id) => {
              const replicas = said.filter(({ worker_id }) => worker_id === id).map(({ state }) => state)
              const beat = sampleHeartbeat({ worker_id: id, full: true, replicas, removed: [] })
              const { changes, mismatch } = applyHeartbeat(fleet, fleet.workers.get(id)!, beat, NOW)
              return [[...changes.replicas.keys()], changes.removed.map(({ replicaId }) => replicaId), mismatch]
            }),
          )
          expect(told[0]).toEqual(told[1])
          expect(shownOf(restored)).toEqual(shownOf(plain))
        },
      ),
      { numRuns: 20 },
    ))
})
