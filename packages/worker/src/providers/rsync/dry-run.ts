// dry-run.ts — Asks rsync what a run would do to a folder, and what of files it compares. Changes nothing.
import { hasDiskOwn } from '../../names.ts'
import { callRsync, type RsyncUpstream } from './call.ts'
import type { DiskCount } from './disk.ts'
import { createItemFormat } from './lines.ts'
import { adoptFlags, contentFlags } from './options.ts'
import { rsyncFailure } from './output.ts'
import { createPlanReader, type DryRun, type PlanParts } from './plan.ts'

/** Folders of a copy that are left as they are; with more the run deletes nothing. */
const REFUSED_MAX = 20

export interface Look {
  /** The flags of deletions. */
  readonly deleting: readonly string[]
  /** What the folder has, where the upstream's list does not say it. */
  readonly disk: DiskCount | null
  /** As in `PlanParts`. */
  readonly recorded?: PlanParts['recorded'] | undefined
  readonly onChanged?: PlanParts['onChanged']
}

/** What a run would do to a folder. Throws SyncFailure. */
export async function dryRun(upstream: RsyncUpstream, folder: string, look: Look): Promise<DryRun> {
  const { context } = upstream
  context.progress({ phase: 'listing' })
  const items = createItemFormat()
  let left: Parameters<typeof context.leaveOut>[] = []
  const newReader = () => {
    left = []
    const { disk, recorded = null, onChanged } = look
    return createPlanReader({ items, folder, disk, recorded, onChanged, leaveOut: (...one) => void left.push(one) })
  }
  let reader = newReader()
  // The names of what is left out are only told together with all others.
  const flags = ['--dry-run', '--stats', '--info=name1,skip1', `--out-format=${items.format}`]
  const exit = await callRsync(
    upstream,
    (compress) => [...flags, ...look.deleting, ...compress, ...comparingFlags(upstream, folder, true)],
    folder,
    { exact: true, onStart: () => void (reader = newReader()), onLine: (line, stream) => reader.onLine(line, stream) },
  )
  if (exit.code !== 0 && exit.code !== 23 && exit.code !== 24) throw rsyncFailure(exit)
  if (exit.code === 23 && rsyncFailure(exit).reason !== 'partial') throw rsyncFailure(exit)
  const found = reader.done(exit.code)
  const { refused } = found
  // After it, rsync looks at no other folder for what is to be deleted.
  const known = upstream.refused.map(({ below }) => below)
  if (refused && refused.below !== '' && !known.includes(refused.below) && known.length < REFUSED_MAX) {
    upstream.refused.push(refused)
    return dryRun(upstream, folder, look)
  }
  for (const one of left) context.leaveOut(...one)
  return found
}

/** The flags for what of a file is copied and compared; `told` as in `contentFlags`. */
export const comparingFlags = (
  { context, options, refused }: RsyncUpstream,
  folder: string,
  told = false,
): string[] => [
  ...contentFlags(options, { told, diskOwn: hasDiskOwn(folder), leave: refused.map((one) => one.below) }),
  ...(context.thorough ? ['--checksum'] : context.adopting ? adoptFlags(options) : []),
]
