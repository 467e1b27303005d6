// store-reports.test.ts — Reports of finished syncs on their way from a real stream into a real SQLite file and a real
// PostgreSQL server: each is stored once, also when it was sent twice or could not be stored at first.
import { DatabaseSync } from 'node:sqlite'
import { EVENTS_CONSUMER, EVENTS_STREAM, subjectFor, type SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { connectBus, createLogger, newId, type Bus } from '@kagami/runtime'
import { jetstreamManager } from '@nats-io/jetstream'
import { confirmedReports, ensureJetStream } from '@kagami/supervisor/edge/jetstream'
import { consumeReports } from '@kagami/supervisor/edge/reports'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { Store } from '@kagami/supervisor/store/store'
import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'
import { until } from './harness/wait.ts'

const logger = createLogger('test', { LOG_LEVEL: 'silent' })
/** More than two batches. */
const MANY = 450

const makeReports = (count: number) => Array.from({ length: count }, () => sampleReport({ sync_id: newId() }))

/** Notes a term, as another supervisor would. */
async function noteTerm(url: string, term: number): Promise<void> {
  const change = `update meta set value = '${term}' where key = 'term'`
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.replace('sqlite://', '').split('?')[0]!)
    database.exec(change)
    return database.close()
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(change)
  await client.end()
}

describe.each(['sqlite', 'postgres'] as const)('reports on their way into %s', (kind) => {
  const place = createPlace()
  let url: string
  let bus: Bus
  let store: Store
  let streamCreatedAt: string

  beforeAll(async () => {
    url = kind === 'sqlite' ? `sqlite://${place.at('supervisor.db')}?mode=rwc` : await startPostgres(place)
    const server = await startNats(place)
    bus = await connectBus({ url: server.url, name: 'test', logger })
    place.onEnd(() => bus.close())
    streamCreatedAt = (await ensureJetStream(bus)).streamCreatedAt
    store = await openSqlStore(url, logger)
    place.onEnd(() => store.close())
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
  })

  async function send(reports: readonly (SyncReport | string)[]): Promise<void> {
    for (const report of reports) {
      const body = typeof report === 'string' ? report : JSON.stringify(report)
      await bus.stream.publish(subjectFor('report', typeof report === 'string' ? 'w' : report.worker_id), body)
    }
  }

  /** Reads reports as a supervisor does until `enough`; returns what was new. */
  async function takeIn(enough: (stored: readonly SyncReport[]) => boolean | Promise<boolean>): Promise<SyncReport[]> {
    const stop = new AbortController()
    const stored: SyncReport[] = []
    const reading = consumeReports({
      bus,
      store,
      logger,
      signal: stop.signal,
      streamCreatedAt: () => streamCreatedAt,
      ownerOf: () => null,
      onStored: (reports) => stored.push(...reports),
    })
    await until('enough is stored', () => enough(stored), { seen: () => stored.length })
    stop.abort()
    await reading
    return stored
  }

  const idsOf = (reports: readonly SyncReport[]) => reports.map((report) => report.sync_id)

  async function storedIds(): Promise<string[]> {
    const ids: string[] = []
    let cursor: string | null = null
    do {
      const page = await store.listSyncs({}, { cursor, limit: 200 })
      ids.push(...idsOf(page.items))
      cursor = page.nextCursor
    } while (cursor !== null)
    return ids.reverse()
  }

  const lastSequence = async () =>
    (await (await jetstreamManager(bus.connection)).streams.info(EVENTS_STREAM)).state.last_seq
  const consumerState = async () =>
    (await jetstreamManager(bus.connection)).consumers.info(EVENTS_STREAM, EVENTS_CONSUMER)

  test('are stored once and in the order of the stream, and what cannot be used is set aside', async () => {
    await store.nextTerm()
    const reports = makeReports(MANY)
    await send([
      ...reports.slice(0, 300),
      '{',
      ...reports.slice(0, 50),
      ...reports.slice(250, 300),
      ...reports.slice(300),
    ])
    const stored = await takeIn((all) => all.length >= MANY)
    expect(idsOf(stored)).toEqual(idsOf(reports))
    expect(await storedIds()).toEqual(idsOf(reports))
    expect(await store.findSync(reports[123]!.sync_id)).toEqual(reports[123])
    expect(await store.countDeadLetters()).toBe(1)
    const last = await lastSequence()
    expect(await store.reportsSeen()).toEqual({ stream: streamCreatedAt, sequence: last })
    await until('all are acknowledged', async () => (await confirmedReports(bus)).confirmed === last)
  })

  test('wait in the stream while the database takes none, and are then stored once', async () => {
    const before = await storedIds()
    const term = await store.nextTerm()
    const reports = makeReports(MANY)
    await send(reports)
    // The term of another supervisor: nothing is stored.
    await noteTerm(url, term + 1)
    let meanwhile: number | null = null
    await takeIn(async () => {
      if (meanwhile === null) {
        if ((await consumerState()).num_redelivered === 0) return false
        meanwhile = (await storedIds()).length - before.length
        await noteTerm(url, term)
      }
      return (await storedIds()).length >= before.length + MANY
    })
    expect(meanwhile).toBe(0)
    expect((await storedIds()).toSorted()).toEqual([...before, ...idsOf(reports)].toSorted())
  })
})
