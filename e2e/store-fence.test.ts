// store-fence.test.ts — What is written behind does not wait for the disk, and makes nothing else less safe.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@kagami/runtime'
import fc from 'fast-check'
import { Kysely, sql, type Transaction } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDialect } from '@kagami/supervisor/store/dialects'
import type { Tables } from '@kagami/supervisor/store/schema'
import { createFence } from '@kagami/supervisor/store/sql-fence'

const NORMAL = 1
const FULL = 2

let dir: string
let db: Kysely<Tables>
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kagami-fence-'))
  const url = `sqlite://${join(dir, 'a.db')}?mode=rwc`
  db = new Kysely({ dialect: (await openDialect(url, createLogger('test', { LOG_LEVEL: 'error' }))).dialect })
  await sql`create table meta (key text primary key, value text not null)`.execute(db)
})
afterAll(async () => {
  await db.destroy()
  rmSync(dir, { recursive: true })
})

const safetyIn = async (trx: Kysely<Tables> | Transaction<Tables>) =>
  (await sql<{ synchronous: number }>`pragma synchronous`.execute(trx)).rows[0]!.synchronous

it('has every other transaction flushed, whatever runs at the same time and fails', async () => {
  const fence = createFence(db, 'sqlite', () => {})
  await fence.next(0)
  const write = fc.record({ behind: fc.boolean(), fails: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), async (writes) => {
      const seen: [expected: number, seen: number][] = []
      await Promise.allSettled(
        writes.map(({ behind, fails }) => {
          const task = async (trx: Transaction<Tables>) => {
            seen.push([behind ? NORMAL : FULL, await safetyIn(trx)])
            if (fails) throw new Error('the disk is full')
          }
          return behind ? fence.writeBehind(task) : fence.write(task)
        }),
      )
      expect(seen).toHaveLength(writes.length)
      for (const [expected, was] of seen) expect(was).toBe(expected)
      expect(await safetyIn(db)).toBe(FULL)
    }),
  )
})

it('does not write behind for a supervisor that was overtaken', async () => {
  const fences = [createFence(db, 'sqlite', () => {}), createFence(db, 'sqlite', () => {})]
  await fences[0]!.next(0)
  await fences[1]!.next(0)
  const written: number[] = []
  await expect(fences[0]!.writeBehind(async () => void written.push(0))).rejects.toThrow(/another supervisor/)
  await fences[1]!.writeBehind(async () => void written.push(1))
  expect(written).toEqual([1])
})
