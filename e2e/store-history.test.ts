// store-history.test.ts — The history of a replica in parts of the time, and its days for lists of many, on a real
// SQLite file and a real PostgreSQL server: what is counted of random syncs is what a plain reading of their reports
// gives.
import { FailureReason, HISTORY_DAYS, STRIP_DAYS, type HistoryBucket, type SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { createLogger, newId } from '@kagami/runtime'
import { historyOf, historySpan, typicalOf, type HistorySpan } from '@kagami/supervisor/core/history/buckets'
import { stripOf, stripStart } from '@kagami/supervisor/core/history/days'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { Store } from '@kagami/supervisor/store/store'
import { beforeAll, describe, expect, test } from 'vitest'
import { queryDatabase } from './harness/database.ts'
import { createDice, type Dice } from './harness/dice.ts'
import { createPlace } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'

const NOW = Date.UTC(2026, 0, 31, 13, 20)
const DAY_MS = 86_400_000
const OUTCOMES = ['success', 'success', 'success', 'failed', 'held', 'cancelled', 'interrupted'] as const

function randomReport(dice: Dice, replicaId: string): SyncReport {
  // Few different times and durations, so that some are equal.
  const ended = NOW - dice.whole(-4, 4 * 100) * (DAY_MS / 4)
  const outcome = dice.pick(OUTCOMES)
  const known = (most: number) => dice.pick([null, dice.whole(0, most)])
  return sampleReport({
    sync_id: newId(),
    replica_id: replicaId,
    outcome,
    reason: outcome === 'failed' ? dice.pick(FailureReason.enum) : null,
    started_at: new Date(ended - 1000).toISOString(),
    ended_at: new Date(ended).toISOString(),
    duration_ms: dice.whole(0, 9) * 1000,
    bytes: known(2 ** 50),
    files: known(1_000_000),
    size_bytes: known(2 ** 50),
    ...dice.pick([{}, { action: 'sync' as const }, { action: 'verify' as const }, { action: 'rollback' as const }]),
  })
}

/** What a person counts who reads the reports of one part one after the other. */
function countPlainly(reports: readonly SyncReport[]): Omit<HistoryBucket, 'from' | 'to'> {
  const ordered = reports.toSorted((a, b) => Date.parse(a.ended_at) - Date.parse(b.ended_at))
  const among = (...outcomes: string[]) => ordered.filter((report) => outcomes.includes(report.outcome))
  const durations = among('success')
    .map((report) => report.duration_ms)
    .sort((a, b) => a - b)
  const received = ordered.filter((report) => report.bytes !== null)
  return {
    syncs: ordered.length,
    successes: among('success').length,
    failures: among('failed').length,
    held: among('held').length,
    other: among('cancelled', 'interrupted').length,
    worst: (['failed', 'held', 'interrupted', 'cancelled', 'success'] as const).find((one) => among(one)[0]) ?? null,
    first_failure: among('failed')[0]?.reason ?? null,
    p50_ms: durations[Math.ceil(durations.length / 2) - 1] ?? null,
    max_ms: durations.at(-1) ?? null,
    bytes: received.length > 0 ? received.reduce((sum, report) => sum + report.bytes!, 0) : null,
    size_bytes: ordered.findLast((report) => report.size_bytes !== null)?.size_bytes ?? null,
    files: ordered.findLast((report) => report.files !== null)?.files ?? null,
  }
}

function readPlainly(reports: readonly SyncReport[], span: HistorySpan) {
  const syncs = reports.filter(({ action }) => action === undefined || action === 'sync' || action === 'verify')
  return Array.from({ length: (span.toMs - span.fromMs) / span.bucketMs }, (_, index) => {
    const [from, to] = [span.fromMs + index * span.bucketMs, span.fromMs + (index + 1) * span.bucketMs]
    const within = syncs.filter(({ ended_at }) => Date.parse(ended_at) >= from && Date.parse(ended_at) < to)
    return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...countPlainly(within) }
  })
}

function typicalPlainly(reports: readonly SyncReport[]) {
  const durations = reports
    .filter(({ outcome, action }) => outcome === 'success' && (action ?? 'sync') === 'sync')
    .sort((a, b) => Date.parse(a.ended_at) - Date.parse(b.ended_at))
    .slice(-20)
    .map((report) => report.duration_ms)
    .sort((a, b) => a - b)
  const at = (share: number) => (durations.length < 3 ? null : durations[Math.ceil(durations.length * share) - 1])
  return { syncs: durations.length, p50_ms: at(0.5), p95_ms: at(0.95) }
}

/** The strip that a person draws who reads the reports. */
function stripPlainly(reports: readonly SyncReport[]) {
  const from = stripStart(NOW)
  const syncs = reports.filter(({ action }) => action !== 'rollback')
  const days = syncs.map(({ ended_at }) => ended_at.slice(0, 10)).sort()
  const worstOf = (outcomes: readonly string[]) =>
    ['failed', 'held', 'interrupted', 'cancelled', 'success'].find((one) => outcomes.includes(one)) ?? null
  return {
    from: new Date(from).toISOString(),
    known_since: days[0] === undefined ? null : `${days[0]}T00:00:00.000Z`,
    worst: Array.from({ length: STRIP_DAYS }, (_, index) => {
      const day = new Date(from + index * DAY_MS).toISOString().slice(0, 10)
      return worstOf(syncs.filter(({ ended_at }) => ended_at.startsWith(day)).map(({ outcome }) => outcome))
    }),
  }
}

/** The last of these that ended by now: the clock of a worker may be ahead. */
const newestOf = (reports: readonly SyncReport[], count: number) =>
  reports.toSorted((a, b) => Date.parse(a.ended_at) - Date.parse(b.ended_at)).slice(-count)

describe.each(['sqlite', 'postgres'] as const)('the history of a replica on %s', (kind) => {
  const place = createPlace()
  let url: string
  let store: Store

  beforeAll(async () => {
    url = kind === 'sqlite' ? `sqlite://${place.at('db', 'supervisor.db')}?mode=rwc` : await startPostgres(place)
    store = await openSqlStore(url, createLogger('test', { LOG_LEVEL: 'silent' }))
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    place.onEnd(() => store.close())
  })

  const read = async (replicaId: string, days: number) => {
    const span = historySpan(days, NOW)
    return { span, history: historyOf(replicaId, span, await store.readHistory(replicaId, span)) }
  }

  test('is what a plain reading of the reports gives, whichever version wrote the rows', async () => {
    const dice = createDice()
    for (const [round, count] of [0, 1, 2, 5, 40, 400].entries()) {
      const replicaId = `r-${round}`
      const reports = Array.from({ length: count }, () => randomReport(dice, replicaId))
      await store.addReports([...reports, randomReport(dice, 'another')])
      const earlier = reports.slice(0, dice.whole(0, count)).map(({ sync_id }) => `'${sync_id}'`)
      await queryDatabase(
        url,
        'update syncs set action = null, reason = null, duration_ms = null, bytes = null, files = null, ' +
          `size_bytes = null where sync_id in (${earlier.join(', ') || "''"})`,
      )
      for (const days of HISTORY_DAYS.map(Number)) {
        const { span, history } = await read(replicaId, days)
        const told = `seed ${dice.seed}, ${count} syncs, ${days} days`
        expect(history.buckets, told).toEqual(readPlainly(reports, span))
        expect(history.typical, told).toEqual(typicalPlainly(reports))
        const oldest = reports.map(({ ended_at }) => ended_at).sort()[0]
        expect(history.known_since, told).toBe(oldest ?? null)
      }
    }
  })

  test('has for each of many replicas the days and the durations that a plain reading gives', async () => {
    const dice = createDice()
    const all = new Map<string, SyncReport[]>()
    for (const count of [0, 1, 3, 30, 300])
      all.set(
        `many-${count}`,
        Array.from({ length: count }, () => randomReport(dice, `many-${count}`)),
      )
    const reports = [...all.values()].flat().toSorted(() => dice.whole(0, 1) - 0.5)
    for (let from = 0; from < reports.length; from += 50) await store.addReports(reports.slice(from, from + 50))
    // Whatever comes twice is there once.
    await store.addReports(reports.slice(0, 40))
    const [days, durations] = [
      await store.readDays([...all.keys()], stripStart(NOW)),
      await store.readLastDurations([...all.keys()]),
    ]
    for (const replicaId of all.keys()) {
      // As they were stored: of syncs that ended at the same time the later one is the newer.
      const own = reports.filter((report) => report.replica_id === replicaId)
      const told = `seed ${dice.seed}, ${replicaId}`
      expect(stripOf(stripStart(NOW), days.get(replicaId)), told).toEqual(stripPlainly(own))
      expect(typicalOf(durations.get(replicaId) ?? []), told).toEqual(typicalPlainly(newestOf(own, 60)))
    }
    expect(await store.readDays([], 0)).toEqual(new Map())
    expect(await store.readLastDurations([])).toEqual(new Map())
  })

  test('has the same days of syncs that an earlier version stored', async () => {
    const dice = createDice()
    const reports = Array.from({ length: 60 }, () => randomReport(dice, 'before'))
    await store.addReports(reports)
    for (const later of ['sync_days', 'incidents', 'bad_mirrors']) await queryDatabase(url, `drop table ${later}`)
    await queryDatabase(url, "delete from kysely_migration where name >= '0010'")
    await queryDatabase(url, "update syncs set action = null, duration_ms = null where replica_id = 'before'")
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    const days = await store.readDays(['before'], stripStart(NOW))
    expect(stripOf(stripStart(NOW), days.get('before')), `seed ${dice.seed}`).toEqual(stripPlainly(reports))
  })

  test('ends with the part in which it is read, and begins as many days before', async () => {
    const { history: week } = await read('none', 7)
    expect([week.from, week.to, week.buckets.length]).toEqual([
      '2026-01-24T18:00:00.000Z',
      '2026-01-31T18:00:00.000Z',
      28,
    ])
    const { history: quarter } = await read('none', 90)
    expect([quarter.from, quarter.to, quarter.buckets.length]).toEqual([
      '2025-11-03T00:00:00.000Z',
      '2026-02-01T00:00:00.000Z',
      90,
    ])
  })

  test('knows nothing of the time before its oldest sync, once older ones were removed', async () => {
    const times = [40, 20, 10].map((days) => new Date(NOW - days * DAY_MS).toISOString())
    await store.addReports(
      times.map((at) => sampleReport({ sync_id: newId(), replica_id: 'old', started_at: at, ended_at: at })),
    )
    expect((await read('old', 30)).history.known_since).toBe(times[0])
    await queryDatabase(url, "delete from meta where key = 'pruned_before'")
    await store.prune(new Date(NOW - 30 * DAY_MS))
    const { history } = await read('old', 90)
    expect(history.known_since).toBe(times[1])
    expect(history.buckets.reduce((sum, bucket) => sum + bucket.syncs, 0)).toBe(2)
    const { firstMs } = (await store.readDays(['old'], 0)).get('old')!
    expect(new Date(firstMs).toISOString().slice(0, 10)).toBe(times[1]!.slice(0, 10))
  })
})
