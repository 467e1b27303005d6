// sql-disks.ts — How full the disks of workers were, in the database; and what replicas measured then.
import type { Kysely, Transaction } from 'kysely'
import { diskPartOf } from '@kagami/protocol'
import type { Tables } from './schema.ts'
import type { Fence } from './sql-fence.ts'
import { figureOf, type Dialect } from './sql-replica-history.ts'
import { chunks } from './sql-states.ts'
import type { DiskSample, DiskStore, SizeThen } from './store.ts'

/** The part of the store that keeps samples of disks. */
export function createDiskStore(db: Kysely<Tables>, dialect: Dialect, fence: Fence): DiskStore {
  return {
    saveDiskSamples: (samples) => fence.write((trx) => saveSamples(trx, samples)),
    readDiskSamples: (workerIds, span) => readSamples(db, workerIds, span),
    readFirstSizes: (workerIds, fromMs) => readFirstSizes(db, dialect, { workerIds, fromMs }),
  }
}

/** Removes what was measured in parts that ended before an instant, Unix ms. */
export async function pruneDiskSamples(trx: Transaction<Tables>, beforeMs: number): Promise<void> {
  await trx.deleteFrom('disk_samples').where('part', '<', diskPartOf(beforeMs)).execute()
}

async function saveSamples(trx: Transaction<Tables>, samples: readonly DiskSample[]): Promise<void> {
  for (const part of chunks(samples))
    await trx
      .insertInto('disk_samples')
      .values(part.map((sample) => ({ ...sample, part: diskPartOf(sample.measured_at) })))
      .onConflict((c) =>
        c.columns(['worker_id', 'part']).doUpdateSet((e) => ({
          measured_at: e.ref('excluded.measured_at'),
          total_bytes: e.ref('excluded.total_bytes'),
          used_bytes: e.ref('excluded.used_bytes'),
          available_bytes: e.ref('excluded.available_bytes'),
        })),
      )
      .execute()
}

async function readSamples(
  db: Kysely<Tables>,
  workerIds: readonly string[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<Map<string, DiskSample[]>> {
  const samples = new Map<string, DiskSample[]>(workerIds.map((id) => [id, []]))
  for (const ids of chunks(workerIds)) {
    const rows = await db
      .selectFrom('disk_samples')
      .select(['worker_id', 'measured_at', 'total_bytes', 'used_bytes', 'available_bytes'])
      .where('worker_id', 'in', ids)
      .where('part', '>=', diskPartOf(fromMs))
      .where('part', '<=', diskPartOf(toMs))
      .where('measured_at', '>=', fromMs)
      .where('measured_at', '<=', toMs)
      .orderBy('worker_id')
      .orderBy('part')
      .execute()
    for (const row of rows) samples.get(row.worker_id)!.push(row)
  }
  return samples
}

async function readFirstSizes(
  db: Kysely<Tables>,
  dialect: Dialect,
  { workerIds, fromMs }: { workerIds: readonly string[]; fromMs: number },
): Promise<Map<string, SizeThen>> {
  const sizes = new Map<string, SizeThen>()
  const size = figureOf(dialect, 'size_bytes')
  for (const ids of chunks(workerIds)) {
    const rows = await db
      .selectFrom('replicas')
      .select((e) => {
        const first = e
          .selectFrom('syncs')
          .whereRef('syncs.replica_id', '=', 'replicas.replica_id')
          .where('ended_at', '>=', fromMs)
          .where(size, 'is not', null)
          .orderBy('ended_at')
          .orderBy('seq')
          .limit(1)
        return ['replica_id', first.select('ended_at').as('ended_at'), first.select(size.as('size')).as('size')]
      })
      .where('worker_id', 'in', ids)
      .execute()
    for (const { replica_id, ended_at, size: bytes } of rows)
      if (ended_at !== null && bytes !== null) sizes.set(replica_id, { size_bytes: Number(bytes), ended_at })
  }
  return sizes
}
