// 0003-order.ts — The history has the order in which it was recorded, whatever the clocks of workers said.
import { sql, type Kysely, type Migration } from 'kysely'

export const order: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('syncs')
      .addColumn('seq', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute()
    // In which order earlier ones were recorded is not known: their times have to do.
    await sql`update syncs set seq = numbered.seq from
      (select sync_id, row_number() over (order by started_at, sync_id) as seq from syncs) as numbered
      where numbered.sync_id = syncs.sync_id`.execute(db)
    for (const [index, column] of [
      ['syncs_replica', 'replica_id'],
      ['syncs_worker', 'worker_id'],
      ['syncs_name', 'name'],
      ['syncs_started', null],
    ] as const) {
      await db.schema.dropIndex(index).execute()
      await db.schema
        .createIndex(column ? index : 'syncs_seq')
        .on('syncs')
        .columns(column ? [column, 'seq'] : ['seq'])
        .execute()
    }
  },
}
