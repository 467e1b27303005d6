// sql-actions.ts — Decisions that are held, in SQL, the same for both databases.
import type { Kysely } from 'kysely'
import type { Tables } from './schema.ts'
import { insertAudit } from './sql-audit.ts'
import type { Fence } from './sql-fence.ts'
import type { ActionStore, HeldAction } from './store.ts'

/** The part of the store for decisions that are held. */
export function createActionStore(db: Kysely<Tables>, fence: Fence): ActionStore {
  return {
    async loadActions() {
      const rows = await db
        .selectFrom('held_actions')
        .select('action')
        .orderBy('executes_at')
        .orderBy('action_id')
        .execute()
      return rows.map(({ action }) => JSON.parse(action) as HeldAction)
    },
    addAction: (action, audit) =>
      fence.write(async (trx) => {
        const { action_id, executes_at } = action
        await trx
          .insertInto('held_actions')
          .values({ action_id, executes_at: Date.parse(executes_at), action: JSON.stringify(action) })
          .execute()
        await insertAudit(trx, audit)
      }),
    removeAction: (actionId, audit) =>
      fence.write(async (trx) => {
        const { numDeletedRows } = await trx
          .deleteFrom('held_actions')
          .where('action_id', '=', actionId)
          .executeTakeFirstOrThrow()
        if (numDeletedRows > 0 && audit) await insertAudit(trx, audit)
        return numDeletedRows > 0
      }),
  }
}
