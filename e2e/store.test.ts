// store.test.ts — One conformance suite for the store, on a real SQLite file and a real PostgreSQL server.
import { writeFileSync } from 'node:fs'
import type { SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { createLogger, newId } from '@kagami/runtime'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { Store, StoredReplica, WorkerRecord } from '@kagami/supervisor/store/store'
import { beforeAll, describe, expect, test } from 'vitest'
import { queryDatabase } from './harness/database.ts'
import { createPlace } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'

const logger = createLogger('test', { LOG_LEVEL: 'silent' })
const noOriginal = () => ({ workers: [], replicas: [], leftOut: 0 })
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()

function makeRecord(id: string, change: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    worker_id: id,
    name: `${id}.example.org`,
    admission: 'approved',
    reason: null,
    first_seen_at: at(0),
    decided_at: at(1),
    decided_by: 'li',
    version: '0.1.0',
    hostname: 'h',
    http_addr: null,
    data_dir: '/d',
    older_wire: false,
    kinds: [],
    instance: 'i',
    rev: 3,
    removed: ['gone'],
    last_seen_at: at(2),
    paused: [{ replica_id: 'r', by: 'li', at: at(2), reason: null }],
    replicas: [
      {
        replica_id: 'r',
        name: 'debian',
        kind: 'rsync',
        upstream: 'rsync://h/debian/',
        interval_secs: 60,
        labels: { env: 'prod 雪' },
        options: {},
        auth: null,
        origin: 'api',
      },
    ],
    syncs: [{ request_id: 'q', replica_id: 'r', rev: 3, requested_at: at(2) }],
    ...change,
  }
}

const makeReport = (minute: number, change: Partial<SyncReport> = {}) =>
  sampleReport({
    sync_id: newId(),
    name: 'debian',
    kind: 'rsync',
    started_at: at(minute),
    ended_at: at(minute + 1),
    duration_ms: 60_000,
    bytes: 2 ** 40,
    files: 10,
    size_bytes: 2 ** 45,
    revision: 'abc',
    ...change,
  })

/** Begins a term, as a second supervisor would. */
const beginTerm = (url: string, term: number) =>
  queryDatabase(url, `update meta set value = '${term}' where key = 'term'`)

const audit = {
  at: at(5),
  actor: 'li',
  remote: '127.0.0.1',
  action: 'approve',
  target: 'w',
  detail: null,
  result: 'ok',
}

describe.each(['sqlite', 'postgres'] as const)('the store on %s', (kind) => {
  const place = createPlace()
  let url: string
  let store: Store
  const open = async () => {
    store = await openSqlStore(url, logger)
    await store.prepare(noOriginal)
  }
  const loadedReplicas = async () => {
    const all: StoredReplica[] = []
    for await (const part of store.loadReplicas()) all.push(...part)
    return all
  }

  beforeAll(async () => {
    url = kind === 'sqlite' ? `sqlite://${place.at('db', 'supervisor.db')}?mode=rwc` : await startPostgres(place)
    await open()
    place.onEnd(() => store.close())
  })

  test('returns the newest version of a worker as it was saved', async () => {
    await store.saveWorker(makeRecord('w', { admission: 'pending' }))
    await store.saveWorker(makeRecord('w'), audit)
    await store.saveWorker(makeRecord('x', { last_seen_at: null }))
    expect((await store.loadWorkers()).sort((a, b) => (a.worker_id < b.worker_id ? -1 : 1))).toEqual([
      makeRecord('w'),
      makeRecord('x', { last_seen_at: null }),
    ])
    expect((await store.listAudit({ targets: ['w'] }, { cursor: null, limit: 10 })).items).toEqual([
      { ...audit, id: expect.any(Number) },
    ])
  })

  test('counts the uses of a join token, and binds each key once', async () => {
    const token = {
      id: 't',
      hash: 'h',
      worker_id: null,
      uses: 2,
      used: 0,
      made_at: at(0),
      made_by: 'li',
      expires_at: at(9),
    }
    const key = (id: string, worker: string) => ({
      public_key: id,
      worker_id: worker,
      claimed_at: at(1),
      revoked_at: null,
    })
    await store.addJoinToken(token, audit)
    expect(await store.findJoinToken('h')).toEqual(token)
    expect(await store.findJoinToken('x')).toBeNull()
    expect(await store.claimKey(key('U1', 'a'), 't', audit)).toBe(true)
    await expect(store.claimKey(key('U1', 'b'), 't', audit)).rejects.toThrow()
    expect((await store.listJoinTokens())[0]).toEqual({ ...token, used: 1 })
    expect(await store.claimKey(key('U2', 'b'), 't', audit)).toBe(true)
    expect(await store.claimKey(key('U3', 'c'), 't', audit)).toBe(false)
    expect(await store.findKeys('a', 'U2')).toEqual(expect.arrayContaining([key('U1', 'a'), key('U2', 'b')]))
    expect(await store.revokeKeys('a', new Date(at(3)), audit)).toEqual([{ ...key('U1', 'a'), revoked_at: at(3) }])
    expect(await store.revokeKeys('a', new Date(at(4)), audit)).toEqual([])
    await store.rememberKey(key('U1', 'z'))
    expect(await store.listRevokedKeys()).toEqual([{ ...key('U1', 'a'), revoked_at: at(3) }])
    expect([await store.removeJoinToken('t', audit), await store.removeJoinToken('t', audit)]).toEqual([true, false])
  })

  test('stores each report once, even when it comes twice', async () => {
    const reports = Array.from({ length: 30 }, (_, minute) => makeReport(minute))
    expect((await store.addReports(reports.slice(0, 20))).size).toBe(20)
    const added = await store.addReports(reports)
    expect(added).toEqual(new Set(reports.slice(20).map((report) => report.sync_id)))
    expect((await store.listSyncs({}, { cursor: null, limit: 100 })).total).toBe(30)
    expect(await store.findSync(reports[7]!.sync_id)).toEqual(reports[7])
    expect(await store.findSync(reports[7]!.sync_id.slice(0, -1))).toEqual(reports[7])
    expect(await store.findSync('nothing')).toBeNull()
    const beside = { previous: reports[6]!.sync_id, next: reports[8]!.sync_id }
    expect(await store.findNeighbours('r', reports[7]!.sync_id)).toEqual(beside)
    expect(await store.findNeighbours('r', 'running')).toEqual({ previous: reports[29]!.sync_id, next: null })
  })

  test('pages through the history, newest first, without gaps when new syncs come in between', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await store.listSyncs({ replicaId: 'r' }, { cursor, limit: 7 })
      seen.push(...page.items.map((report) => report.started_at))
      cursor = page.nextCursor
      if (seen.length === 7) await store.addReports([makeReport(59)])
    } while (cursor)
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => at(29 - i)))
  })

  test('lists what was recorded last first, also when the clock of a worker was wrong', async () => {
    const times = ['2036-01-01T00:00:00.000Z', '2006-01-01T00:00:00.000Z', at(30)]
    for (const [n, time] of times.entries())
      await store.addReports([
        makeReport(0, { name: 'odd', replica_id: `odd-${n}`, started_at: time, ended_at: time, outcome: 'failed' }),
      ])
    const page = await store.listSyncs({ name: 'odd' }, { cursor: null, limit: 2 })
    const rest = await store.listSyncs({ name: 'odd' }, { cursor: page.nextCursor, limit: 2 })
    expect([...page.items, ...rest.items].map((report) => report.started_at)).toEqual(times.toReversed())
    expect((await store.lastFailure())?.started_at).toBe(at(30))
    await queryDatabase(url, "delete from syncs where name = 'odd'")
  })

  test('filters the history by worker, name and outcome', async () => {
    await store.addReports([
      makeReport(40, { worker_id: 'x', name: 'arch', replica_id: 'r2', outcome: 'failed', reason: 'timed_out' }),
    ])
    const names = async (filter: Parameters<Store['listSyncs']>[0]) =>
      (await store.listSyncs(filter, { cursor: null, limit: 100 })).items.map((report) => report.name)
    expect(await names({ workerId: 'x' })).toEqual(['arch'])
    expect(await names({ name: 'arch' })).toEqual(['arch'])
    expect(await names({ outcomes: ['failed', 'held'] })).toEqual(['arch'])
    expect((await store.lastFailure())?.name).toBe('arch')
  })

  test('keeps and removes the last known states of replicas', async () => {
    const state = { replica_id: 'r', name: 'debian' } as never
    await store.saveStates({
      replicas: [
        { worker_id: 'w', state },
        { worker_id: 'x', state },
      ],
      removed: [],
      seen: [{ worker_id: 'x', at: at(9) }],
    })
    await store.saveStates({
      replicas: [{ worker_id: 'w', state: { ...(state as object), name: 'renamed' } as never }],
      removed: [{ worker_id: 'x', replica_id: 'r' }],
      seen: [],
    })
    const left = [{ worker_id: 'w', state: { replica_id: 'r', name: 'renamed' } }]
    expect(await loadedReplicas()).toEqual(left)
    expect((await store.loadWorkers()).find((worker) => worker.worker_id === 'x')?.last_seen_at).toBe(at(9))
  })

  test('writes nothing once a later term has begun, and still reads', async () => {
    const first = await store.nextTerm()
    await store.saveWorker(makeRecord('y'), audit)
    expect(await store.nextTerm(first + 5)).toBe(first + 6)
    await beginTerm(url, first + 7)
    const writes: (() => Promise<unknown>)[] = [
      () => store.saveWorker(makeRecord('z'), audit),
      () => store.removeWorker('y', null, audit),
      () => store.addReports([makeReport(50)]),
      () => store.addAudit(audit),
      () => store.prune(new Date()),
      () => store.saveStates({ replicas: [], removed: [], seen: [{ worker_id: 'y', at: at(30) }] }),
      () => store.addDeadLetter({ subject: 's', body: 'b', reason: 'r', at: new Date() }),
      () => store.rememberKey({ public_key: 'U9', worker_id: 'y', claimed_at: at(1), revoked_at: null }),
      () => store.removeJoinToken('t', audit),
      () => store.revokeKeys('y', new Date(), audit),
      () => store.nextTerm(),
      () => store.checkTerm(),
    ]
    const before = JSON.stringify([
      await store.loadWorkers(),
      await store.listAudit({}, { cursor: null, limit: 500 }),
      await store.countDeadLetters(),
      await store.findKeys('y', 'U9'),
    ])
    for (const write of writes)
      await expect(write(), String(write)).rejects.toThrow('another supervisor has taken over this database')
    expect(
      JSON.stringify([
        await store.loadWorkers(),
        await store.listAudit({}, { cursor: null, limit: 500 }),
        await store.countDeadLetters(),
        await store.findKeys('y', 'U9'),
      ]),
    ).toBe(before)
    expect((await store.superseded).code).toBe('unavailable')
    await store.close()
    await open()
    await store.removeWorker('y', null, audit)
  })

  test('removes a terminated worker, but not its history, nor which process was terminated', async () => {
    await store.removeWorker('w', 'i', { ...audit, action: 'terminate' })
    expect((await store.loadWorkers()).map((worker) => worker.worker_id)).toEqual(['x'])
    expect(await loadedReplicas()).toEqual([])
    expect(await store.loadTombstones()).toEqual([{ worker_id: 'w', instance: 'i' }])
    expect((await store.listSyncs({ workerId: 'w' }, { cursor: null, limit: 1 })).total).toBe(31)
  })

  test('sets malformed messages aside, of any content and number, and removes old history', async () => {
    await store.addDeadLetter({ subject: 's', body: '{', reason: 'not JSON', at: new Date() })
    expect(await store.countDeadLetters()).toBe(1)
    await store.addDeadLetter({
      subject: 'kagami.evt.\0',
      body: `\0${'x'.repeat(100_000)}`,
      reason: 'a NUL in it',
      at: new Date(),
    })
    for (let more = 0; more < 2500; more++)
      await store.addDeadLetter({ subject: 's', body: '{', reason: 'flood', at: new Date() })
    expect(await store.countDeadLetters()).toBe(2500)
    expect(await store.prune(new Date(at(11)))).toBe(10)
  })

  test('keeps its history when the clock is a year ahead for an hour', async () => {
    const late = makeReport(0, { started_at: at(60 * 7), ended_at: at(60 * 7) })
    await store.addReports([late])
    await store.prune(new Date(Date.parse(at(0)) + 365 * 86_400_000))
    expect(await store.findSync(late.sync_id)).toEqual(late)
    await store.prune(new Date(at(11)))
    expect(await store.findSync(late.sync_id)).toEqual(late)
  })

  test('keeps the newest refusals, and all writes that were done', async () => {
    const page = { cursor: null, limit: 1 }
    const done = (await store.listAudit({}, page)).total
    await store.addAudit({ ...audit, at: at(5), result: 'unauthorized' })
    await store.addAudit({ ...audit, at: at(50), result: 'unauthorized' })
    await store.prune(new Date(at(11)))
    expect((await store.listAudit({}, page)).total).toBe(done + 1)
    const flood = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 10050)'
    await queryDatabase(
      url,
      `insert into audit (at, actor, action, result) ${flood} select ${Date.parse(at(50))}, 'x', 'flood', ` +
        `'unauthorized' from n`,
    )
    await store.prune(new Date(at(11)))
    expect((await store.listAudit({}, page)).total).toBe(done + 10_000)
  })

  test('has everything when it is opened again, and counts its terms', async () => {
    const first = await store.nextTerm()
    await store.close()
    await open()
    expect(await store.nextTerm()).toBe(first + 1)
    expect((await store.loadWorkers()).map((worker) => worker.worker_id)).toEqual(['x'])
    await store.ping()
  })
})

describe('a database file that cannot be used', () => {
  const place = createPlace()

  test('is refused by name when it is empty, damaged, missing, or in use', async () => {
    writeFileSync(place.at('empty.db'), '')
    await expect(openSqlStore(`sqlite://${place.at('empty.db')}`, logger)).rejects.toThrow(
      'is empty: it is not a database',
    )
    writeFileSync(place.at('garbage.db'), 'x'.repeat(5000))
    await expect(openSqlStore(`sqlite://${place.at('garbage.db')}`, logger)).rejects.toThrow(
      'cannot be opened: file is not a database',
    )
    await expect(openSqlStore(`sqlite://${place.at('none.db')}?mode=rw`, logger)).rejects.toThrow(
      'there is no such database',
    )
    await expect(openSqlStore('mysql://h/db', logger)).rejects.toThrow('is not understood')
    const url = `sqlite:///${place.at('used.db').slice(1)}?mode=rwc`
    const open = await openSqlStore(url, logger)
    place.onEnd(() => open.close())
    await expect(openSqlStore(url, logger)).rejects.toThrow('another supervisor already uses')
  })
})
