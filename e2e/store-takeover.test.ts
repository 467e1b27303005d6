// store-takeover.test.ts — Databases that are not ours: that of the original Kagami is taken over, any other is
// refused.
import { DatabaseSync } from 'node:sqlite'
import { createLogger } from '@kagami/runtime'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { CarryOriginal, OriginalFleet } from '@kagami/supervisor/store/store'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { createOriginalDatabase } from './harness/original.ts'
import { createPlace } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'

const logger = createLogger('test', { LOG_LEVEL: 'silent' })
const noOriginal = () => ({ workers: [], replicas: [], leftOut: 0 })

describe('a database of another program', () => {
  const place = createPlace()
  const refusal = async (url: string, carry: CarryOriginal = noOriginal) => {
    const store = await openSqlStore(url, logger)
    try {
      await store.prepare(carry)
      return null
    } catch (error) {
      return error as Error
    } finally {
      await store.close()
    }
  }
  const tables = (file: string) => {
    const db = new DatabaseSync(file)
    const rows = db.prepare("select name, sql from sqlite_master where name not like 'sqlite_%' order by name").all()
    db.close()
    return rows.map((row) => `${row['name'] as string}: ${row['sql'] as string}`)
  }

  test('is refused by the names of its tables, and stays as it was', async () => {
    const file = place.at('foreign.db')
    const db = new DatabaseSync(file)
    db.exec('create table workers (id integer primary key, name text); create table jobs (id integer)')
    db.close()
    const before = tables(file)
    const refused = await refusal(`sqlite://${file}`)
    expect(refused).toMatchObject({ name: 'ConfigError', hint: expect.stringContaining('SUPERVISOR_DATABASE_URL') })
    expect(refused?.message).toContain('another program: it has the tables jobs, workers')
    expect(tables(file)).toEqual(before)
  })

  test('is refused on PostgreSQL when a table of it has a name of ours', async () => {
    const url = await startPostgres(place)
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('create table orders (id int); create table replicas (id int, host text)')
    const refused = await refusal(url)
    expect(refused).toMatchObject({ name: 'ConfigError', hint: expect.stringContaining('a database of its own') })
    expect(refused?.message).toContain('its table "replicas" (id, host)')
    await client.query('drop table replicas')
    expect(await refusal(url)).toBeNull()
    expect(await refusal(url)).toBeNull()
    await client.end()
  })

  test('of the original is as it was when the start ends in between, and taken over by the next one', async () => {
    const file = place.at('original.db')
    createOriginalDatabase(file, { workers: [['w-1', 1, 1_790_000_000]], replicas: [] })
    const before = tables(file)
    expect(
      await refusal(`sqlite://${file}`, () => {
        throw new Error('the power went')
      }),
    ).toMatchObject({ message: 'the power went' })
    expect(tables(file)).toEqual(before)
    const seen: OriginalFleet[] = []
    const carry: CarryOriginal = (original) => (seen.push(original), noOriginal())
    expect(await refusal(`sqlite://${file}`, carry)).toBeNull()
    expect(await refusal(`sqlite://${file}`, carry)).toBeNull()
    expect(seen).toEqual([{ workers: [{ worker_id: 'w-1', approved: 1, last_seen: 1_790_000_000 }], replicas: [] }])
    expect(tables(file).filter((table) => table.startsWith('original_'))).toHaveLength(2)
  })
})
