// 0006-disk-samples.ts — How full the disks of workers were: of each worker the last value of each part of 6 hours.
import { sql, type Kysely, type Migration } from 'kysely'

export const diskSamples: Migration = {
  async up(db: Kysely<unknown>) {
    const isSqlite = !db.getExecutor().adapter.supportsTransactionalDdl
    await db.schema
      .createTable('disk_samples')
      .addColumn('worker_id', 'text', (c) => c.notNull())
      .addColumn('part', 'bigint', (c) => c.notNull())
      .addColumn('measured_at', 'bigint', (c) => c.notNull())
      .addColumn('total_bytes', 'bigint', (c) => c.notNull())
      .addColumn('used_bytes', 'bigint', (c) => c.notNull())
      .addColumn('available_bytes', 'bigint')
      .addPrimaryKeyConstraint('disk_samples_pk', ['worker_id', 'part'])
      // SQLite would keep the key twice.
      .modifyEnd(isSqlite ? sql`without rowid` : sql``)
      .execute()
  },
}
