// sql-states.ts — The last known states of replicas in the database: written behind, read when the supervisor starts.
import type { Kysely, Transaction } from 'kysely'
import type { PrepareRead } from './dialects.ts'
import type { Tables } from './schema.ts'
import type { Store, StoredReplica } from './store.ts'

/** Rows of one statement; SQLite allows 32,766 parameters. */
const CHUNK = 500
/** Replicas that are read in one go when the supervisor starts: few enough that nothing of them grows old in memory. */
const LOADED_AT_ONCE = 250

type Row = readonly [workerId: string, state: string, ...rest: unknown[]]

/** All replicas, in parts. A state is made of its text when its turn comes, and nothing keeps it here. */
export async function* loadReplicas(
  db: Kysely<Tables>,
  prepareRead: PrepareRead | null,
): AsyncGenerator<Iterable<StoredReplica>> {
  const readNext = prepareRead ? readByPlace(prepareRead) : readByKey(db)
  for (let rows = await readNext(); rows.length > 0; rows = await readNext()) yield statesOf(rows)
}

function* statesOf(rows: readonly Row[]): Generator<StoredReplica> {
  for (const [worker_id, state] of rows) yield { worker_id, state: JSON.parse(state) as StoredReplica['state'] }
}

/** Reads one part after the other as they lie in the file of SQLite: by their keys each row would be looked for. */
function readByPlace(prepareRead: PrepareRead): () => readonly Row[] {
  const read = prepareRead<readonly [workerId: string, state: string, place: number]>(
    'select worker_id, state, rowid from replicas where rowid > ? order by rowid limit ?',
  )
  let last = 0
  return () => {
    const rows = read(last, LOADED_AT_ONCE)
    last = rows.at(-1)?.[2] ?? last
    return rows
  }
}

function readByKey(db: Kysely<Tables>): () => Promise<readonly Row[]> {
  let last = { worker_id: '', replica_id: '' }
  return async () => {
    const { worker_id, replica_id } = last
    const rows = await db
      .selectFrom('replicas')
      .select(['worker_id', 'replica_id', 'state'])
      .where((e) => e(e.refTuple('worker_id', 'replica_id'), '>', e.tuple(worker_id, replica_id)))
      .orderBy('worker_id')
      .orderBy('replica_id')
      .limit(LOADED_AT_ONCE)
      .execute()
    last = rows.at(-1) ?? last
    return rows.map((row): Row => [row.worker_id, row.state])
  }
}

/** Saves states, removes those of replicas that are gone, and notes when workers were heard from. */
export async function saveStates(
  db: Kysely<Tables> | Transaction<Tables>,
  changes: Parameters<Store['saveStates']>[0],
): Promise<void> {
  const now = Date.now()
  for (const part of chunks(changes.replicas)) {
    const rows = part.map(({ worker_id, state }) => ({
      worker_id,
      replica_id: state.replica_id,
      name: state.name,
      state: JSON.stringify(state),
      updated_at: now,
    }))
    await db
      .insertInto('replicas')
      .values(rows)
      .onConflict((c) =>
        c.columns(['worker_id', 'replica_id']).doUpdateSet((e) => ({
          name: e.ref('excluded.name'),
          state: e.ref('excluded.state'),
          updated_at: e.ref('excluded.updated_at'),
        })),
      )
      .execute()
  }
  for (const { worker_id, replica_id } of changes.removed)
    await db.deleteFrom('replicas').where('worker_id', '=', worker_id).where('replica_id', '=', replica_id).execute()
  for (const { worker_id, at } of changes.seen)
    await db
      .updateTable('workers')
      .set({ last_seen_at: Date.parse(at) })
      .where('worker_id', '=', worker_id)
      .execute()
}

/** Rows in as many parts as statements need. */
export function* chunks<T>(rows: readonly T[]): Generator<T[]> {
  for (let start = 0; start < rows.length; start += CHUNK) yield rows.slice(start, start + CHUNK)
}
