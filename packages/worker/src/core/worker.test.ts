import type { Desired, Hold, ReplicaSpec, SyncReport } from '@kagami/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createWorkerMachine, openWorker, type WorkerEffect, type WorkerEvent, type WorkerState } from './worker.ts'

const start = new Date('2026-01-01T00:00:00Z')

function aSpec(id: string, change: Partial<ReplicaSpec> = {}): ReplicaSpec {
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

function aDocument(rev: number, change: Partial<Desired> = {}): Desired {
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

function aReport(syncId: string, replicaId: string, change: Partial<SyncReport> = {}): SyncReport {
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
function aWorker(
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

const read = (desired: Desired, cached = false): WorkerEvent => ({ type: 'desired_read', desired, cached })
const joined = (status: 'pending' | 'approved' | 'rejected', accepted = status === 'approved'): WorkerEvent => ({
  type: 'join_answered',
  reply: { accepted, status, reason: null },
})

describe('a worker', () => {
  test('that nobody approved syncs nothing, however long it waits', () => {
    const worker = aWorker()
    for (const event of [joined('pending'), { type: 'woke' } as const]) worker.tell(event, 1e6)
    worker.tell({ type: 'sync_requested', replicaId: 'declared', requestId: 'q' }, 1e6)
    expect(worker.started()).toEqual([])
    worker.tell(joined('approved'), 1e6)
    expect(worker.started()).toEqual(['sync-1'])
  })

  test('syncs on from its cached document while nobody answers', () => {
    const worker = aWorker([])
    worker.tell(read(aDocument(5, { replicas: [aSpec('added')], instance: 'the process before' }), true))
    worker.tell({ type: 'join_answered', reply: null })
    worker.tell({ type: 'woke' }, 100)
    expect(worker.started()).toEqual(['sync-1'])
  })

  test('ends itself when it is rejected or terminated, and its syncs end with it', () => {
    for (const last of [
      joined('rejected'),
      read(aDocument(2, { terminate: true })),
      read(aDocument(2, { admission: 'rejected' })),
    ]) {
      const worker = aWorker()
      worker.tell(joined('approved'))
      worker.tell({ type: 'woke' }, 100)
      expect(worker.tell(last, 101).map((effect) => effect.type)).toEqual(expect.arrayContaining(['abort', 'end']))
      worker.tell({ type: 'woke' }, 1e6)
      expect(worker.started()).toHaveLength(1)
    }
  })

  test('a cached no does not keep it from asking anew', () => {
    const worker = aWorker()
    expect(worker.tell(read(aDocument(3, { admission: 'rejected' }), true)).map((effect) => effect.type)).not.toContain(
      'end',
    )
  })

  test('starts a requested sync once, however often the document is read', () => {
    const worker = aWorker([])
    const document = aDocument(2, {
      replicas: [aSpec('a', { interval_secs: null })],
      syncs: [{ request_id: 'q', replica_id: 'a', rev: 2, requested_at: start.toISOString() }],
    })
    for (let i = 0; i < 5; i++) worker.tell(read(document))
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'a', { trigger: 'manual', request_id: 'q' }) }, 5)
    for (let i = 0; i < 5; i++) worker.tell(read(document), 6)
    expect(worker.started()).toEqual(['sync-1'])
  })

  test('asked again while it syncs, it syncs once more, since the upstream may have changed', () => {
    const worker = aWorker([])
    const replicas = [aSpec('a', { interval_secs: null })]
    const request = (id: string) => ({ request_id: id, replica_id: 'a', rev: 2, requested_at: start.toISOString() })
    worker.tell(read(aDocument(2, { replicas, syncs: [request('q1')] })))
    worker.tell(read(aDocument(3, { replicas, syncs: [request('q1'), request('q2')] })), 1)
    expect(worker.started()).toEqual(['sync-1'])
    worker.tell({ type: 'sync_ended', report: aReport('sync-1', 'a') }, 2)
    expect(worker.started()).toEqual(['sync-1', 'sync-2'])
  })

  test('keeps what must survive before it starts a sync', () => {
    const worker = aWorker([])
    const effects = worker
      .tell(
        read(
          aDocument(2, {
            replicas: [aSpec('a')],
            syncs: [{ request_id: 'q', replica_id: 'a', rev: 2, requested_at: start.toISOString() }],
          }),
        ),
      )
      .map((effect) => effect.type)
    expect(effects.indexOf('persist')).toBeGreaterThanOrEqual(0)
    expect(effects.indexOf('persist')).toBeLessThan(effects.indexOf('start'))
  })

  test('a removed replica is gone, and its sync is stopped', () => {
    const worker = aWorker()
    worker.tell(read(aDocument(2, { replicas: [aSpec('a')] })))
    worker.tell({ type: 'woke' }, 100)
    const effects = worker.tell(read(aDocument(3, { removed: ['declared'] })), 101)
    expect(effects.filter((effect) => effect.type === 'abort')).toHaveLength(2)
    expect([...worker.state.replicas.keys()]).toEqual([])
  })

  test('a document of an older term is not obeyed', () => {
    const worker = aWorker()
    worker.tell(read(aDocument(9, { term: 5, replicas: [aSpec('a')] })))
    worker.tell(read(aDocument(10, { term: 4, replicas: [] })))
    expect(worker.state.replicas.has('a')).toBe(true)
  })

  test('a document for another process of its id stops it, one for itself sets it going again', () => {
    const worker = aWorker()
    worker.tell(read(aDocument(2)))
    worker.tell({ type: 'woke' }, 100)
    expect(worker.tell(read(aDocument(3, { instance: 'another' })), 101)).toContainEqual({
      type: 'abort',
      syncId: 'sync-1',
      reason: 'interrupted',
    })
    worker.tell(
      { type: 'sync_ended', report: aReport('sync-1', 'declared', { outcome: 'interrupted', reason: 'interrupted' }) },
      102,
    )
    worker.tell({ type: 'woke' }, 1e5)
    expect(worker.started()).toHaveLength(1)
    worker.tell(read(aDocument(4)), 1e5)
    expect(worker.started()).toHaveLength(2)
  })

  test('asked to stop, it starts nothing more', () => {
    const worker = aWorker()
    worker.tell(joined('approved'))
    worker.tell({ type: 'stop_asked' })
    worker.tell({ type: 'woke' }, 1e6)
    expect(worker.started()).toEqual([])
  })

  test('whatever comes in whatever order: slots hold, no replica syncs twice at once, and every sync that started was kept first', () => {
    const ids = ['declared', 'a', 'b', 'c']
    const document = fc.record({
      rev: fc.integer({ min: 1, max: 50 }),
      replicas: fc.subarray(ids.slice(1)),
      removed: fc.subarray(ids),
      syncs: fc.subarray(['a', 'b', 'declared']),
      admission: fc.constantFrom('approved' as const, 'pending' as const),
    })
    const event = fc.oneof(
      document.map(({ rev, replicas, removed, syncs, admission }) =>
        read(
          aDocument(rev, {
            admission,
            replicas: replicas.map((id) => aSpec(id, { upstream: 'http://one.example/f' })),
            removed,
            syncs: syncs.map((id) => ({
              request_id: `${id}-${rev}`,
              replica_id: id,
              rev,
              requested_at: start.toISOString(),
            })),
          }),
        ),
      ),
      fc.constant<WorkerEvent>({ type: 'woke' }),
      fc.constant(joined('approved')),
      fc.constant(joined('pending')),
      fc.constant<WorkerEvent>({ type: 'join_answered', reply: null }),
      fc.nat(30).map<WorkerEvent>((n) => ({ type: 'cancel_asked', syncId: `sync-${n}` })),
      fc
        .record({ n: fc.nat(30), id: fc.constantFrom(...ids), failed: fc.boolean() })
        .map<WorkerEvent>(({ n, id, failed }) => ({
          type: 'sync_ended',
          report: aReport(`sync-${n}`, id, failed ? { outcome: 'failed', reason: 'timed_out' } : {}),
        })),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(90)), { maxLength: 60 }), (events) => {
        const worker = aWorker(undefined, { perWorker: 2, perHost: 1 })
        let clock = 0
        for (const [one, wait] of events) {
          clock += wait
          const kept = new Set<string>()
          for (const effect of worker.tell(one, clock)) {
            if (effect.type === 'persist') kept.add(effect.replica.spec.replica_id)
            if (effect.type === 'start') expect(kept).toContain(effect.replica.spec.replica_id)
          }
          const syncing = [...worker.state.replicas.values()].filter((replica) => replica.life.state === 'syncing')
          expect(syncing.length).toBeLessThanOrEqual(2)
          for (const replica of worker.state.replicas.values()) expect(replica.revisionNo).toBeGreaterThan(0)
        }
        expect(new Set(worker.started()).size).toBe(worker.started().length)
      }),
      { numRuns: 300 },
    )
  })
})

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
  const order = (rev: number, action: 'approve' | 'reject' | 'rollback', more: object = {}): WorkerEvent =>
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

  test('an approval starts one run that may delete as much as was shown, restarts included; an outdated one starts none', () => {
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
})
