// sql-incidents.ts — Incidents, and which mirrors are bad, in SQL, the same for both databases. Names are JSON text:
// a worker may say any character, and PostgreSQL does not take all of them.
import type { Kysely, Transaction } from 'kysely'
import type { Tables } from '../schema.ts'
import type { Fence } from '../sql-fence.ts'
import { chunks } from '../sql-states.ts'
import type { IncidentChanges, IncidentStore, StoredIncidents } from './incidents.ts'

/** The key of `meta` under which it is noted when the first survey was stored, Unix ms. */
const SINCE = 'incidents_since'

/** The part of the store for incidents. */
export function createIncidentStore(db: Kysely<Tables>, fence: Fence): IncidentStore {
  return {
    loadIncidents: () => loadIncidents(db),
    saveIncidents: (changes, max) => fence.write((trx) => saveIncidents(trx, changes, max)),
  }
}

async function loadIncidents(db: Kysely<Tables>): Promise<StoredIncidents> {
  const all = await db.selectFrom('incidents').selectAll().orderBy('seq', 'desc').execute()
  const bad = await db.selectFrom('bad_mirrors').selectAll().execute()
  const since = await db.selectFrom('meta').select('value').where('key', '=', SINCE).executeTakeFirst()
  return {
    all: all.map(({ incident_id: id, name, state, seen_at }) => ({
      id,
      name: JSON.parse(name) as string,
      state,
      seenAt: new Date(seen_at),
    })),
    bad: new Map(bad.map(({ name, state }) => [JSON.parse(name) as string, state])),
    since: since ? new Date(Number(since.value)) : null,
  }
}

async function saveIncidents(
  trx: Transaction<Tables>,
  { seen, bad, notBad, since }: IncidentChanges,
  max: number,
): Promise<void> {
  await trx
    .insertInto('meta')
    .values({ key: SINCE, value: String(since.getTime()) })
    .onConflict((c) => c.doNothing())
    .execute()
  // The newest has the highest number.
  const rows = seen
    .slice(0, max)
    .toReversed()
    .map(({ id, name, state, seenAt }) => ({
      incident_id: id,
      name: JSON.stringify(name),
      state,
      seen_at: seenAt.getTime(),
    }))
  for (const part of chunks(rows)) await trx.insertInto('incidents').values(part).execute()
  for (const part of chunks([...bad]))
    await trx
      .insertInto('bad_mirrors')
      .values(part.map(([name, state]) => ({ name: JSON.stringify(name), state })))
      .onConflict((c) => c.column('name').doUpdateSet((e) => ({ state: e.ref('excluded.state') })))
      .execute()
  for (const part of chunks(notBad.map((name) => JSON.stringify(name))))
    await trx.deleteFrom('bad_mirrors').where('name', 'in', part).execute()
  if (rows.length > 0) await forgetOldest(trx, max)
}

async function forgetOldest(trx: Transaction<Tables>, max: number): Promise<void> {
  const last = await trx
    .selectFrom('incidents')
    .select('seq')
    .orderBy('seq', 'desc')
    .offset(max)
    .limit(1)
    .executeTakeFirst()
  if (last) await trx.deleteFrom('incidents').where('seq', '<=', last.seq).execute()
}
