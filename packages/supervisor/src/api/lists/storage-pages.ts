// storage-pages.ts — Pages of the filesystems of the fleet, worst first. Only those of the page are read from the
// store.
import type { Disk, Filesystem, Page } from '@kagami/protocol'
import {
  diskOf,
  diskSpan,
  filesystemOf,
  urgencyOf,
  workersByDisk,
  type MeasuredWorker,
} from '../../core/storage/disks.ts'
import type { Supervisor } from '../../supervisor.ts'
import { findWorker } from '../handlers/find.ts'
import { pageOf, showPage, type Order, type PageQuery } from './pages.ts'

/** A filesystem in short, and who has it. */
interface Found {
  readonly disk: Disk
  readonly workers: readonly MeasuredWorker[]
}

const worstFirst: Order<Found> = {
  columns: [0, 1, 2].map(
    (at) =>
      ({ disk }: Found) =>
        urgencyOf(disk)[at]!,
  ),
}

/** The page that a query asks for. `worker`: only the filesystem of that one. */
export async function storagePage(
  { fleet, store, clock }: Supervisor['services'],
  query: PageQuery & { worker?: string | undefined },
): Promise<Page<Filesystem>> {
  const only = query.worker ? findWorker(fleet, query.worker) : null
  const page = await pageOf(
    workersByDisk(fleet).map((workers): Found => ({ workers, disk: diskOf(workers) })),
    {
      matches: ({ workers }) => only === null || workers.some((worker) => worker === only),
      order: worstFirst,
      query: { cursor: query.cursor, limit: query.limit ?? 50 },
    },
  )
  const ids = page.items.flatMap(({ workers }) => workers.map(({ record }) => record.worker_id))
  const span = diskSpan(clock.now().getTime())
  const [samples, sizes] = await Promise.all([store.readDiskSamples(ids, span), store.readFirstSizes(ids, span.fromMs)])
  return showPage(page, ({ workers }) => filesystemOf(workers, { samples, sizes, span }))
}
