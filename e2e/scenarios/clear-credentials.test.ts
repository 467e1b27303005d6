// clear-credentials.test.ts — State of an early version, which kept credentials in clear: taken over, and afterwards in
// no file. Recorded from the commit before credentials were sealed.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DESIRED_BUCKET } from '@kagami/protocol'
import { Kvm } from '@nats-io/kv'
import { connect } from '@nats-io/transport-node'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { DatabaseSync } from 'node:sqlite'
import { createPlace, startNats, type Place } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const SECRET = 'clear-secret-of-an-early-version'
const recorded = (file: string) => join(import.meta.dirname, '..', 'golden', 'clear-credentials', file)
const desired = readFileSync(recorded('desired.json'), 'utf8')
const { worker_id: workerId } = JSON.parse(desired) as { worker_id: string }

/** Files below the place that have the secret. */
function filesWithSecret(place: Place): string[] {
  return readdirSync(place.dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(SECRET))
    .map((file) => file.slice(place.dir.length + 1))
}

async function putIntoBucket(url: string): Promise<void> {
  const connection = await connect({ servers: url })
  const bucket = await new Kvm(connection).create(DESIRED_BUCKET, { history: 1 })
  await bucket.put(workerId, desired)
  await connection.close()
}

/** The tables of the early version, in a PostgreSQL that today's program has made. */
async function putIntoPostgres(db: string): Promise<void> {
  const sqlite = new DatabaseSync(recorded('supervisor.db'), { readOnly: true })
  const row = sqlite.prepare('select * from workers').get() as Record<string, string | number | null>
  sqlite.close()
  const client = new pg.Client({ connectionString: db })
  await client.connect()
  const columns = Object.keys(row)
  await client.query(
    `insert into workers (${columns.join(', ')}) values (${columns.map((_, at) => `$${at + 1}`).join(', ')})`,
    Object.values(row),
  )
  await client.end()
}

/** Rows of a PostgreSQL with the secret: its files have long texts compressed. */
async function rowsWithSecret(db: string): Promise<number> {
  const client = new pg.Client({ connectionString: db })
  await client.connect()
  const { rowCount } = await client.query('select 1 from workers where record like $1', [`%${SECRET}%`])
  await client.end()
  return rowCount ?? 0
}

describe.each(['sqlite', 'postgres'])('with %s', (kind) => {
  const place = createPlace()
  test('credentials that an early version kept in clear are nowhere afterwards', async () => {
    const nats = await startNats(place, 'new')
    mkdirSync(place.at('data/.kagami'), { recursive: true })
    writeFileSync(place.at('data/.kagami/worker-id'), `${workerId}\n`)
    copyFileSync(recorded('desired.json'), place.at('data/.kagami/desired.json'))
    let db: string | undefined
    if (kind === 'postgres') {
      db = await startPostgres(place)
      const first = await startSupervisor(place, { nats: nats.url, db })
      first.child.kill('SIGTERM')
      await first.exited
      await putIntoPostgres(db)
    } else copyFileSync(recorded('supervisor.db'), place.at('supervisor.db'))
    await putIntoBucket(nats.url)
    expect(filesWithSecret(place)).toHaveLength(db ? 2 : 3)
    if (db) expect(await rowsWithSecret(db)).toBe(1)
    const supervisor = await startSupervisor(place, { nats: nats.url, ...(db ? { db } : {}) })
    const worker = await startWorker(place, { nats: nats.url, providers: [] })
    const replica = await until(
      'the worker has the replica, with its credentials sealed',
      async () => {
        const { items } = await supervisor.api.call('listReplicas')
        const stored = readFileSync(place.at('data/.kagami/desired.json'), 'utf8')
        return stored.includes('"sealed"') && items.find((one) => one.name === 'added')
      },
      { seen: () => worker.output() + supervisor.output() },
    )
    expect(replica.origin).toBe('api')
    await until('no file has it', () => filesWithSecret(place).length === 0, {
      seen: () => filesWithSecret(place),
    })
    if (db) expect(await rowsWithSecret(db)).toBe(0)
    // The worker can open what was sealed: the upstream, which is not there, is asked with it.
    await supervisor.api.call('syncResource', { params: { id: 'added' } })
    const ended = await until(
      'it was tried',
      async () => (await supervisor.api.call('listReplicas')).items[0]?.last_sync,
    )
    expect(ended.reason).toBe('upstream_unreachable')
  })
})
