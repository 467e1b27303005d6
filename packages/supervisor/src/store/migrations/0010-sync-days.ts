// 0010-sync-days.ts — How the syncs of a replica ended on each day, for lists of many replicas: one small row for a
// day, however many syncs it had. Days are those of UTC since 1970; a bit for each outcome.
import { sql, type Kysely, type Migration } from 'kysely'

export const syncDays: Migration = {
  async up(db: Kysely<unknown>) {
    const isSqlite = !db.getExecutor().adapter.supportsTransactionalDdl
    await db.schema
      .createTable('sync_days')
      .addColumn('replica_id', 'text', (c) => c.notNull())
      .addColumn('day', 'integer', (c) => c.notNull())
      .addColumn('outcomes', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('sync_days_pk', ['replica_id', 'day'])
      // SQLite would keep the key twice.
      .modifyEnd(isSqlite ? sql`without rowid` : sql``)
      .execute()
    await db.schema.createIndex('sync_days_day').on('sync_days').columns(['day']).execute()
    // Going back to an earlier tree and restoring a ref are recorded as syncs, and are none. Rows of versions before
    // 0005 have their action in the report alone.
    const inReport = isSqlite ? sql`json_extract(report, '$.action')` : sql`report::json ->> 'action'`
    const action = sql`case when duration_ms is null then ${inReport} else action end`
    const bit = (outcome: string, value: number) =>
      sql`max(case when outcome = ${sql.lit(outcome)} then ${sql.lit(value)} else 0 end)`
    const bits = ['success', 'cancelled', 'interrupted', 'held', 'failed'].map((one, at) => bit(one, 1 << at))
    await sql`insert into sync_days (replica_id, day, outcomes)
      select replica_id, ended_at / 86400000, ${sql.join(bits, sql` + `)} from syncs
      where coalesce(${action}, 'sync') not in ('rollback', 'restore') group by 1, 2`.execute(db)
  },
}
