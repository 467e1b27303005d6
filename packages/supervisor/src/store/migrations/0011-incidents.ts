// 0011-incidents.ts — When mirrors failed, became stale, or were well again, as it was seen; and which were bad in the
// last survey, so that the next supervisor notices what has changed since. Names are JSON text.
import { sql, type Kysely, type Migration } from 'kysely'

export const incidents: Migration = {
  async up(db: Kysely<unknown>) {
    const isSqlite = !db.getExecutor().adapter.supportsTransactionalDdl
    await db.schema
      .createTable('incidents')
      .addColumn('seq', isSqlite ? sql`integer` : sql`bigserial`, (c) => c.primaryKey())
      .addColumn('incident_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('seen_at', 'bigint', (c) => c.notNull())
      .execute()
    await db.schema
      .createTable('bad_mirrors')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('state', 'text', (c) => c.notNull())
      .execute()
  },
}
