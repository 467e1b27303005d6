// sql-replica-history.ts — The figures of the finished syncs of one replica, and for lists of many how syncs ended on
// each day and how long the last ones took: in one query each, which reads as many rows for a busy replica as for any
// other. The index syncs_history has all that is asked for; rows of earlier versions have their figures in the report
// alone.
import type { Outcome, SyncReport } from '@kagami/protocol'
import { CompiledQuery, sql, type Kysely, type Transaction } from 'kysely'
import type { RunForEach } from './dialects.ts'
import type { Tables } from './schema.ts'
import type { Store, StoredDays, StoredHistory, StoredRun } from './store.ts'

/** Which database it is. */
export type Dialect = 'sqlite' | 'postgres'

/** Of how many syncs it is said how long they usually take. */
const LAST_MAX = 20
const DAY_MS = 86_400_000
/** The bit of each outcome: the migration has the same. */
const BITS: Readonly<Record<Outcome, number>> = { success: 1, cancelled: 2, interrupted: 4, held: 8, failed: 16 }
/** Of how many syncs the last ones that succeeded are looked for. */
const LOOKED_AT_MAX = 60

const JOINED =
  'on conflict (replica_id, day) do update set outcomes = sync_days.outcomes | excluded.outcomes ' +
  'where sync_days.outcomes | excluded.outcomes <> sync_days.outcomes'
const INSERT_ROW = `insert into sync_days (replica_id, day, outcomes) values (?, ?, ?) ${JOINED}`
const INSERT_COLUMNS =
  'insert into sync_days (replica_id, day, outcomes) ' +
  `select * from unnest($1::text[], $2::integer[], $3::integer[]) ${JOINED}`

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

/** How many days of replicas are remembered as noted. */
const NOTED_MAX = 100_000

/** Notes how syncs ended on each day. */
export interface DayNotes {
  /** Writes what is new of these reports. Call what it returns when the transaction is committed. */
  write(trx: Transaction<Tables>, reports: readonly SyncReport[]): Promise<() => void>
}

/** Most syncs of a day end as one before them did: what this process has noted is not written again. */
export function createDayNotes(runForEach: RunForEach | null): DayNotes {
  /** By replica and day, the outcomes. */
  const noted = new Map<string, number>()
  return {
    async write(trx, reports) {
      const days = daysOf(reports)
      for (const [key, [, , outcomes]] of days) if (((noted.get(key) ?? 0) & outcomes) === outcomes) days.delete(key)
      await writeDays(trx, runForEach, [...days.values()])
      return () => {
        if (noted.size + days.size > NOTED_MAX) noted.clear()
        for (const [key, [, , outcomes]] of days) noted.set(key, (noted.get(key) ?? 0) | outcomes)
      }
    },
  }
}

type DayRow = [replicaId: string, day: number, outcomes: number]

/** What reports say of each day of each replica. */
function daysOf(reports: readonly SyncReport[]): Map<string, DayRow> {
  const days = new Map<string, DayRow>()
  for (const { replica_id, ended_at, outcome, action } of reports) {
    // These are recorded as syncs, and are none.
    if (action === 'rollback' || action === 'restore') continue
    const day = dayOf(Date.parse(ended_at))
    const key = `${day} ${replica_id}`
    const known = days.get(key)
    if (known) known[2] |= BITS[outcome]
    else days.set(key, [replica_id, day, BITS[outcome]])
  }
  return days
}

async function writeDays(
  trx: Transaction<Tables>,
  runForEach: RunForEach | null,
  rows: readonly DayRow[],
): Promise<void> {
  if (rows.length === 0) return
  if (runForEach) return void runForEach(INSERT_ROW, rows.length, (index) => rows[index]!)
  const columns = [0, 1, 2].map((column) => rows.map((row) => row[column]))
  await trx.executeQuery(CompiledQuery.raw(INSERT_COLUMNS, columns))
}

/** The day of UTC since 1970 of an instant, Unix ms. */
const dayOf = (ms: number): number => Math.floor(ms / DAY_MS)

/** Forgets the days before the one of an instant. */
export async function pruneDays(trx: Transaction<Tables>, before: Date): Promise<void> {
  await trx.deleteFrom('sync_days').where('day', '<', dayOf(before.getTime())).execute()
}

/** The part of the store that reads what lists show of the history. */
export function createDayStore(db: Kysely<Tables>, dialect: Dialect): Pick<Store, 'readDays' | 'readLastDurations'> {
  return {
    readDays: (replicaIds, fromMs) => readDays(db, replicaIds, dayOf(fromMs)),
    readLastDurations: (replicaIds) => readLastDurations(db, dialect, replicaIds),
  }
}

async function readDays(
  db: Kysely<Tables>,
  replicaIds: readonly string[],
  fromDay: number,
): Promise<Map<string, StoredDays>> {
  const found = new Map<string, { firstMs: number; outcomes: Map<number, readonly Outcome[]> }>()
  if (replicaIds.length === 0) return found
  const ofThem = db.selectFrom('sync_days').where('replica_id', 'in', [...replicaIds])
  const rows = await ofThem
    .select((e) => ['replica_id', e.fn.min('day').as('day'), sql<number>`0`.as('outcomes')])
    .groupBy('replica_id')
    .unionAll(ofThem.select(['replica_id', 'day', 'outcomes']).where('day', '>=', fromDay))
    .execute()
  for (const { replica_id, day, outcomes } of rows) {
    const dayMs = day * DAY_MS
    const known = found.get(replica_id) ?? { firstMs: dayMs, outcomes: new Map() }
    found.set(replica_id, known)
    known.firstMs = Math.min(known.firstMs, dayMs)
    if (outcomes > 0) known.outcomes.set(dayMs, outcomesIn(outcomes))
  }
  return found
}

const outcomesIn = (bits: number): Outcome[] =>
  (Object.keys(BITS) as Outcome[]).filter((outcome) => (bits & BITS[outcome]) > 0)

async function readLastDurations(
  db: Kysely<Tables>,
  dialect: Dialect,
  replicaIds: readonly string[],
): Promise<Map<string, number[]>> {
  const ids = JSON.stringify(replicaIds)
  const source =
    dialect === 'sqlite' ? sql`json_each(${ids}) as asked` : sql`json_array_elements_text(${ids}::json) as asked(value)`
  const list = sql.raw(dialect === 'sqlite' ? 'json_group_array' : 'json_agg')
  const { rows } = await sql<{ replica_id: string; durations: string | number[] | null }>`
    select asked.value as replica_id, (
      select ${list}(duration_ms) from (
        select duration_ms from (
          select outcome, ended_at, seq, ${figureOf(dialect, 'duration_ms')} as duration_ms,
            ${figureOf(dialect, 'action')} as action
          from syncs where syncs.replica_id = asked.value
          order by ended_at desc, seq desc limit ${sql.lit(LOOKED_AT_MAX)}
        ) as newest
        where outcome = 'success' and coalesce(action, 'sync') = 'sync'
        order by ended_at desc, seq desc limit ${sql.lit(LAST_MAX)}
      ) as last
    ) as durations from ${source}`.execute(db)
  return new Map(rows.map(({ replica_id, durations }) => [replica_id, numbersIn(durations)]))
}

const numbersIn = (list: string | number[] | null): number[] =>
  (typeof list === 'string' ? (JSON.parse(list) as number[]) : (list ?? [])).map(Number)
