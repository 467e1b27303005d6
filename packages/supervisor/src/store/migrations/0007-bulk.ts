// 0007-bulk.ts — Bulk jobs, and what became of each of their replicas.
import type { Kysely, Migration } from 'kysely'

export const bulk: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('bulk_jobs')
      .addColumn('job_id', 'text', (c) => c.primaryKey())
      .addColumn('job', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('total', 'integer', (c) => c.notNull())
      .addColumn('ok', 'integer', (c) => c.notNull())
      .addColumn('refused', 'integer', (c) => c.notNull())
      .addColumn('started_at', 'bigint', (c) => c.notNull())
      .addColumn('ended_at', 'bigint')
      .execute()
    await db.schema.createIndex('bulk_jobs_state').on('bulk_jobs').columns(['state', 'job_id']).execute()
    await db.schema
      .createTable('bulk_items')
      .addColumn('job_id', 'text', (c) => c.notNull())
      .addColumn('position', 'integer', (c) => c.notNull())
      .addColumn('worker_id', 'text', (c) => c.notNull())
      .addColumn('replica_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('result', 'text', (c) => c.notNull())
      .addColumn('code', 'text')
      .addColumn('message', 'text')
      .addColumn('hint', 'text')
      .addPrimaryKeyConstraint('bulk_items_key', ['job_id', 'position'])
      .execute()
    await db.schema
      .createIndex('bulk_items_result')
      .on('bulk_items')
      .columns(['job_id', 'result', 'position'])
      .execute()
  },
}
