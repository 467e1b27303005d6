// sql-reports.ts — Adds the reports of a batch to the history: on SQLite by a prepared statement for each row, on
// PostgreSQL by one statement whose text is the same for every batch.
import type { SyncReport } from '@kagami/protocol'
import { CompiledQuery, type Transaction } from 'kysely'
import type { RunForEach } from './dialects.ts'
import type { Tables } from './schema.ts'

interface Column {
  readonly name: string
  readonly type: 'text' | 'bigint'
  valueOf(report: SyncReport): string | number | null
}

/** All but `seq`. */
const COLUMNS: readonly Column[] = [
  { name: 'sync_id', type: 'text', valueOf: (report) => report.sync_id },
  { name: 'worker_id', type: 'text', valueOf: (report) => report.worker_id },
  { name: 'replica_id', type: 'text', valueOf: (report) => report.replica_id },
  { name: 'name', type: 'text', valueOf: (report) => report.name },
  { name: 'kind', type: 'text', valueOf: (report) => report.kind },
  { name: 'outcome', type: 'text', valueOf: (report) => report.outcome },
  { name: 'started_at', type: 'bigint', valueOf: (report) => Date.parse(report.started_at) },
  { name: 'ended_at', type: 'bigint', valueOf: (report) => Date.parse(report.ended_at) },
  { name: 'report', type: 'text', valueOf: (report) => JSON.stringify(report) },
  { name: 'action', type: 'text', valueOf: (report) => report.action ?? null },
  { name: 'reason', type: 'text', valueOf: (report) => report.reason },
  { name: 'duration_ms', type: 'bigint', valueOf: (report) => report.duration_ms },
  { name: 'bytes', type: 'bigint', valueOf: (report) => report.bytes },
  { name: 'files', type: 'bigint', valueOf: (report) => report.files },
  { name: 'size_bytes', type: 'bigint', valueOf: (report) => report.size_bytes },
]

const NAMES = COLUMNS.map(({ name }) => name).join(', ')
const LAST = 'select coalesce(max(seq), 0) as last from syncs'
const INSERT_ROW =
  `insert into syncs (seq, ${NAMES}) values (?, ${COLUMNS.map(() => '?').join(', ')}) ` +
  'on conflict (sync_id) do nothing'
/** All rows by one statement: each parameter is a column of them. */
const INSERT_COLUMNS =
  `insert into syncs (seq, ${NAMES}) select (${LAST}) + place, ${NAMES} ` +
  `from unnest(${COLUMNS.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')}) ` +
  `with ordinality as reports (${NAMES}, place) on conflict (sync_id) do nothing returning sync_id`

/**
 * Adds reports, in their order, after all that were recorded before. The sync id is the primary key, so a report that
 * arrives twice is stored once. Returns the sync ids that are new.
 */
export async function insertReports(
  trx: Transaction<Tables>,
  runForEach: RunForEach | null,
  reports: readonly SyncReport[],
): Promise<Set<string>> {
  if (reports.length === 0) return new Set()
  return runForEach ? insertRows(trx, runForEach, reports) : insertColumns(trx, reports)
}

async function insertRows(
  trx: Transaction<Tables>,
  runForEach: RunForEach,
  reports: readonly SyncReport[],
): Promise<Set<string>> {
  const { rows } = await trx.executeQuery<{ last: number }>(CompiledQuery.raw(LAST))
  const next = rows[0]!.last + 1
  const changes = runForEach(INSERT_ROW, reports.length, (index) => [
    next + index,
    ...COLUMNS.map((column) => column.valueOf(reports[index]!)),
  ])
  return new Set(reports.filter((_, index) => changes[index]! > 0).map((report) => report.sync_id))
}

async function insertColumns(trx: Transaction<Tables>, reports: readonly SyncReport[]): Promise<Set<string>> {
  const columns = COLUMNS.map((column) => reports.map((report) => column.valueOf(report)))
  const { rows } = await trx.executeQuery<{ sync_id: string }>(CompiledQuery.raw(INSERT_COLUMNS, columns))
  return new Set(rows.map(({ sync_id }) => sync_id))
}
