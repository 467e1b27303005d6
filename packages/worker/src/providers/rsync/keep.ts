// keep.ts — What of an rsync copy stays readable after the upstream removed it (option keep_deleted): rsync then
// deletes nothing, and what is over its time goes by our own hands, by the names that the dry run listed.
import { removeEmptyFolders, removeFiles } from '../remove-kept.ts'
import { openKeeping, type Keeping } from '../keep-deleted.ts'
import type { Plan, Shortage } from '../../provider.ts'
import type { RsyncUpstream } from './call.ts'
import { bytesAt, isThere } from './disk.ts'
import { withoutSlash } from './listed.ts'
import type { DryRun } from './plan.ts'

/** One run of a replica that keeps, or kept, what its upstream removed. */
export interface KeepingRun {
  readonly keeping: Keeping
  /** Whether rsync deletes, after what is over its time is gone: the option was taken away. */
  readonly byRsync: boolean
  /** Looks at what a dry run found; the plan is that of the guard, without what earlier runs kept. */
  plan(found: DryRun): Plan
  makeRoom(shortage: Shortage): Promise<void>
  /** Whether this run has nothing to delete. */
  isIdle(found: DryRun): boolean
  /** Deletes what is over its time, before anything comes: what the upstream has again meanwhile is fetched. */
  deleteOver(tree: string): Promise<void>
  /** Deletes folders that a file or link comes into the place of: rsync does so only where it may delete. */
  clearWay(tree: string, found: readonly DryRun[]): Promise<void>
  /** Deletes folders that the upstream lacks and nothing is in. */
  deleteFolders(tree: string, found: DryRun): void
}

/** Opens the record of what is kept; null: the option is not set, and nothing was kept. */
export function openKeepingRun({ context, options }: RsyncUpstream): KeepingRun | null {
  const keeping = openKeeping(context, { keep: options.keep_deleted, first: false })
  if (!keeping.active) return null
  const { published } = context.tree
  return {
    keeping,
    byRsync: !keeping.keepsNew,
    plan(found) {
      const lost = found.lost.filter((name) => !name.endsWith('/') && !isInTheWay(name, found))
      const gone = [...lost, ...hiddenFiles(found, keeping.recorded).filter((path) => isThere(published, path))]
      keeping.decide(gone.map((name) => [name, bytesAt(published, name)] as const))
      return planWithout(found.plan, keeping, context.sizeBytes)
    },
    makeRoom: keeping.makeRoom,
    isIdle: (found) =>
      found.changes === found.deletions && keeping.over.length === 0 && emptiedFolders(found, keeping).length === 0,
    deleteOver: (tree) => removeFiles(tree, keeping.over),
    async clearWay(tree, found) {
      for (const one of found) {
        const lost = one.lost.filter((name) => isInTheWay(name, one))
        const files = lost.filter((name) => !name.endsWith('/'))
        await removeFiles(tree, files)
        removeEmptyFolders(tree, [...lost.filter((name) => name.endsWith('/')).map(withoutSlash), ...waysOf(lost, one)])
      }
    },
    deleteFolders: (tree, found) => removeEmptyFolders(tree, emptiedFolders(found, keeping)),
  }
}

/** Records what is kept, and what reports say of it; where not all of the upstream was known, everything stays. */
export function settleKept(
  { context }: RsyncUpstream,
  keep: KeepingRun | null,
  whole: boolean,
): ReturnType<Keeping['settle']> {
  if (keep === null) return { keptFiles: null, keptNote: null }
  const { keeping } = keep
  if (whole) return keeping.settle()
  const { published } = context.tree
  const there = [...keeping.recorded.keys()].filter((path) => isThere(published, path))
  keeping.decide(there.map((path) => [path, bytesAt(published, path)] as const))
  return { keptFiles: keeping.describe(), keptNote: null }
}

/** Sizes of the guard: what earlier runs kept is in none of them. */
function planWithout(plan: Plan, { bytes }: Keeping, sizeBytes: number | null): Plan {
  const less = (size: number | null) => (size === null ? null : Math.max(0, size - bytes.earlierBytes))
  if (plan.sizeBeforeBytes === null) return { ...plan, sizeBeforeBytes: less(sizeBytes), kept: bytes }
  const [sizeBeforeBytes, sizeAfterBytes] = [less(plan.sizeBeforeBytes), less(plan.sizeAfterBytes)]
  return { ...plan, sizeBeforeBytes, sizeAfterBytes, stayingBytes: less(plan.stayingBytes ?? 0) ?? 0, kept: bytes }
}

/** Whether a file or link comes into the place of a folder that the path is in, or a folder into that of the path. */
function isInTheWay(name: string, { made }: DryRun): boolean {
  return made.has(`${name}/`) || wayOf(name, made) !== null
}

/** The path of the file or link that comes into the place of a folder above; null when none does. */
function wayOf(name: string, made: ReadonlySet<string>): string | null {
  for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
    const above = name.slice(0, slash)
    if (made.has(above)) return above
  }
  return null
}

/** What earlier runs kept where rsync does not look, because the upstream has something there that is left out. */
function hiddenFiles({ hidden }: DryRun, recorded: ReadonlyMap<string, number>): string[] {
  if (hidden.size === 0) return []
  return [...recorded.keys()].filter((path) => hidden.has(path) || wayOf(path, hidden) !== null)
}

function waysOf(lost: readonly string[], { made }: DryRun): string[] {
  return [...new Set(lost.map((name) => wayOf(name, made)).filter((way) => way !== null))]
}

/** Folders that the upstream lacks, and in which nothing is kept. */
function emptiedFolders(found: DryRun, keeping: Keeping): string[] {
  const needed = new Set<string>()
  for (const name of found.lost)
    if (keeping.stays(name))
      for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1))
        needed.add(name.slice(0, slash + 1))
  const emptied = found.lost.filter((name) => name.endsWith('/') && !needed.has(name)).map(withoutSlash)
  return [...emptied, ...hiddenFolders(found, keeping.over)]
}

/** Folders that only kept files were in, where rsync does not look. */
function hiddenFolders({ hidden }: DryRun, over: readonly string[]): string[] {
  const folders = new Set<string>()
  for (const path of over) {
    const top = wayOf(path, hidden)
    if (top === null) continue
    for (let slash = path.indexOf('/', top.length + 1); slash >= 0; slash = path.indexOf('/', slash + 1))
      folders.add(path.slice(0, slash))
  }
  return [...folders]
}
