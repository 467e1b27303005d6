// sql-bulk.ts — Bulk jobs in the database. What a turn did to a worker is saved together with the results of its
// replicas, in one transaction: whenever the supervisor is killed, a replica is either done and noted, or neither.
import { pause } from '@kagami/runtime'
import type { Kysely, SelectQueryBuilder, Transaction } from 'kysely'
import type { Tables } from './schema.ts'
import { insertAudit } from './sql-audit.ts'
import type { Fence } from './sql-fence.ts'
import { endOfPrefix, pickByPrefix } from './sql-prefix.ts'
import { chunks } from './sql-states.ts'
import { saveRecords } from './sql-workers.ts'
import type { BulkItemRecord, BulkRecord, BulkStore, BulkTurn, Paged, PageRequest } from './store.ts'

/** The part of the store that keeps bulk jobs. */
export function createBulkStore(db: Kysely<Tables>, fence: Fence): BulkStore {
  return {
    addBulkJob: (job, targets, audit) =>
      fence.write(async (trx) => {
        await trx.insertInto('bulk_jobs').values(rowOf(job)).execute()
        const items = targets.map((target, position) => ({ ...target, position, job_id: job.job_id, ...WAITING }))
        for (const rows of chunks(items)) {
          await trx.insertInto('bulk_items').values(rows).execute()
          // SQLite answers at once: without a pause nothing else would have its turn before the last row.
          await pause(0)
        }
        await insertAudit(trx, audit)
      }),
    listBulkJobs: (page) => listJobs(db, page),
    findBulkJob: (idOrPrefix) => findJob(db, idOrPrefix),
    async nextBulkJob() {
      const row = await db
        .selectFrom('bulk_jobs')
        .selectAll()
        .where('state', '=', 'running')
        .orderBy('job_id')
        .limit(1)
        .executeTakeFirst()
      return row ? jobOf(row) : null
    },
    listBulkItems: (jobId, results, page) => listItems(db, { jobId, results, page }),
    saveBulkTurn: (turn) => fence.write((trx) => saveTurn(trx, turn)),
    endBulkJob: (jobId, { state, at, audit }) =>
      fence.write(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('bulk_jobs')
          .set({ state, ended_at: Date.parse(at) })
          .where('job_id', '=', jobId)
          .where('state', '=', 'running')
          .executeTakeFirst()
        if (numUpdatedRows === 0n) return false
        if (state === 'cancelled') await cancelWaiting(trx, jobId)
        if (audit) await insertAudit(trx, audit)
        return true
      }),
  }
}

const WAITING = { result: 'waiting', code: null, message: null, hint: null } as const

/** Removes jobs that ended before `before`, with their items. */
export async function pruneBulkJobs(trx: Transaction<Tables>, before: Date): Promise<void> {
  const old = trx.selectFrom('bulk_jobs').select('job_id').where('ended_at', '<', before.getTime())
  await trx.deleteFrom('bulk_items').where('job_id', 'in', old).execute()
  await trx.deleteFrom('bulk_jobs').where('ended_at', '<', before.getTime()).execute()
}

async function cancelWaiting(trx: Transaction<Tables>, jobId: string): Promise<void> {
  await trx
    .updateTable('bulk_items')
    .set({ result: 'cancelled' })
    .where('job_id', '=', jobId)
    .where('result', '=', 'waiting')
    .execute()
}

/**
 * Saves a turn once: of one that is sent again, because nobody knew whether it had been saved, nothing is written.
 * False: the job was cancelled before.
 */
async function saveTurn(trx: Transaction<Tables>, turn: BulkTurn): Promise<boolean> {
  const { jobId, outcomes, doubtful = false, record, audits } = turn
  const ok = outcomes.filter(({ result }) => result === 'ok')
  const refused = outcomes.filter(({ result }) => result === 'refused')
  const change = { ok: ok.length, refused: refused.length - (doubtful ? outcomes.length : 0) }
  // The row of the job is held from here on, so that nobody cancels it meanwhile.
  const { numUpdatedRows } = await trx
    .updateTable('bulk_jobs')
    .set((e) => ({ ok: e('ok', '+', change.ok), refused: e('refused', '+', change.refused) }))
    .where('job_id', '=', jobId)
    .where('state', 'in', doubtful ? ['running', 'finished', 'cancelled'] : ['running'])
    .where((e) => e.not(e.exists(savedBefore(trx, turn))))
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return (await savedBefore(trx, turn).executeTakeFirst()) !== undefined
  if (record) await saveRecords(trx, [record])
  for (const audit of audits) await insertAudit(trx, audit)
  for (const part of chunks(ok))
    await trx
      .updateTable('bulk_items')
      .set({ ...WAITING, result: 'ok' })
      .where('job_id', '=', jobId)
      .where(
        'position',
        'in',
        part.map(({ position }) => position),
      )
      .execute()
  for (const { position, ...outcome } of refused)
    await trx
      .updateTable('bulk_items')
      .set(outcome)
      .where('job_id', '=', jobId)
      .where('position', '=', position)
      .execute()
  return true
}

/** Finds the first item of a turn when it has a result; one in doubt has none before it is ok. */
function savedBefore(trx: Transaction<Tables>, { jobId, outcomes, doubtful = false }: BulkTurn) {
  return trx
    .selectFrom('bulk_items')
    .select('position')
    .where('job_id', '=', jobId)
    .where('position', '=', outcomes[0]!.position)
    .where('result', 'in', doubtful ? ['ok'] : ['ok', 'refused'])
}

async function listJobs(db: Kysely<Tables>, page: PageRequest): Promise<Paged<BulkRecord>> {
  const { total } = await db
    .selectFrom('bulk_jobs')
    .select((e) => e.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  let query = db.selectFrom('bulk_jobs').selectAll()
  if (page.cursor) query = query.where('job_id', '<', page.cursor)
  const rows = await query
    .orderBy('job_id', 'desc')
    .limit(page.limit + 1)
    .execute()
  const items = rows.slice(0, page.limit).map(jobOf)
  return { items, nextCursor: rows.length > page.limit ? items.at(-1)!.job_id : null, total: Number(total) }
}

async function findJob(db: Kysely<Tables>, idOrPrefix: string): Promise<BulkRecord | null> {
  const rows = await db
    .selectFrom('bulk_jobs')
    .selectAll()
    .where('job_id', '>=', idOrPrefix)
    .where('job_id', '<', endOfPrefix(idOrPrefix))
    .orderBy('job_id')
    .limit(2)
    .execute()
  const row = pickByPrefix(rows, ({ job_id }) => job_id, idOrPrefix)
  return row ? jobOf(row) : null
}

interface ItemsWanted {
  readonly jobId: string
  readonly results: readonly string[]
  readonly page: PageRequest
}

async function listItems(db: Kysely<Tables>, { jobId, results, page }: ItemsWanted): Promise<Paged<BulkItemRecord>> {
  const matching = <O>(query: SelectQueryBuilder<Tables, 'bulk_items', O>) => {
    const ofJob = query.where('job_id', '=', jobId)
    return results.length > 0 ? ofJob.where('result', 'in', [...results]) : ofJob
  }
  const { total } = await matching(
    db.selectFrom('bulk_items').select((e) => e.fn.countAll<number>().as('total')),
  ).executeTakeFirstOrThrow()
  let query = matching(db.selectFrom('bulk_items').selectAll())
  if (page.cursor) query = query.where('position', '>', Number(page.cursor))
  const rows = await query
    .orderBy('position')
    .limit(page.limit + 1)
    .execute()
  const items = rows.slice(0, page.limit).map(({ job_id: _job, ...item }) => item as BulkItemRecord)
  return { items, nextCursor: rows.length > page.limit ? String(items.at(-1)!.position) : null, total: Number(total) }
}

function rowOf(record: BulkRecord): Tables['bulk_jobs'] {
  const { job_id, state, total, ok, refused, started_at, ended_at, ...job } = record
  return {
    job_id,
    job: JSON.stringify(job),
    state,
    total,
    ok,
    refused,
    started_at: Date.parse(started_at),
    ended_at: ended_at === null ? null : Date.parse(ended_at),
  }
}

function jobOf({ job, started_at, ended_at, ...columns }: Tables['bulk_jobs']): BulkRecord {
  return {
    ...(JSON.parse(job) as Omit<BulkRecord, keyof typeof columns | 'started_at' | 'ended_at'>),
    ...columns,
    state: columns.state as BulkRecord['state'],
    started_at: new Date(started_at).toISOString(),
    ended_at: ended_at === null ? null : new Date(ended_at).toISOString(),
  }
}
