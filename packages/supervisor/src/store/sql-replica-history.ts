// sql-replica-history.ts — Reads the figures of the finished syncs of one replica. The index syncs_history has all that
// is asked for; rows of earlier versions have their figures in the report alone.
import { sql, type Kysely } from 'kysely'
import type { Tables } from './schema.ts'
import type { StoredHistory, StoredRun } from './store.ts'

/** Which database it is. */
export type Dialect = 'sqlite' | 'postgres'

/** Of how many syncs it is said how long they usually take. */
const LAST_MAX = 20

/** What is stored of the finished syncs of a replica that ended from `fromMs` until before `toMs`. */
export async function readHistory(
  db: Kysely<Tables>,
  dialect: Dialect,
  replicaId: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<StoredHistory> {
  const ofReplica = db.selectFrom('syncs').where('replica_id', '=', replicaId)
  const { oldest } = await ofReplica.select((e) => e.fn.min('ended_at').as('oldest')).executeTakeFirstOrThrow()
  const runs = await ofReplica
    .select(['ended_at', 'outcome', ...NAMES.map((name) => figureOf(dialect, name).as(name))])
    .where('ended_at', '>=', fromMs)
    .where('ended_at', '<', toMs)
    .orderBy('ended_at')
    .orderBy('seq')
    .execute()
  const last = await ofReplica
    .select(figureOf(dialect, 'duration_ms').as('duration_ms'))
    .where('outcome', '=', 'success')
    .where((e) => e(e.fn.coalesce(figureOf(dialect, 'action'), sql.lit('sync')), '=', 'sync'))
    .orderBy('ended_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(LAST_MAX)
    .execute()
  return {
    knownSinceMs: oldest,
    runs: runs as unknown as StoredRun[],
    lastDurationsMs: last.map((row) => Number(row.duration_ms)),
  }
}

const NAMES = ['action', 'reason', 'duration_ms', 'bytes', 'files', 'size_bytes'] as const

/** A figure of a row of `syncs`. */
export function figureOf(dialect: Dialect, name: (typeof NAMES)[number]) {
  const type = name === 'action' || name === 'reason' ? 'text' : 'bigint'
  const inReport =
    dialect === 'sqlite' ? `json_extract(report, '$.${name}')` : `cast(report::json ->> '${name}' as ${type})`
  return sql<string | number | null>`case when duration_ms is null then ${sql.raw(inReport)} else ${sql.ref(name)} end`
}
