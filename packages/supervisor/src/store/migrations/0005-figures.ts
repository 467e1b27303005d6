// 0005-figures.ts — The figures of a report in columns, and an index that answers the history of a replica alone.
// Earlier rows stay as they are: the history reads their figures from the report.
import type { Kysely, Migration } from 'kysely'

export const figures: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [column, type] of [
      ['action', 'text'],
      ['reason', 'text'],
      ['duration_ms', 'bigint'],
      ['bytes', 'bigint'],
      ['files', 'bigint'],
      ['size_bytes', 'bigint'],
    ] as const)
      await db.schema.alterTable('syncs').addColumn(column, type).execute()
    await db.schema
      .createIndex('syncs_history')
      .on('syncs')
      .columns([
        'replica_id',
        'ended_at',
        'seq',
        'outcome',
        'action',
        'reason',
        'duration_ms',
        'bytes',
        'files',
        'size_bytes',
      ])
      .execute()
  },
}
