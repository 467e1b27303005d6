import type { Hold, ReplicaSpec } from '@kagami/protocol'
import { describe, expect, test } from 'vitest'
import { aDocument, aReport, aSpec, aWorker, read, start } from '../testing/machine.ts'
import { timingOf } from './schedule.ts'
import { openWorker, type WorkerEvent } from './worker.ts'

const hold: Hold = {
  hold_id: 'sync-1',
  since: start.toISOString(),
  reason: 'too_many_deletions',
  removed: 8,
  total: 12,
  examples: [],
  rejected: false,
}
const before = aSpec('r', { interval_secs: 3600, options: { exclude: ['a'] } })
const documentOf = (rev: number, spec: ReplicaSpec, more: object = {}) =>
  read(aDocument(rev, { replicas: [spec], ...more }))
const approval = (rev: number) => ({
  syncs: [
    {
      request_id: `q${rev}`,
      replica_id: 'r',
      rev,
      requested_at: start.toISOString(),
      action: 'approve' as const,
      hold_id: 'sync-1',
    },
  ],
})
const endedHeld = (syncId: string): WorkerEvent => ({
  type: 'sync_ended',
  report: aReport(syncId, 'r', { outcome: 'held', reason: 'too_many_deletions', hold: { ...hold, hold_id: syncId } }),
})

/** A worker whose first sync of `r` has started after a minute. */
function syncingWorker() {
  const worker = aWorker([])
  worker.tell(documentOf(1, before))
  worker.tell({ type: 'woke' }, 60)
  expect(worker.started()).toEqual(['sync-1'])
  return worker
}

function heldWorker() {
  const worker = syncingWorker()
  worker.tell(endedHeld('sync-1'), 61)
  expect(replica(worker).facts.hold).toMatchObject({ removed: 8 })
  return worker
}

const replica = (worker: ReturnType<typeof aWorker>) => worker.state.replicas.get('r')!
const dueIn = (worker: ReturnType<typeof aWorker>, atSecond: number) => {
  const { nextDueAt } = replica(worker).facts
  return nextDueAt && (nextDueAt.getTime() - start.getTime()) / 1000 - atSecond
}

/** What changes what a sync does. */
const MATERIAL: [string, Partial<ReplicaSpec>][] = [
  ['another upstream', { upstream: 'https://example.org/other.git' }],
  ['other options', { options: { exclude: ['b'] } }],
  ['a deletion limit', { options: { exclude: ['a'], max_delete_percent: 90 } }],
  ['credentials', { auth: { type: 'sealed', box: 'x' } }],
]
/** What does not. */
const BESIDE: [string, Partial<ReplicaSpec>][] = [
  ['labels', { labels: { env: 'prod' } }],
  ['another interval', { interval_secs: 7200 }],
  ['a window', { options: { exclude: ['a'], windows: ['00:00-24:00'] } }],
  ['another name', { name: 'renamed' }],
]

describe('a replica that was edited', () => {
  test.each(MATERIAL)('with %s is synced soon, and a hold of what it was before is over', (_what, change) => {
    const worker = heldWorker()
    worker.tell(documentOf(2, { ...before, ...change, spec_rev: 2 }), 100)
    expect(replica(worker).facts.hold).toBeNull()
    expect(dueIn(worker, 100)).toBeLessThanOrEqual(30)
    worker.tell(documentOf(3, { ...before, ...change, spec_rev: 2 }, approval(3)), 101)
    expect(replica(worker).life.state).toBe('idle')
    worker.tell({ type: 'woke' }, 131)
    expect(replica(worker).life).toMatchObject({ state: 'syncing', task: { approved: null } })
  })

  test.each(BESIDE)('with %s keeps its hold, and what was approved of it', (_what, change) => {
    const worker = heldWorker()
    worker.tell(documentOf(2, { ...before, ...change, spec_rev: 2 }), 100)
    expect(replica(worker).facts.hold).toMatchObject({ hold_id: 'sync-1' })
    worker.tell(documentOf(3, { ...before, ...change, spec_rev: 2 }, approval(3)), 101)
    expect(replica(worker).life).toMatchObject({ state: 'syncing', task: { approved: 8 } })
  })

  test.each(MATERIAL)('with %s takes back an approval that waits, over a restart too', (_what, change) => {
    const worker = heldWorker()
    worker.tell({ type: 'woke' }, 4000)
    expect(worker.started()).toEqual(['sync-1', 'sync-2'])
    worker.tell(documentOf(2, before, approval(2)), 4001)
    expect(replica(worker).again).toMatchObject({ task: { approved: 8 } })
    worker.tell(documentOf(3, { ...before, ...change, spec_rev: 3 }, approval(2)), 4002)
    expect(replica(worker).again).toMatchObject({ task: { approved: null } })
    const { id, instance, limits } = worker.state
    const remembered = new Map([['r', replica(worker)]])
    const again = openWorker({ id, instance, limits, declared: [before], remembered }, start)
    expect(again.replicas.get('r')?.life).toMatchObject({ state: 'queued', task: { approved: null } })
  })

  test.each(MATERIAL)('with %s while an approved sync runs approves no other one', (_what, change) => {
    const worker = heldWorker()
    worker.tell(documentOf(2, before, approval(2)), 100)
    expect(replica(worker).life).toMatchObject({ state: 'syncing', task: { approved: 8 } })
    worker.tell(documentOf(3, { ...before, ...change, spec_rev: 3 }), 101)
    const { id, instance, limits } = worker.state
    const remembered = new Map([['r', replica(worker)]])
    const again = openWorker({ id, instance, limits, declared: [before], remembered }, start)
    expect(again.replicas.get('r')?.life).toMatchObject({ state: 'queued', task: { approved: null } })
  })

  test('while it syncs ends that sync as it began, is synced again soon, and is not held for what it was', () => {
    const worker = syncingWorker()
    worker.tell(documentOf(2, { ...before, upstream: 'https://example.org/other.git', spec_rev: 2 }), 100)
    expect(replica(worker).life).toMatchObject({ state: 'syncing', syncId: 'sync-1' })
    worker.tell(endedHeld('sync-1'), 200)
    expect(replica(worker).facts).toMatchObject({ hold: null, lastSync: { outcome: 'held' } })
    expect(dueIn(worker, 200)).toBeLessThanOrEqual(30)
    worker.tell({ type: 'woke' }, 231)
    expect(worker.started()).toEqual(['sync-1', 'sync-2'])
  })

  test('with other labels while it syncs is due after its interval, as before', () => {
    const worker = syncingWorker()
    worker.tell(documentOf(2, { ...before, labels: { env: 'prod' }, spec_rev: 2 }), 100)
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'r') }, 200)
    expect(dueIn(worker, 200)).toBeGreaterThan(2000)
  })

  test('with another interval counts that from its last sync; with other labels nothing moves', () => {
    const worker = syncingWorker()
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'r') }, 61)
    const due = replica(worker).facts.nextDueAt
    worker.tell(documentOf(2, { ...before, labels: { env: 'prod' }, spec_rev: 2 }), 100)
    expect(replica(worker).facts.nextDueAt).toEqual(due)
    const started = Date.parse(replica(worker).facts.lastSync!.started_at)
    const at = (start.getTime() + 200_000 - started) / 1000
    worker.tell(documentOf(3, { ...before, interval_secs: 7200, spec_rev: 3 }), 200)
    expect(dueIn(worker, 200)).toBeCloseTo(7200 - at, 0)
    worker.tell(documentOf(4, { ...before, interval_secs: 60, spec_rev: 4 }), 300)
    expect(dueIn(worker, 300)).toBeLessThanOrEqual(6)
    worker.tell(documentOf(5, { ...before, interval_secs: null, spec_rev: 5 }), 301)
    expect(replica(worker).facts.nextDueAt).toBeNull()
    worker.tell(documentOf(6, { ...before, interval_secs: null, options: { cron: '30 3 * * *' }, spec_rev: 6 }), 302)
    expect(timingOf(replica(worker).spec).cron).toBe('30 3 * * *')
    expect(replica(worker).facts.nextDueAt?.toISOString()).toContain('T03:30:')
  })

  test('while it is paused stays paused, and reports which edit it has', () => {
    const worker = heldWorker()
    worker.tell(documentOf(2, before, { paused: ['r'] }), 100)
    worker.tell(documentOf(3, { ...before, options: {}, spec_rev: 3 }, { paused: ['r'] }), 101)
    worker.tell({ type: 'woke' }, 500)
    expect(replica(worker)).toMatchObject({ paused: true, life: { state: 'idle' }, spec: { spec_rev: 3 } })
  })
})
