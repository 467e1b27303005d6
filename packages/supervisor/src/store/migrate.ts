// migrate.ts — Brings the tables up to date, and finds out whose database it is: ours, that of the original Kagami,
// which is taken over, or another program's, which is refused.
import { ConfigError } from '@kagami/runtime'
import { Migrator, sql, type Kysely } from 'kysely'
import { migrations } from './migrations/index.ts'
import type { Tables } from './schema.ts'
import type { CarryOriginal, OriginalFleet, StoredReplica, WorkerRecord } from './store.ts'

/** Writes what is carried over into the new tables. */
export type WriteCarried = (
  db: Kysely<Tables>,
  fleet: { workers: readonly WorkerRecord[]; replicas: readonly StoredReplica[] },
) => Promise<void>

/** How the rows of the original Kagami become ours. */
export interface Takeover {
  readonly carry: CarryOriginal
  readonly write: WriteCarried
}

const MIGRATIONS = 'kysely_migration'
/** The tables of ours by which a clash with another program's is noticed. */
const OURS = [
  'meta',
  'workers',
  'announcements',
  'tombstones',
  'replicas',
  'syncs',
  'audit',
  'dead_letters',
  'join_tokens',
  'worker_keys',
  'disk_samples',
  'bulk_jobs',
  'bulk_items',
  'incidents',
  'bad_mirrors',
]
/** The tables of the original Kagami, by their columns in alphabetical order. */
const ORIGINAL = {
  workers: 'approved last_seen worker_id',
  replicas: 'kind name replica_id status upstream worker_id',
} as const

/**
 * Brings the tables up to date, on SQLite in one transaction: a process that ends in between leaves the database as it
 * was. Returns what was carried over from the original Kagami, otherwise null. Throws ConfigError.
 */
export function prepareTables(
  db: Kysely<Tables>,
  kind: 'sqlite' | 'postgres',
  takeover: Takeover,
): Promise<ReturnType<CarryOriginal> | null> {
  if (kind === 'postgres') return preparePostgres(db)
  // The migrator has no transaction of its own on SQLite.
  return db.connection().execute(async (connection) => {
    await sql`begin`.execute(connection)
    try {
      const carried = await prepareSqlite(connection, takeover)
      await sql`commit`.execute(connection)
      return carried
    } catch (error) {
      await sql`rollback`.execute(connection).catch(() => {})
      throw error
    }
  })
}

async function preparePostgres(db: Kysely<Tables>): Promise<null> {
  const { rows } = await sql<{ table: string; column: string }>`
    select table_name as "table", column_name as "column" from information_schema.columns
    where table_schema = current_schema()`.execute(db)
  const tables = tablesOf(rows)
  const clash = OURS.find((name) => tables.has(name))
  if (clash !== undefined && !(await isOurs(db, tables)))
    throw new ConfigError(
      `the database is used by another program: its table "${clash}" (${columnsOf(tables, clash)}) is not of Kagami`,
      'Nothing was changed. Give Kagami a database of its own: createdb kagami.',
    )
  await runMigrations(db)
  return null
}

async function prepareSqlite(db: Kysely<Tables>, takeover: Takeover): Promise<ReturnType<CarryOriginal> | null> {
  const { rows } = await sql<{ table: string; column: string }>`
    select m.name as "table", c.name as "column" from sqlite_master m, pragma_table_info(m.name) c
    where m.type in ('table', 'view') and m.name not like 'sqlite\\_%' escape '\\'`.execute(db)
  const tables = tablesOf(rows)
  const ours = await isOurs(db, tables)
  if (!ours && isOriginal(tables)) return takeOver(db, takeover)
  const strange = [...tables.keys()].filter((name) => !name.startsWith(MIGRATIONS)).sort()
  if (!ours && strange.length > 0)
    throw new ConfigError(
      `the database is that of another program: it has the tables ${listOf(strange)}, and none of Kagami's history`,
      'Nothing was changed. Name another file in SUPERVISOR_DATABASE_URL; it is created when it is missing.',
    )
  await runMigrations(db)
  return null
}

type TableColumns = ReadonlyMap<string, readonly string[]>

function tablesOf(rows: readonly { table: string; column: string }[]): TableColumns {
  const tables = new Map<string, string[]>()
  for (const { table, column } of rows) tables.set(table, [...(tables.get(table) ?? []), column])
  return tables
}

const columnsOf = (tables: TableColumns, name: string) => listOf(tables.get(name) ?? [])

function listOf(words: readonly string[]): string {
  return words.length > 6 ? `${words.slice(0, 6).join(', ')} and ${words.length - 6} more` : words.join(', ')
}

/** Whether our first migration is noted in it. A newer version of ours is noticed by the migrator. */
async function isOurs(db: Kysely<Tables>, tables: TableColumns): Promise<boolean> {
  if (!tables.get(MIGRATIONS)?.includes('name')) return false
  const first = Object.keys(migrations)[0]
  const { rows } = await sql`select name from kysely_migration where name = ${first}`.execute(db)
  return rows.length > 0
}

function isOriginal(tables: TableColumns): boolean {
  return Object.entries(ORIGINAL).every(
    ([name, columns]) => [...(tables.get(name) ?? [])].sort().join(' ') === columns && !tables.has(`original_${name}`),
  )
}

/** Keeps the tables of the original Kagami under another name, and carries over what they hold. */
async function takeOver(db: Kysely<Tables>, { carry, write }: Takeover): Promise<ReturnType<CarryOriginal>> {
  for (const name of Object.keys(ORIGINAL))
    await sql`alter table ${sql.table(name)} rename to ${sql.table(`original_${name}`)}`.execute(db)
  await runMigrations(db)
  const workers = await sql<OriginalFleet['workers'][number]>`select * from original_workers`.execute(db)
  const replicas = await sql<OriginalFleet['replicas'][number]>`select * from original_replicas`.execute(db)
  const carried = carry({ workers: workers.rows, replicas: replicas.rows })
  await write(db, carried)
  return carried
}

async function runMigrations(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (!error) return
  if (/corrupted migrations|missing/i.test(String((error as Error).message))) {
    throw new ConfigError(
      'the database was written by a newer version of Kagami',
      'Run the newer version, or restore a backup from before the upgrade.',
    )
  }
  throw error
}
