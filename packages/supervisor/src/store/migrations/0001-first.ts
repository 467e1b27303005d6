// 0001-first.ts — The first tables, the same on SQLite and PostgreSQL.
import { sql, type Kysely, type Migration } from 'kysely'

export const first: Migration = {
  async up(db: Kysely<unknown>) {
    await createFleetTables(db)
    await createSyncs(db)
    await createAudit(db)
  },
}

async function createFleetTables(db: Kysely<unknown>) {
  await db.schema
    .createTable('meta')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('value', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('workers')
    .addColumn('worker_id', 'text', (c) => c.primaryKey())
    .addColumn('record', 'text', (c) => c.notNull())
    .addColumn('admission', 'text', (c) => c.notNull())
    .addColumn('last_seen_at', 'bigint')
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('tombstones')
    .addColumn('worker_id', 'text', (c) => c.notNull())
    .addColumn('instance', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('tombstones_pk', ['worker_id', 'instance'])
    .execute()
  await db.schema
    .createTable('replicas')
    .addColumn('worker_id', 'text', (c) => c.notNull())
    .addColumn('replica_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('replicas_pk', ['worker_id', 'replica_id'])
    .execute()
}

async function createSyncs(db: Kysely<unknown>) {
  await db.schema
    .createTable('syncs')
    .addColumn('sync_id', 'text', (c) => c.primaryKey())
    .addColumn('worker_id', 'text', (c) => c.notNull())
    .addColumn('replica_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('outcome', 'text', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint', (c) => c.notNull())
    .addColumn('report', 'text', (c) => c.notNull())
    .execute()
  // Lists of syncs are newest first: of one replica, of one worker, of one name, and of all.
  await db.schema.createIndex('syncs_replica').on('syncs').columns(['replica_id', 'started_at']).execute()
  await db.schema.createIndex('syncs_worker').on('syncs').columns(['worker_id', 'started_at']).execute()
  await db.schema.createIndex('syncs_name').on('syncs').columns(['name', 'started_at']).execute()
  await db.schema.createIndex('syncs_started').on('syncs').columns(['started_at']).execute()
}

async function createAudit(db: Kysely<unknown>) {
  const serial = (await isPostgres(db)) ? sql`bigserial` : sql`integer`
  await db.schema
    .createTable('audit')
    .addColumn('id', serial, (c) => c.primaryKey())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('remote', 'text')
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('target', 'text')
    .addColumn('detail', 'text')
    .addColumn('result', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('dead_letters')
    .addColumn('id', serial, (c) => c.primaryKey())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .execute()
}

async function isPostgres(db: Kysely<unknown>): Promise<boolean> {
  return db.getExecutor().adapter.supportsTransactionalDdl
}
