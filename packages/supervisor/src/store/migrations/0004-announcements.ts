// 0004-announcements.ts — What workers announce of their kinds is long, and alike in a fleet: each text is kept once,
// and the rows of workers name it.
import type { Kysely, Migration } from 'kysely'

export const announcements: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('announcements')
      .addColumn('digest', 'text', (c) => c.primaryKey())
      .addColumn('kinds', 'text', (c) => c.notNull())
      .execute()
    // Null: the record has its kinds in it, as those that earlier versions wrote.
    await db.schema.alterTable('workers').addColumn('announced', 'text').execute()
  },
}
