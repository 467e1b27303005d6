// tell.ts — What the report of an rsync run says of the copy. Changes nothing.
import type { SyncStats } from '../../provider.ts'
import type { RsyncUpstream } from './call.ts'
import { countDisk, describeStaying, type DiskCount } from './disk.ts'
import { settleKept, type KeepingRun } from './keep.ts'
import type { DryRun } from './plan.ts'

/** What a run found out besides the numbers of rsync. */
export interface Found {
  readonly found: Pick<DryRun, 'isListed' | 'leftOutBytes' | 'unfit'>
  /** What the copy has; null: what the upstream lists. */
  readonly disk: DiskCount | null
  readonly keep: KeepingRun | null
  /** Whether all of the upstream was known. */
  readonly whole?: boolean
}

/** The copy as it is on the disk, with what of it stays because of the options. */
export async function tellStats(upstream: RsyncUpstream, stats: SyncStats, about: Found): Promise<SyncStats> {
  const { found, disk, keep, whole = true } = about
  const { keptFiles, keptNote } = settleKept(upstream, keep, whole)
  const said = joinNotes(stats.note, keptNote)
  if (disk === null && found.isListed && keptFiles === null) {
    const sizeBytes = stats.sizeBytes === null ? null : Math.max(0, stats.sizeBytes - found.leftOutBytes)
    return { ...stats, sizeBytes, note: said }
  }
  const there = disk ?? (await countDisk(upstream, upstream.context.tree.published))
  const staying = describeStaying(upstream, there.ruledOut, found.unfit)
  const note = joinNotes(said, staying)
  return { ...stats, files: there.files, sizeBytes: there.sizeBytes, note, keptFiles }
}

/** Notes as one line; null when there is none. */
export const joinNotes = (...notes: (string | null | undefined)[]) => notes.filter(Boolean).join('; ') || null
