// 0008-held-actions.ts — Decisions that are held for some seconds before they are carried out.
import type { Kysely, Migration } from 'kysely'

export const heldActions: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('held_actions')
      .addColumn('action_id', 'text', (c) => c.primaryKey())
      .addColumn('executes_at', 'bigint', (c) => c.notNull())
      .addColumn('action', 'text', (c) => c.notNull())
      .execute()
  },
}
