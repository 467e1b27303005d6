// sql-fence.ts — One writer: each transaction that writes looks first whether this life of the supervisor is still the
// newest. Knows no tables but `meta`.
import { pause } from '@kagami/runtime'
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Tables } from './schema.ts'
import { Superseded } from './store.ts'

/** Longest wait for somebody else's lock, ms; asked again this often meanwhile. */
const PATIENCE_MS = 15_000
const AGAIN_MS = 50
const SQLITE_BUSY = 5

export interface Fence {
  /** Runs a transaction of ours. Throws Superseded, and writes nothing, when a supervisor of a later term has begun. */
  write<T>(task: (trx: Transaction<Tables>) => Promise<T>): Promise<T>
  /** Begins a term: above the last one and `above`. Throws Superseded when ours is no longer the newest. */
  next(above: number): Promise<number>
  /** Throws Superseded when ours is no longer the newest. */
  check(): Promise<void>
}

/** A fence without a term lets everything through; `next` gives it one. `onSuperseded` is called once. */
export function createFence(
  db: Kysely<Tables>,
  kind: 'sqlite' | 'postgres',
  onSuperseded: (error: Superseded) => void,
): Fence {
  let mine: number | null = null
  let lost: Superseded | null = null
  const compare = (newest: number) => {
    if (mine === null || newest <= mine) return
    if (!lost) onSuperseded((lost = new Superseded(mine, newest)))
    throw lost
  }
  const transaction = <T>(task: (trx: Transaction<Tables>) => Promise<T>) =>
    patiently(() => db.transaction().execute(task))
  return {
    write: (task) =>
      transaction(async (trx) => {
        // Shared with our other transactions; who begins a new term waits for them, and we for him.
        if (mine !== null) compare(await newestTerm(trx, kind === 'postgres' ? 'for share' : ''))
        return task(trx)
      }),
    async next(above) {
      const term = await transaction(async (trx) => {
        await trx
          .insertInto('meta')
          .values({ key: 'term', value: '0' })
          .onConflict((c) => c.doNothing())
          .execute()
        const newest = await newestTerm(trx, kind === 'postgres' ? 'for update' : '')
        compare(newest)
        const value = Math.max(newest, above) + 1
        await trx
          .updateTable('meta')
          .set({ value: String(value) })
          .where('key', '=', 'term')
          .execute()
        return value
      })
      return (mine = term)
    },
    async check() {
      if (mine !== null) compare(await newestTerm(db, ''))
    },
  }
}

/**
 * Asks again and again for a file that another process has locked, for 15 seconds: waiting inside SQLite would keep
 * everybody else waiting.
 */
export async function patiently<T>(task: () => Promise<T>): Promise<T> {
  const since = performance.now()
  for (;;) {
    try {
      return await task()
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY || performance.now() - since > PATIENCE_MS)
        throw error
    }
    await pause(AGAIN_MS)
  }
}

async function newestTerm(db: Kysely<Tables>, lock: '' | 'for share' | 'for update'): Promise<number> {
  const { rows } = await sql<{ value: string }>`select value from meta where key = 'term' ${sql.raw(lock)}`.execute(db)
  return Number(rows[0]?.value ?? 0)
}
