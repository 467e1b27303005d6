// sql-workers.ts — Workers in the database: their records, and apart from them what they announce of their kinds, which
// is long, and the same of most workers.
import { createHash } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import { groupWrites } from './grouped.ts'
import type { Tables } from './schema.ts'
import { insertAudit } from './sql-audit.ts'
import type { Fence } from './sql-fence.ts'
import type { NewAudit, Store, WorkerRecord } from './store.ts'

type Db = Kysely<Tables> | Transaction<Tables>
type Kinds = WorkerRecord['kinds']

/** The part of the store that keeps workers. */
export function createWorkerStore(
  db: Kysely<Tables>,
  fence: Fence,
): Pick<Store, 'loadWorkers' | 'loadTombstones' | 'saveWorker' | 'removeWorker'> {
  // Workers that join together are saved together.
  const save = groupWrites((saves: readonly { record: WorkerRecord; audit: NewAudit | undefined }[]) =>
    fence.write(async (trx) => {
      await saveRecords(
        trx,
        saves.map(({ record }) => record),
      )
      for (const { audit } of saves) if (audit) await insertAudit(trx, audit)
    }),
  )
  return {
    loadWorkers: () => loadRecords(db),
    loadTombstones: () => db.selectFrom('tombstones').select(['worker_id', 'instance']).execute(),
    saveWorker: (record, audit) => save({ record, audit }),
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
  }
}

async function loadRecords(db: Kysely<Tables>): Promise<WorkerRecord[]> {
  const announced = new Map<string | null, Kinds>()
  for (const { digest, kinds } of await db.selectFrom('announcements').selectAll().execute())
    announced.set(digest, JSON.parse(kinds) as Kinds)
  const rows = await db.selectFrom('workers').select(['record', 'announced', 'last_seen_at']).execute()
  return rows.map((row) => ({
    paused: [],
    // A record that names what is not there gets it with the next join.
    kinds: announced.get(row.announced) ?? [],
    ...(JSON.parse(row.record) as Omit<WorkerRecord, 'paused' | 'kinds'>),
    last_seen_at: row.last_seen_at === null ? null : new Date(row.last_seen_at).toISOString(),
  }))
}

/** Adds workers, or replaces their records. */
export async function saveRecords(db: Db, records: readonly WorkerRecord[]): Promise<void> {
  for (const kinds of new Set(records.map((record) => record.kinds))) if (kinds.length > 0) await keep(db, kinds)
  for (const { kinds, ...record } of records) {
    const row = {
      worker_id: record.worker_id,
      record: JSON.stringify(record),
      announced: kinds.length > 0 ? announcementOf(kinds).digest : null,
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
}

/** Adds an announcement, or holds the one that is there, so that nobody forgets it before the transaction ends. */
async function keep(db: Db, kinds: Kinds): Promise<void> {
  const row = announcementOf(kinds)
  await db
    .insertInto('announcements')
    .values(row)
    .onConflict((c) => c.column('digest').doUpdateSet({ digest: row.digest }))
    .execute()
}

/** Removes the announcements that no worker makes any more. */
export async function forgetAnnouncements(db: Db): Promise<void> {
  await db
    .deleteFrom('announcements')
    .where('digest', 'not in', (e) =>
      e.selectFrom('workers').select('announced').where('announced', 'is not', null).$castTo<{ announced: string }>(),
    )
    .execute()
}

/** The rows of announcements that were made: those of a fleet are shared. */
const rowsOfKinds = new WeakMap<Kinds, Tables['announcements']>()

function announcementOf(kinds: Kinds): Tables['announcements'] {
  let row = rowsOfKinds.get(kinds)
  if (!row) {
    const text = JSON.stringify(kinds)
    row = { digest: createHash('sha256').update(text).digest('hex'), kinds: text }
    rowsOfKinds.set(kinds, row)
  }
  return row
}
