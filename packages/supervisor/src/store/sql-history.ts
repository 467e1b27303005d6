// sql-history.ts — Reads the history of syncs and the audit in pages, and removes what is old.
import type { Kysely, Transaction } from 'kysely'
import type { SyncReport } from '@kagami/protocol'
import type { Tables } from './schema.ts'
import { listAudit, pruneRefusals } from './sql-audit.ts'
import { pruneDiskSamples } from './sql-disks.ts'
import { pruneDays } from './sql-replica-history.ts'
import { pruneBulkJobs } from './sql-bulk.ts'
import type { Fence } from './sql-fence.ts'
import { endOfPrefix, pickByPrefix } from './sql-prefix.ts'
import { forgetAnnouncements } from './sql-workers.ts'
import type { PageRequest, Store, SyncFilter } from './store.ts'

/**
 * How much later than the time before it a pruning may go, ms. It is done each hour: six hours catch up with what a
 * supervisor that was away has missed, and a clock that is years ahead for an hour costs six hours of old history.
 */
const PRUNE_STEP_MS = 6 * 3_600_000

/** The part of the store that reads history. */
export function createHistory(
  db: Kysely<Tables>,
  fence: Fence,
): Pick<
  Store,
  'listSyncs' | 'findSync' | 'findNeighbours' | 'lastFailure' | 'listAudit' | 'countDeadLetters' | 'prune'
> {
  return {
    listSyncs: (filter, page) => listSyncs(db, filter, page),
    findSync: (idOrPrefix) => findSync(db, idOrPrefix),
    findNeighbours: (replicaId, syncId) => findNeighbours(db, replicaId, syncId),
    async lastFailure() {
      const row = await db
        .selectFrom('syncs')
        .select('report')
        .where('outcome', '=', 'failed')
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row ? (JSON.parse(row.report) as SyncReport) : null
    },
    listAudit: (filter, page) => listAudit(db, filter, page),
    async countDeadLetters() {
      const { total } = await db
        .selectFrom('dead_letters')
        .select((e) => e.fn.countAll<number>().as('total'))
        .executeTakeFirstOrThrow()
      return Number(total)
    },
    async prune(wanted, samplesBefore = wanted) {
      return fence.write(async (trx) => {
        const before = await advancePruning(trx, wanted)
        const { numDeletedRows } = await trx
          .deleteFrom('syncs')
          .where('ended_at', '<', before.getTime())
          .executeTakeFirst()
        await pruneDays(trx, before)
        await pruneRefusals(trx, before)
        await pruneDiskSamples(trx, samplesBefore.getTime() - (wanted.getTime() - before.getTime()))
        await pruneBulkJobs(trx, before)
        await forgetAnnouncements(trx)
        return Number(numDeletedRows)
      })
    },
  }
}

/** The instant before which is removed now: not `wanted` at once, because the clock may be wrong for a while. */
async function advancePruning(trx: Transaction<Tables>, wanted: Date): Promise<Date> {
  const row = await trx.selectFrom('meta').select('value').where('key', '=', 'pruned_before').executeTakeFirst()
  const done = row ? Number(row.value) : -Infinity
  const before = row ? Math.min(wanted.getTime(), done + PRUNE_STEP_MS) : wanted.getTime()
  const value = String(Math.max(done, before))
  await trx
    .insertInto('meta')
    .values({ key: 'pruned_before', value })
    .onConflict((c) => c.column('key').doUpdateSet({ value }))
    .execute()
  return new Date(before)
}

async function findSync(db: Kysely<Tables>, idOrPrefix: string): Promise<SyncReport | null> {
  const rows = await db
    .selectFrom('syncs')
    .select('report')
    .where('sync_id', '>=', idOrPrefix)
    .where('sync_id', '<', endOfPrefix(idOrPrefix))
    .orderBy('sync_id')
    .limit(2)
    .execute()
  const reports = rows.map((row) => JSON.parse(row.report) as SyncReport)
  return pickByPrefix(reports, ({ sync_id }) => sync_id, idOrPrefix)
}

async function findNeighbours(db: Kysely<Tables>, replicaId: string, syncId: string) {
  const own = await db.selectFrom('syncs').select('seq').where('sync_id', '=', syncId).executeTakeFirst()
  const beside = async (side: '<' | '>'): Promise<string | null> => {
    let query = db.selectFrom('syncs').select('sync_id').where('replica_id', '=', replicaId)
    if (own)
      query = query.where((e) =>
        e.or([e('seq', side, own.seq), e.and([e('seq', '=', own.seq), e('sync_id', side, syncId)])]),
      )
    const order = side === '<' ? 'desc' : 'asc'
    return (await query.orderBy('seq', order).orderBy('sync_id', order).limit(1).executeTakeFirst())?.sync_id ?? null
  }
  return { previous: await beside('<'), next: own ? await beside('>') : null }
}

/**
 * What was recorded last comes first: times are those of the workers' clocks, which may be wrong. The cursor names the
 * last row of a page, so that rows added meanwhile do not shift the next page.
 */
async function listSyncs(db: Kysely<Tables>, filter: SyncFilter, page: PageRequest) {
  const matching = () => {
    let query = db.selectFrom('syncs')
    if (filter.replicaId) query = query.where('replica_id', '=', filter.replicaId)
    if (filter.workerId) query = query.where('worker_id', '=', filter.workerId)
    if (filter.name) query = query.where('name', '=', filter.name)
    if (filter.outcomes?.length) query = query.where('outcome', 'in', [...filter.outcomes])
    return query
  }
  const { total } = await matching()
    .select((e) => e.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  let query = matching().select(['sync_id', 'seq', 'report'])
  const after = page.cursor ? /^(\d+)_(.+)$/.exec(page.cursor) : null
  if (after) {
    const [seq, syncId] = [Number(after[1]), after[2]!]
    query = query.where((e) => e.or([e('seq', '<', seq), e.and([e('seq', '=', seq), e('sync_id', '<', syncId)])]))
  }
  const rows = await query
    .orderBy('seq', 'desc')
    .orderBy('sync_id', 'desc')
    .limit(page.limit + 1)
    .execute()
  const shown = rows.slice(0, page.limit)
  const last = shown.at(-1)
  return {
    items: shown.map((row) => JSON.parse(row.report) as SyncReport),
    nextCursor: rows.length > page.limit && last ? `${last.seq}_${last.sync_id}` : null,
    total: Number(total),
  }
}
