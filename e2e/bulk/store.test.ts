// store.test.ts — Bulk jobs on a real SQLite file and a real PostgreSQL server: what a job did to a worker and the
// results of its replicas are saved together and once, and nothing of a job that was cancelled.
import { createLogger, newId } from '@kagami/runtime'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { BulkRecord, BulkTurn, Store, WorkerRecord } from '@kagami/supervisor/store/store'
import { recordOf } from '@kagami/supervisor/testing/services'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'

const logger = createLogger('test', { LOG_LEVEL: 'silent' })
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()
const audit = { at: at(5), actor: 'li', remote: null, action: 'bulk', target: 'j', detail: null, result: 'ok' }

const makeJob = (total: number, change: Partial<BulkRecord> = {}): BulkRecord => ({
  job_id: newId(),
  action: 'sync',
  state: 'running',
  total,
  ok: 0,
  refused: 0,
  names: ['debian@w'],
  query: { health: 'failed' },
  patch: null,
  reason: '雪',
  retry_of: null,
  actor: 'li',
  remote: '127.0.0.1',
  started_at: at(1),
  ended_at: null,
  ...change,
})
const makeTargets = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    worker_id: `w-${Math.floor(index / 10)}`,
    replica_id: `r-${index}`,
    name: `r-${index}@w`,
  }))
const ok = (position: number) => ({ position, result: 'ok' as const, code: null, message: null, hint: null })
const refused = (position: number) => ({
  position,
  result: 'refused' as const,
  code: 'conflict',
  message: 'it cannot',
  hint: 'do that',
})

describe.each(['sqlite', 'postgres'] as const)('bulk jobs on %s', (kind) => {
  const place = createPlace()
  let store: Store

  beforeAll(async () => {
    const url = kind === 'sqlite' ? `sqlite://${place.at('s.db')}?mode=rwc` : await startPostgres(place)
    store = await openSqlStore(url, logger)
    place.onEnd(() => store.close())
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    await store.nextTerm()
  })

  const add = async (total: number) => {
    const job = makeJob(total)
    await store.addBulkJob(job, makeTargets(total), audit)
    return job
  }
  const turnOf = (jobId: string, change: Partial<BulkTurn> = {}): BulkTurn => ({
    jobId,
    outcomes: [ok(0)],
    record: null,
    audits: [],
    ...change,
  })
  const resultsOf = async (jobId: string) =>
    (await store.listBulkItems(jobId, [], { cursor: null, limit: 500 })).items.map(({ result }) => result)
  const recordIn = async (id: string): Promise<WorkerRecord | undefined> =>
    (await store.loadWorkers()).find((worker) => worker.worker_id === id)
  const countsOf = async (jobId: string) => {
    const found = await store.findBulkJob(jobId)
    return [found?.ok, found?.refused]
  }
  const end = { state: 'cancelled' as const, at: at(9), audit: null }

  test('are found as they were added, by their id and by a prefix, the newest first', async () => {
    const first = await add(1)
    const second = await add(1)
    expect(await store.findBulkJob(first.job_id)).toEqual(first)
    expect(await store.findBulkJob(second.job_id.slice(0, -1))).toEqual(second)
    expect(await store.findBulkJob('nothing')).toBeNull()
    const page = await store.listBulkJobs({ cursor: null, limit: 1 })
    expect([page.total, page.items]).toEqual([2, [second]])
    expect((await store.listBulkJobs({ cursor: page.nextCursor, limit: 1 })).items).toEqual([first])
    expect(await store.nextBulkJob()).toEqual(first)
    for (const { job_id } of [first, second]) await store.endBulkJob(job_id, end)
  })

  test('have every replica in pages, also more than one statement takes, and by result', async () => {
    const { job_id } = await add(1203)
    const seen: string[] = []
    for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
      const page = await store.listBulkItems(job_id, ['waiting'], { cursor, limit: 500 })
      expect(page.total).toBe(1203)
      seen.push(...page.items.map(({ replica_id }) => replica_id))
      cursor = page.nextCursor
    }
    expect(seen).toEqual(makeTargets(1203).map(({ replica_id }) => replica_id))
    await store.saveBulkTurn(turnOf(job_id, { outcomes: [ok(0), refused(1)] }))
    const { items } = await store.listBulkItems(job_id, ['refused', 'ok'], { cursor: null, limit: 9 })
    expect(items).toMatchObject([
      { position: 0, result: 'ok', code: null },
      { position: 1, result: 'refused', code: 'conflict', message: 'it cannot', hint: 'do that' },
    ])
    await store.endBulkJob(job_id, end)
  })

  test('save a turn with the record of its worker and the audit, and only once when it is sent again', async () => {
    const { job_id } = await add(3)
    const turn = turnOf(job_id, {
      outcomes: [ok(0), refused(1)],
      record: { ...recordOf('w-0'), rev: 7 },
      audits: [{ ...audit, target: `${job_id}-turn` }],
    })
    expect(await store.saveBulkTurn(turn)).toBe(true)
    // Its answer was lost; meanwhile the worker has another record.
    await store.saveWorker({ ...recordOf('w-0'), rev: 8 })
    expect(await store.saveBulkTurn(turn)).toBe(true)
    expect(await resultsOf(job_id)).toEqual(['ok', 'refused', 'waiting'])
    expect([await countsOf(job_id), (await recordIn('w-0'))?.rev]).toEqual([[1, 1], 8])
    const { total } = await store.listAudit({ targets: [`${job_id}-turn`] }, { cursor: null, limit: 9 })
    expect(total).toBe(1)
    await store.endBulkJob(job_id, end)
  })

  test('take what was noted in doubt back when it is known, once', async () => {
    const { job_id } = await add(2)
    await store.saveBulkTurn(turnOf(job_id, { outcomes: [refused(0)] }))
    const known = turnOf(job_id, { doubtful: true })
    for (let times = 0; times < 2; times++) expect(await store.saveBulkTurn(known)).toBe(true)
    expect([await countsOf(job_id), await resultsOf(job_id)]).toEqual([
      [1, 0],
      ['ok', 'waiting'],
    ])
    await store.endBulkJob(job_id, end)
  })

  test('that are cancelled keep what was done, and nothing more is done or ended', async () => {
    const { job_id } = await add(2)
    await store.saveBulkTurn(turnOf(job_id))
    expect(await store.endBulkJob(job_id, end)).toBe(true)
    expect(
      await store.saveBulkTurn(turnOf(job_id, { outcomes: [ok(1)], record: { ...recordOf('w-9'), rev: 7 } })),
    ).toBe(false)
    expect([await resultsOf(job_id), await countsOf(job_id), await recordIn('w-9')]).toEqual([
      ['ok', 'cancelled'],
      [1, 0],
      undefined,
    ])
    expect(await store.endBulkJob(job_id, { ...end, state: 'finished' })).toBe(false)
    expect(await store.findBulkJob(job_id)).toMatchObject({ state: 'cancelled', ended_at: at(9) })
  })

  test('are removed with their replicas when they are older than the history, those that run never', async () => {
    const old = await add(2)
    await store.endBulkJob(old.job_id, { ...end, at: at(2) })
    const running = await add(2)
    await store.prune(new Date(at(3)))
    expect([await store.findBulkJob(old.job_id), await resultsOf(old.job_id)]).toEqual([null, []])
    expect([(await store.findBulkJob(running.job_id))?.job_id, await resultsOf(running.job_id)]).toEqual([
      running.job_id,
      ['waiting', 'waiting'],
    ])
  })
})
