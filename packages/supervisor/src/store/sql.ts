// sql.ts — The store in SQL, the same for both databases.
import { sql, Kysely, type Transaction } from 'kysely'
import type { Logger } from '@kagami/runtime'
import { openDialect } from './dialects.ts'
import { prepareTables, type WriteCarried } from './migrate.ts'
import type { Tables } from './schema.ts'
import { waitForDatabase } from './start-errors.ts'
import type { Store, Superseded } from './store.ts'
import { insertAudit } from './sql-audit.ts'
import { createAccessStore } from './sql-access.ts'
import { createActionStore } from './sql-actions.ts'
import { createDiskStore } from './sql-disks.ts'
import { createBulkStore } from './sql-bulk.ts'
import { createIncidentStore } from './incidents/sql-incidents.ts'
import { createFence, retryWhileLocked } from './sql-fence.ts'
import { createHistory } from './sql-history.ts'
import { createKeyStore } from './sql-keys.ts'
import { createDayNotes, createDayStore, readHistory } from './sql-replica-history.ts'
import { insertReports } from './sql-reports.ts'
import { loadReplicas, saveStates } from './sql-states.ts'
import { createWorkerStore, saveRecords } from './sql-workers.ts'

type Db = Kysely<Tables> | Transaction<Tables>
/** How many unusable messages are kept: a worker must not be able to fill the disk with them. */
const DEAD_LETTERS_MAX = 2500

/** Opens the store a database URL names. Throws ConfigError when it cannot be used. */
export async function openSqlStore(
  url: string,
  logger: Logger,
): Promise<Store & { readonly directory: string | null; readonly kind: 'sqlite' | 'postgres' }> {
  const { dialect, kind, directory, runForEach, prepareRead } = await openDialect(url, logger)
  const db = new Kysely<Tables>({ dialect })
  const { promise: superseded, resolve } = Promise.withResolvers<Superseded>()
  const fence = createFence(db, kind, resolve)
  const dayNotes = createDayNotes(runForEach)
  return {
    kind,
    directory,
    superseded,
    ...createHistory(db, fence),
    readHistory: (replicaId, span) => readHistory(db, kind, replicaId, span),
    ...createDayStore(db, kind),
    ...createDiskStore(db, kind, fence),
    ...createKeyStore(db, fence),
    ...createActionStore(db, fence),
    ...createAccessStore(db, fence),
    ...createBulkStore(db, fence),
    ...createIncidentStore(db, fence),
    prepare: (carry) =>
      waitForDatabase(() => retryWhileLocked(() => prepareTables(db, kind, { carry, write: writeCarried })), logger),
    nextTerm: (above = 0) => fence.next(above),
    checkTerm: () => fence.check(),
    ...createWorkerStore(db, fence),
    loadReplicas: () => loadReplicas(db, prepareRead),
    saveStates: (changes) => fence.writeBehind((trx) => saveStates(trx, changes)),
    async addReports(reports, seen) {
      let keepNotes = () => {}
      const added = await fence.write(async (trx) => {
        const stored = await insertReports(trx, runForEach, reports)
        keepNotes = await dayNotes.write(trx, reports)
        return stored
      }, seen)
      keepNotes()
      return added
    },
    reportsSeen: () => fence.seen(),
    addAudit: (entry) => fence.write((trx) => insertAudit(trx, entry)),
    addDeadLetter: (letter) => fence.write((trx) => saveDeadLetter(trx, letter)),
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

async function writeCarried(db: Db, { workers, replicas }: Parameters<WriteCarried>[1]) {
  await saveRecords(db, workers)
  await saveStates(db, { replicas, removed: [], seen: [] })
}

async function saveDeadLetter(trx: Db, { subject, body, reason, at }: Parameters<Store['addDeadLetter']>[0]) {
  const letter = { subject: storable(subject), body: storable(body), reason: storable(reason), at: at.getTime() }
  const { id } = await trx.insertInto('dead_letters').values(letter).returning('id').executeTakeFirstOrThrow()
  await trx
    .deleteFrom('dead_letters')
    .where('id', '<=', id - DEAD_LETTERS_MAX)
    .execute()
}

/** Untrusted text in a form that both databases accept: PostgreSQL has no NUL character. */
function storable(text: string): string {
  return text.slice(0, 32_768).replaceAll('\0', '\ufffd')
}
