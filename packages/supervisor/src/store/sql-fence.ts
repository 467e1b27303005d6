// sql-fence.ts — Lets only one supervisor write: each writing transaction first checks that this supervisor's term is
// still the newest in the database. Uses only the table `meta`.
import { pause } from '@kagami/runtime'
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Tables } from './schema.ts'
import { Superseded, type ReportsSeen } from './store.ts'

/** Longest wait for a lock of another process, ms. */
const LOCK_WAIT_MS = 15_000
const RETRY_MS = 50
const SQLITE_BUSY = 5

/**
 * Lets only the supervisor with the newest term write. On PostgreSQL a writing transaction holds the row with the term,
 * so that a new term and a write never overlap. A supervisor that was overtaken writes nothing, leaves later documents
 * in the bucket alone, and ends. One that has nothing to write checks every two seconds.
 */
export interface Fence {
  /**
   * Runs a transaction, and notes with it how far the stream of reports was read. Throws Superseded, and writes
   * nothing, when another supervisor has started a later term, or an older database is in the place of ours.
   */
  write<T>(task: (trx: Transaction<Tables>) => Promise<T>, seen?: ReportsSeen | null): Promise<T>
  /**
   * As `write`, for what workers say again: SQLite does not wait for the disk. A power cut may lose the last of these
   * transactions, but none that was written by `write` before or after them.
   */
  writeBehind(task: (trx: Transaction<Tables>) => Promise<void>): Promise<void>
  /** Starts a term: above the last one and `above`. Throws Superseded when ours is no longer the newest. */
  next(above: number): Promise<number>
  /** Throws Superseded when ours is no longer the newest, or an older database is in its place. */
  check(): Promise<void>
  /** How far the stream of reports was read; null when that was never noted. */
  seen(): Promise<ReportsSeen | null>
}

/** Checks nothing until `next` has started a term. `onSuperseded` is called once. */
export function createFence(
  db: Kysely<Tables>,
  kind: 'sqlite' | 'postgres',
  onSuperseded: (error: Superseded) => void,
): Fence {
  let mine: number | null = null
  let lost: Superseded | null = null
  let noted: ReportsSeen | null = null
  const give = (problem: string, replaced: boolean) => {
    if (!lost) onSuperseded((lost = new Superseded(problem, replaced)))
    throw lost
  }
  const compare = (newest: number) => {
    if (mine === null || newest === mine) return
    if (newest > mine)
      give(`another supervisor has taken over this database: its term is ${newest}, ours ${mine}`, false)
    give(`the database was replaced by an older one: its term is ${newest}, ours ${mine}`, true)
  }
  const transaction = <T>(task: (trx: Transaction<Tables>) => Promise<T>) =>
    retryWhileLocked(() => db.transaction().execute(task))
  const unsynced = (task: (trx: Transaction<Tables>) => Promise<void>) =>
    retryWhileLocked(() => db.connection().execute((one) => runUnsynced(one, task)))
  // A shared lock: our transactions do not wait for each other, but one that starts a new term waits for them.
  const compareIn = async (trx: Transaction<Tables>) => {
    if (mine !== null) compare(await newestTerm(trx, kind === 'postgres' ? 'for share' : ''))
  }
  return {
    async write(task, seen = null) {
      const result = await transaction(async (trx) => {
        await compareIn(trx)
        // While our term is the newest, nobody else notes it.
        if (seen) await storeSeen(trx, later(mine !== null && noted ? noted : await readSeen(trx), seen))
        return task(trx)
      })
      if (seen) noted = later(noted, seen)
      return result
    },
    async writeBehind(task) {
      const run = kind === 'postgres' ? transaction : unsynced
      await run(async (trx) => {
        await compareIn(trx)
        await task(trx)
      })
    },
    async next(above) {
      const term = await transaction(async (trx) => {
        const newest = await lockTerm(trx, kind)
        compare(newest)
        return storeTerm(trx, Math.max(newest, above) + 1)
      })
      return (mine = term)
    },
    async check() {
      if (mine === null) return
      compare(await newestTerm(db, ''))
      const [known, stored] = [noted, await readSeen(db)]
      if (known && (stored?.stream !== known.stream || stored.sequence < known.sequence))
        give('the database was replaced by an older one, which lacks reports that this supervisor has stored', true)
    },
    seen: () => readSeen(db),
  }
}

/** The newest term, 0 before the first; nobody else starts one meanwhile. */
async function lockTerm(trx: Transaction<Tables>, kind: 'sqlite' | 'postgres'): Promise<number> {
  await trx
    .insertInto('meta')
    .values({ key: 'term', value: '0' })
    .onConflict((c) => c.doNothing())
    .execute()
  return newestTerm(trx, kind === 'postgres' ? 'for update' : '')
}

async function storeTerm(trx: Transaction<Tables>, term: number): Promise<number> {
  await trx
    .updateTable('meta')
    .set({ value: String(term) })
    .where('key', '=', 'term')
    .execute()
  return term
}

/** Runs a transaction on a connection to SQLite that nobody else uses meanwhile, without flushing its log. */
async function runUnsynced(one: Kysely<Tables>, task: (trx: Transaction<Tables>) => Promise<void>): Promise<void> {
  await sql`pragma synchronous = normal`.execute(one)
  try {
    await one.transaction().execute(task)
  } finally {
    await sql`pragma synchronous = full`.execute(one)
  }
}

/**
 * Runs a task on SQLite again while another process has the file locked, for at most 15 seconds. Waiting inside SQLite
 * would block the whole process.
 */
export async function retryWhileLocked<T>(task: () => Promise<T>): Promise<T> {
  const since = performance.now()
  for (;;) {
    try {
      return await task()
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY || performance.now() - since > LOCK_WAIT_MS)
        throw error
    }
    await pause(RETRY_MS)
  }
}

const later = (before: ReportsSeen | null, now: ReportsSeen): ReportsSeen =>
  before?.stream === now.stream && before.sequence > now.sequence ? before : now

async function readSeen(db: Kysely<Tables>): Promise<ReportsSeen | null> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'reports_seen').executeTakeFirst()
  return row ? (JSON.parse(row.value) as ReportsSeen) : null
}

async function storeSeen(trx: Transaction<Tables>, seen: ReportsSeen): Promise<void> {
  const value = JSON.stringify(seen)
  await trx
    .insertInto('meta')
    .values({ key: 'reports_seen', value })
    .onConflict((c) => c.column('key').doUpdateSet({ value }))
    .execute()
}

async function newestTerm(db: Kysely<Tables>, lock: '' | 'for share' | 'for update'): Promise<number> {
  const { rows } = await sql<{ value: string }>`select value from meta where key = 'term' ${sql.raw(lock)}`.execute(db)
  return Number(rows[0]?.value ?? 0)
}
