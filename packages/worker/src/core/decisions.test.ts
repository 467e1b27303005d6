import type { Hold, SyncAction } from '@kagami/protocol'
import { describe, expect, test } from 'vitest'
import { aDocument, aReport, aSpec, aWorker, read, start } from '../testing/machine.ts'
import { openReplica } from './replica.ts'
import { keptRevOf, openWorker, type WorkerEvent } from './worker.ts'

describe('what people decide about a replica', () => {
  const hold: Hold = {
    hold_id: 'sync-1',
    since: start.toISOString(),
    reason: 'too_many_deletions',
    removed: 8,
    total: 12,
    examples: ['a'],
    rejected: false,
  }
  const held = (syncId: string, change: Partial<typeof hold> = {}): WorkerEvent => ({
    type: 'sync_ended',
    report: aReport(syncId, 'declared', {
      outcome: 'held',
      reason: 'too_many_deletions',
      hold: { ...hold, hold_id: syncId, ...change },
    }),
  })
  const order = (rev: number, action: SyncAction, more: object = {}): WorkerEvent =>
    read(
      aDocument(rev, {
        syncs: [
          { request_id: `q${rev}`, replica_id: 'declared', rev, requested_at: start.toISOString(), action, ...more },
        ],
      }),
    )
  const replica = (worker: ReturnType<typeof aWorker>) => worker.state.replicas.get('declared')!
  const heldWorker = () => {
    const worker = aWorker([aSpec('declared', { origin: 'config', interval_secs: 3600 })])
    worker.tell(read(aDocument(1)))
    worker.tell({ type: 'woke' }, 60)
    worker.tell(held('sync-1'), 61)
    return worker
  }

  test('a held sync is remembered, counts as no failure, and the same finding again is the same hold', () => {
    const worker = heldWorker()
    expect(replica(worker).facts).toMatchObject({ hold, failures: 0 })
    worker.tell({ type: 'woke' }, 10_000)
    worker.tell(held('sync-2'), 10_001)
    expect(replica(worker).facts.hold?.hold_id).toBe('sync-1')
    worker.tell(held('sync-3', { removed: 9 }), 20_001)
    expect(replica(worker).facts.hold).toMatchObject({ hold_id: 'sync-3', removed: 9 })
  })

  test('an approval starts one run that may delete what was shown, restarts or not; an outdated one none', () => {
    const worker = heldWorker()
    worker.tell(order(2, 'approve', { hold_id: 'another' }), 62)
    expect(worker.started()).toEqual(['sync-1'])
    worker.tell(order(3, 'approve', { hold_id: 'sync-1' }), 63)
    expect(replica(worker).life).toMatchObject({
      state: 'syncing',
      syncId: 'sync-2',
      task: { type: 'sync', approved: 8 },
    })
    worker.tell(order(3, 'approve', { hold_id: 'sync-1' }), 64)
    const again = openWorker(
      {
        id: 'w',
        instance: 'me',
        limits: { perWorker: 1, perHost: 1 },
        declared: [aSpec('declared', { origin: 'config' })],
        remembered: new Map([['declared', replica(worker)]]),
      },
      start,
    )
    expect(again.replicas.get('declared')?.life).toMatchObject({ state: 'queued', task: { type: 'sync', approved: 8 } })
    worker.tell({ type: 'sync_ended', report: aReport('sync-2', 'declared') }, 65)
    expect(replica(worker).facts.hold).toBeNull()
    worker.tell({ type: 'woke' }, 30_000)
    expect(replica(worker).life).toMatchObject({ task: { type: 'sync', approved: null } })
  })

  test('a rejection starts nothing and is kept', () => {
    const worker = heldWorker()
    worker.tell(order(2, 'reject', { hold_id: 'sync-1' }), 62)
    expect(worker.started()).toEqual(['sync-1'])
    expect(replica(worker).facts.hold?.rejected).toBe(true)
    worker.tell({ type: 'woke' }, 10_000)
    worker.tell(held('sync-2'), 10_001)
    expect(replica(worker).facts.hold).toMatchObject({ hold_id: 'sync-1', rejected: true })
  })

  test('a paused replica starts nothing by itself, but what people ask for', () => {
    const worker = aWorker()
    worker.tell(read(aDocument(1, { paused: ['declared'] })))
    worker.tell({ type: 'woke' }, 100_000)
    expect(worker.started()).toEqual([])
    expect(worker.tell({ type: 'woke' }, 100_001).find((effect) => effect.type === 'wake')).toEqual({
      type: 'wake',
      at: null,
    })
    worker.tell({ type: 'sync_requested', replicaId: 'declared', requestId: 'q' }, 100_002)
    expect(worker.started()).toEqual(['sync-1'])
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'declared') }, 100_003)
    worker.tell(read(aDocument(2)), 200_000)
    expect(worker.started()).toEqual(['sync-1', 'sync-2'])
  })

  test('going back to an earlier tree is a run of its own, and no success of the upstream', () => {
    const worker = aWorker()
    worker.tell(order(1, 'rollback', { generation: 3 }))
    expect(replica(worker).life).toMatchObject({ state: 'syncing', task: { type: 'rollback', to: 3 } })
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'declared', { action: 'rollback', generation: 3 }) }, 5)
    expect(replica(worker).facts).toMatchObject({ generation: 3, lastSuccessAt: null })
  })

  test('requests that wait become one run where one can do both, and none is lost where not', () => {
    const busy = () => {
      const worker = aWorker()
      worker.tell(read(aDocument(1)))
      worker.tell({ type: 'sync_requested', replicaId: 'declared', requestId: 'first' })
      return worker
    }
    const next = (worker: ReturnType<typeof aWorker>, nth: number) => {
      worker.tell({ type: 'sync_ended', report: aReport(`sync-${nth}`, 'declared') }, nth)
      return replica(worker).life
    }
    const verified = busy()
    verified.tell(order(2, 'verify'))
    verified.tell({ type: 'sync_requested', replicaId: 'declared', requestId: 'plain' })
    expect(next(verified, 1)).toMatchObject({
      state: 'syncing',
      task: { type: 'sync', approved: null, thorough: true },
    })
    const rolled = busy()
    rolled.tell(order(2, 'rollback', { generation: 3 }))
    rolled.tell({ type: 'sync_requested', replicaId: 'declared', requestId: 'plain' })
    expect(next(rolled, 1)).toMatchObject({ state: 'syncing', task: { type: 'rollback', to: 3 } })
    expect(next(rolled, 2)).toMatchObject({ state: 'idle' })
  })

  test('a rollback that waits for a slot is not lost when a proof of the copy is requested meanwhile', () => {
    const worker = aWorker([aSpec('other', { origin: 'config' }), aSpec('declared', { origin: 'config' })], {
      perWorker: 1,
      perHost: 1,
    })
    worker.tell(read(aDocument(1)))
    worker.tell({ type: 'sync_requested', replicaId: 'other', requestId: 'first' })
    worker.tell(order(2, 'rollback', { generation: 3 }), 1)
    worker.tell(order(3, 'verify'), 2)
    expect(replica(worker).life).toMatchObject({ state: 'queued', task: { type: 'rollback', to: 3 } })
    const restarted = openReplica(replica(worker).spec, replica(worker), start)
    expect(restarted).toMatchObject({ life: { task: { type: 'rollback' } }, again: { task: { thorough: true } } })
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'other') }, 3)
    expect(replica(worker).life).toMatchObject({ state: 'syncing', task: { type: 'rollback', to: 3 } })
    worker.tell({ type: 'sync_ended', report: aReport('sync-2', 'declared', { action: 'rollback' }) }, 4)
    expect(replica(worker).life).toMatchObject({ state: 'syncing', task: { thorough: true } })
  })

  test('a restored ref is a run of its own, and no success of the upstream', () => {
    const worker = aWorker()
    worker.tell(order(1, 'restore', { kept_id: '20261128T010749Z/heads/main' }))
    expect(replica(worker).life).toMatchObject({ task: { type: 'restore', id: '20261128T010749Z/heads/main' } })
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'declared', { action: 'restore' }) }, 5)
    expect(replica(worker).facts).toMatchObject({ lastSuccessAt: null, lastSync: { outcome: 'success' } })
  })

  test('a document counts as kept once it is on the disk, and only while it is of the present term', () => {
    const worker = aWorker()
    const told = (event: WorkerEvent) => {
      const effects = worker.tell(event)
      return [keptRevOf(worker.state), effects.some(({ type }) => type === 'announce')]
    }
    expect(told(read(aDocument(4), true))).toEqual([4, true])
    expect(told(read(aDocument(5)))).toEqual([4, true])
    expect(told({ type: 'desired_kept', kept: aDocument(5) })).toEqual([5, true])
    expect(told({ type: 'desired_kept', kept: aDocument(5) })).toEqual([5, false])
    expect(told(read(aDocument(2, { term: aDocument(2).term + 1 })))).toEqual([0, true])
  })

  test('a request that a restored database brings back is not carried out again', () => {
    const worker = aWorker()
    worker.tell(order(1, 'rollback', { generation: 3 }))
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'declared', { action: 'rollback', generation: 3 }) }, 5)
    worker.tell(read(aDocument(2)), 6)
    worker.tell(order(1, 'rollback', { generation: 3 }), 7)
    const rollbacks = worker.all.filter(
      ({ type, ...effect }) => type === 'start' && JSON.stringify(effect).includes('"rollback"'),
    )
    expect(rollbacks).toHaveLength(1)
    expect(replica(worker).taken).toEqual(['q1'])
    for (let rev = 3; rev < 100; rev++) worker.tell(order(rev, 'reject', { hold_id: 'none' }), rev)
    worker.tell(read(aDocument(100)), 100)
    expect(replica(worker).taken).toHaveLength(50)
  })
})
