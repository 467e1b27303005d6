// p9-reports.ts — P9: how fast the supervisor takes in reports of finished syncs, from the stream of a real NATS into
// SQLite and into PostgreSQL, over raw inserts of the same rows in batches of the same size.
//
// Ours reads each report from JetStream, checks it against its schema and its sender, stores each batch in one
// transaction with the place in the stream, and acknowledges it. The peer has the rows ready, and inserts them with one
// prepared statement (SQLite) or one statement for each batch (PostgreSQL) into a table with the same columns, indexes
// and durability. All rows must be there at the end.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { messages, type SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { connectBus, createLogger, encode, type Bus } from '@kagami/runtime'
import { confirmedReports, ensureJetStream } from '@kagami/supervisor/edge/jetstream'
import { consumeReports } from '@kagami/supervisor/edge/reports'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import { openPostgres, postgresDirectory } from '../e2e/harness/postgres-server.ts'
import { startNats } from './fleet.ts'
import { duel, main, timed, type Bench, type Finding } from './measure.ts'

const BATCH = 200
const WORKERS = 100
const LEAST = 0.6
const COLUMNS = [
  'seq',
  'sync_id',
  'worker_id',
  'replica_id',
  'name',
  'kind',
  'outcome',
  'started_at',
  'ended_at',
  'report',
] as const
const logger = createLogger('bench', { LOG_LEVEL: 'error' })

let made = 0

function makeReport(): SyncReport {
  const number = made++
  const at = new Date(Date.UTC(2026, 10, 1) + number * 1000)
  return sampleReport({
    sync_id: `01a209ec-0000-7000-8000-${number.toString(16).padStart(12, '0')}`,
    worker_id: `worker-${number % WORKERS}`,
    replica_id: `0b5e7c1a-0000-5f00-8000-${String(number % 5000).padStart(12, '0')}`,
    name: `project-${number % 5000}`,
    kind: 'git',
    started_at: at.toISOString(),
    ended_at: new Date(at.getTime() + 1234).toISOString(),
    duration_ms: 1234,
    bytes: 56_789,
    files: 120,
    size_bytes: 123_456_789,
    revision: number.toString(16).padStart(40, '0'),
  })
}

/** Publishes reports, as the spools of workers do, until the stream has them all. */
async function publish(bus: Bus, count: number): Promise<SyncReport[]> {
  const reports = Array.from({ length: count }, makeReport)
  for (let start = 0; start < count; start += 500)
    await Promise.all(
      reports
        .slice(start, start + 500)
        .map((report) =>
          bus.stream.publish(
            `kagami.evt.${report.worker_id}.report`,
            Buffer.from(encode(messages.report.schema, report)),
          ),
        ),
    )
  return reports
}

/** Stores what the stream has, with the code of the supervisor. */
async function takeIn(bus: Bus, url: string, count: number, streamCreatedAt: string): Promise<number> {
  const store = await openSqlStore(url, logger)
  await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
  // As a supervisor does: each transaction then also checks that its term is the newest.
  await store.nextTerm()
  const stop = new AbortController()
  let stored = 0
  let reading = Promise.resolve()
  const took = await timed(async () => {
    const enough = new Promise<void>((resolve) => {
      reading = consumeReports({
        bus,
        store,
        logger,
        signal: stop.signal,
        streamCreatedAt: () => streamCreatedAt,
        ownerOf: () => null,
        onStored: (reports) => (stored += reports.length) >= count && resolve(),
      })
    })
    await enough
  })
  stop.abort()
  // It still waits for one more report, which would be one of the next round.
  await reading
  await store.close()
  return took
}

const rowOf = (report: SyncReport, seq: number) => [
  seq,
  report.sync_id,
  report.worker_id,
  report.replica_id,
  report.name,
  report.kind,
  report.outcome,
  Date.parse(report.started_at),
  Date.parse(report.ended_at),
  JSON.stringify(report),
]

/** Batches of rows, ready to be inserted. */
function batchesOf(count: number): unknown[][][] {
  const rows = Array.from({ length: count }, (_, index) => rowOf(makeReport(), made + index))
  return Array.from({ length: Math.ceil(count / BATCH) }, (_, at) => rows.slice(at * BATCH, (at + 1) * BATCH))
}

function insertIntoSqlite(path: string, batches: readonly unknown[][][]): void {
  const database = new DatabaseSync(path)
  database.exec('pragma journal_mode=wal; pragma synchronous=full')
  const insert = database.prepare(`insert into syncs (${COLUMNS.join(', ')}) values (${COLUMNS.map(() => '?').join()})`)
  for (const batch of batches) {
    database.exec('begin immediate')
    for (const row of batch) insert.run(...(row as never[]))
    database.exec('commit')
  }
  database.close()
}

async function insertIntoPostgres(url: string, batches: readonly unknown[][][]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const batch of batches) {
    const places = batch.map((row, at) => `(${row.map((_, column) => `$${at * row.length + column + 1}`).join()})`)
    await client.query(`insert into syncs (${COLUMNS.join(', ')}) values ${places.join()}`, batch.flat())
  }
  await client.end()
}

interface Side {
  readonly name: string
  readonly ours: string
  readonly peer: string
  readonly insert: (batches: readonly unknown[][][]) => unknown
}

function sqlite(disk: string): Side {
  const [ours, peer] = [join(disk, 'ours.db'), join(disk, 'peer.db')]
  const insert = (batches: readonly unknown[][][]) => insertIntoSqlite(peer, batches)
  return { name: 'SQLite', ours: `sqlite://${ours}?mode=rwc`, peer: `sqlite://${peer}?mode=rwc`, insert }
}

async function postgres(disk: string, onEnd: Bench['onEnd']): Promise<Side | null> {
  const bin = postgresDirectory()
  if (bin === null) {
    console.log('  PostgreSQL is not installed (apt-get install postgresql-15): it is not measured')
    return null
  }
  const server = await openPostgres(bin, join(disk, 'postgres'))
  onEnd(server.stop)
  const { hostname, port } = new URL(server.url)
  execFileSync(join(bin, 'createdb'), ['-h', hostname, '-p', port, '-U', 'kagami', 'peer'])
  const peer = server.url.replace(/kagami$/, 'peer')
  return { name: 'PostgreSQL', ours: server.url, peer, insert: (batches) => insertIntoPostgres(peer, batches) }
}

async function measure(bus: Bus, createdAt: string, side: Side, quick: boolean): Promise<Finding> {
  const count = quick ? 2000 : 20_000
  // The same tables and indexes.
  const peer = await openSqlStore(side.peer, logger)
  await peer.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
  await peer.close()
  const contenders = {
    async ours() {
      await publish(bus, count)
      return takeIn(bus, side.ours, count, createdAt)
    },
    peer: () => {
      const batches = batchesOf(count)
      return timed(() => side.insert(batches))
    },
  }
  const rounds = quick ? 2 : 5
  const { ours, ratio } = await duel(`${count} reports into ${side.name}`, contenders, { rounds })
  const store = await openSqlStore(side.ours, logger)
  const { total } = await store.listSyncs({}, { cursor: null, limit: 1 })
  const lost = (rounds + 1) * count - total
  await store.close()
  const rate = { median: 1 / ratio.median, min: 1 / ratio.max, max: 1 / ratio.min }
  return {
    goal: 'P9',
    what: `rate of reports into ${side.name}`,
    peer: 'raw inserts of the same rows',
    ratio: rate,
    promise: `≥ ${LEAST}, 0 lost`,
    met: rate.median >= LEAST && lost === 0,
    note: `${Math.round(count / (ours.median / 1000))} a second, ${lost} lost`,
  }
}

async function body({ disk, quick, onEnd }: Bench): Promise<Finding[]> {
  const bus = await connectBus({ url: await startNats(disk, onEnd), name: 'bench', logger })
  onEnd(() => bus.close())
  const { streamCreatedAt } = await ensureJetStream(bus)
  const sides = [sqlite(disk), await postgres(disk, onEnd)].filter((side) => side !== null)
  const findings: Finding[] = []
  for (const side of sides) findings.push(await measure(bus, streamCreatedAt, side, quick))
  const { confirmed } = await confirmedReports(bus)
  console.log(`  ${confirmed} reports of the stream are acknowledged`)
  return findings
}

await main('P9 reports', body)
