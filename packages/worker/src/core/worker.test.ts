import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aDocument, aReport, aSpec, aWorker, joined, read, start } from '../testing/machine.ts'
import type { WorkerEvent } from './worker.ts'

const typesOf = (effects: readonly { type: string }[]) => effects.map((effect) => effect.type)

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

  test('ends itself at once when it is terminated, and its syncs end with it', () => {
    const worker = aWorker()
    worker.tell(joined('approved'))
    worker.tell({ type: 'woke' }, 100)
    const effects = worker.tell(read(aDocument(2, { terminate: true })), 101)
    expect(typesOf(effects)).toEqual(expect.arrayContaining(['abort', 'end']))
    worker.tell({ type: 'woke' }, 1e6)
    expect(worker.started()).toHaveLength(1)
  })

  test.each([
    ['an answer', joined('rejected')],
    ['a document', read(aDocument(2, { admission: 'rejected' }))],
  ])('rejected by %s, asks again, and ends when that says the same', (_, rejection) => {
    const worker = aWorker()
    worker.tell(joined('approved'))
    worker.tell({ type: 'woke' }, 100)
    expect(typesOf(worker.tell(rejection, 101))).toContain('ask_again')
    expect(typesOf(worker.tell(rejection, 102))).not.toContain('end')
    expect(typesOf(worker.tell(rejection, 104))).toEqual(expect.arrayContaining(['abort', 'end']))
    worker.tell({ type: 'woke' }, 1e6)
    expect(worker.started()).toHaveLength(1)
  })

  test('rejected, ends after a while although nobody answers', () => {
    const worker = aWorker()
    worker.tell(joined('approved'))
    const wake = worker.tell(joined('rejected'), 1).find((effect) => effect.type === 'wake')
    expect(wake?.at).not.toBeNull()
    expect(typesOf(worker.tell({ type: 'woke' }, 3))).not.toContain('end')
    expect(typesOf(worker.tell({ type: 'woke' }, 8))).toContain('end')
  })

  test('rejected and approved again at once, goes on as if nothing had happened', () => {
    const worker = aWorker()
    worker.tell(joined('approved'))
    worker.tell({ type: 'woke' }, 100)
    const effects = [
      ...worker.tell(read(aDocument(2, { admission: 'rejected' })), 101),
      ...worker.tell(read(aDocument(3)), 101),
      ...worker.tell({ type: 'woke' }, 110),
      ...worker.tell(read(aDocument(3)), 200),
    ]
    expect(typesOf(effects)).not.toEqual(expect.arrayContaining(['end']))
    expect(typesOf(effects)).not.toEqual(expect.arrayContaining(['abort']))
    expect(worker.life('declared')).toBe('syncing')
  })

  test('a cached rejection does not keep it from asking again', () => {
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

  test('without its record, does not carry out again what the document that it kept asks for', () => {
    const worker = aWorker([])
    const replicas = [aSpec('a', { interval_secs: null })]
    const request = (id: string) => ({ request_id: id, replica_id: 'a', rev: 2, requested_at: start.toISOString() })
    worker.tell(read(aDocument(2, { replicas, syncs: [request('q1')] }), true))
    worker.tell(read(aDocument(2, { replicas, syncs: [request('q1')] })), 1)
    expect(worker.started()).toEqual([])
    worker.tell(read(aDocument(3, { replicas, syncs: [request('q1'), request('q2')] })), 2)
    expect(worker.started()).toEqual(['sync-1'])
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

  test('in any order of events slots hold, no replica syncs twice at once, and every start was saved first', () => {
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
