// sql.ts — The store in SQL, the same for both databases.
import { sql, Kysely, type Transaction } from 'kysely'
import type { Logger } from '@kagami/runtime'
import { openDialect } from './dialects.ts'
import { prepareTables, type WriteCarried } from './migrate.ts'
import type { Tables } from './schema.ts'
import { waitForDatabase } from './start-errors.ts'
import { groupWrites } from './grouped.ts'
import type { NewAudit, Store, StoredReplica, Superseded, WorkerRecord } from './store.ts'
import { insertAudit } from './sql-audit.ts'
import { createFence, retryWhileLocked, type Fence } from './sql-fence.ts'
import { createHistory } from './sql-history.ts'
import { createKeyStore } from './sql-keys.ts'
import { insertReports } from './sql-reports.ts'

type Db = Kysely<Tables> | Transaction<Tables>
/** Rows of one statement; SQLite allows 32,766 parameters. */
const CHUNK = 500
/** Replicas that are read in one go when the supervisor starts. */
const LOADED_AT_ONCE = 1000
/** How many unusable messages are kept: a worker must not be able to fill the disk with them. */
const DEAD_LETTERS_MAX = 2500

/** Opens the store a database URL names. Throws ConfigError when it cannot be used. */
export async function openSqlStore(
  url: string,
  logger: Logger,
): Promise<Store & { readonly directory: string | null; readonly kind: 'sqlite' | 'postgres' }> {
  const { dialect, kind, directory, runForEach } = await openDialect(url, logger)
  const db = new Kysely<Tables>({ dialect })
  const { promise: superseded, resolve } = Promise.withResolvers<Superseded>()
  const fence = createFence(db, kind, resolve)
  return {
    kind,
    directory,
    superseded,
    ...createHistory(db, fence),
    ...createKeyStore(db, fence),
    prepare: (carry) =>
      waitForDatabase(() => retryWhileLocked(() => prepareTables(db, kind, { carry, write: writeCarried })), logger),
    nextTerm: (above = 0) => fence.next(above),
    checkTerm: () => fence.check(),
    ...createLoader(db),
    ...createWorkerSaver(fence),
    removeWorker: (workerId, instance, audit) =>
      fence.write(async (trx) => {
        await trx.deleteFrom('workers').where('worker_id', '=', workerId).execute()
        await trx.deleteFrom('replicas').where('worker_id', '=', workerId).execute()
        if (instance)
          await trx
            .insertInto('tombstones')
            .values({ worker_id: workerId, instance, at: Date.now() })
            .onConflict((c) => c.doNothing())
            .execute()
        await insertAudit(trx, audit)
      }),
    saveStates: (changes) => fence.write((trx) => saveStates(trx, changes)),
    addReports: (reports, seen) => fence.write((trx) => insertReports(trx, runForEach, reports), seen),
    reportsSeen: () => fence.seen(),
    addAudit: (entry) => fence.write((trx) => insertAudit(trx, entry)),
    async addDeadLetter({ subject, body, reason, at }) {
      await fence.write(async (trx) => {
        const letter = { subject: storable(subject), body: storable(body), reason: storable(reason), at: at.getTime() }
        const { id } = await trx.insertInto('dead_letters').values(letter).returning('id').executeTakeFirstOrThrow()
        await trx
          .deleteFrom('dead_letters')
          .where('id', '<=', id - DEAD_LETTERS_MAX)
          .execute()
      })
    },
    async eraseRemains() {
      // Not in a transaction; SQLite then writes its log into the file and empties it.
      await sql.raw(kind === 'sqlite' ? 'vacuum' : 'vacuum full workers').execute(db)
      if (kind === 'sqlite') await sql.raw('pragma wal_checkpoint(truncate)').execute(db)
    },
    async ping() {
      await sql`select 1`.execute(db)
    },
    close: () => db.destroy(),
  }
}

/** Workers that join together are saved together. */
function createWorkerSaver(fence: Fence): Pick<Store, 'saveWorker'> {
  const save = groupWrites((saves: readonly { record: WorkerRecord; audit: NewAudit | undefined }[]) =>
    fence.write(async (trx) => {
      for (const { record, audit } of saves) {
        await upsertWorker(trx, record)
        if (audit) await insertAudit(trx, audit)
      }
    }),
  )
  return { saveWorker: (record, audit) => save({ record, audit }) }
}

/** The part of the store that is read when the supervisor starts. */
function createLoader(db: Kysely<Tables>): Pick<Store, 'loadWorkers' | 'loadReplicas' | 'loadTombstones'> {
  return {
    async loadWorkers() {
      const rows = await db.selectFrom('workers').selectAll().execute()
      return rows.map((row) => ({
        paused: [],
        ...(JSON.parse(row.record) as Omit<WorkerRecord, 'paused'>),
        last_seen_at: row.last_seen_at === null ? null : new Date(row.last_seen_at).toISOString(),
      }))
    },
    async *loadReplicas() {
      let last = { worker_id: '', replica_id: '' }
      for (;;) {
        const { worker_id, replica_id } = last
        const rows = await db
          .selectFrom('replicas')
          .select(['worker_id', 'replica_id', 'state'])
          .where((e) => e(e.refTuple('worker_id', 'replica_id'), '>', e.tuple(worker_id, replica_id)))
          .orderBy('worker_id')
          .orderBy('replica_id')
          .limit(LOADED_AT_ONCE)
          .execute()
        if (rows.length === 0) return
        last = rows.at(-1)!
        yield rows.map((row) => ({ worker_id: row.worker_id, state: JSON.parse(row.state) as StoredReplica['state'] }))
      }
    },
    loadTombstones: () => db.selectFrom('tombstones').select(['worker_id', 'instance']).execute(),
  }
}

async function upsertWorker(db: Db, record: WorkerRecord) {
  const row = {
    worker_id: record.worker_id,
    record: JSON.stringify(record),
    admission: record.admission,
    last_seen_at: record.last_seen_at ? Date.parse(record.last_seen_at) : null,
    updated_at: Date.now(),
  }
  await db
    .insertInto('workers')
    .values(row)
    .onConflict((c) => c.column('worker_id').doUpdateSet(row))
    .execute()
}

async function writeCarried(db: Db, { workers, replicas }: Parameters<WriteCarried>[1]) {
  for (const worker of workers) await upsertWorker(db, worker)
  await saveStates(db, { replicas, removed: [], seen: [] })
}

async function saveStates(db: Db, changes: Parameters<Store['saveStates']>[0]) {
  const now = Date.now()
  for (const part of chunks(changes.replicas)) {
    const rows = part.map(({ worker_id, state }) => ({
      worker_id,
      replica_id: state.replica_id,
      name: state.name,
      state: JSON.stringify(state),
      updated_at: now,
    }))
    await db
      .insertInto('replicas')
      .values(rows)
      .onConflict((c) =>
        c.columns(['worker_id', 'replica_id']).doUpdateSet((e) => ({
          name: e.ref('excluded.name'),
          state: e.ref('excluded.state'),
          updated_at: e.ref('excluded.updated_at'),
        })),
      )
      .execute()
  }
  for (const { worker_id, replica_id } of changes.removed)
    await db.deleteFrom('replicas').where('worker_id', '=', worker_id).where('replica_id', '=', replica_id).execute()
  for (const { worker_id, at } of changes.seen)
    await db
      .updateTable('workers')
      .set({ last_seen_at: Date.parse(at) })
      .where('worker_id', '=', worker_id)
      .execute()
}

/** Untrusted text in a form that both databases accept: PostgreSQL has no NUL character. */
function storable(text: string): string {
  return text.slice(0, 32_768).replaceAll('\0', '\ufffd')
}

function* chunks<T>(rows: readonly T[]): Generator<T[]> {
  for (let start = 0; start < rows.length; start += CHUNK) yield rows.slice(start, start + CHUNK)
}
