// plan.ts — What an rsync run would do, read from a dry run. Starts nothing.
import { DISK_OWN, DISK_OWN_WHY, hasDiskOwn, RESERVED, RESERVED_WHY } from '../../names.ts'
import type { ToolRefused } from '../../local-failure.ts'
import type { Plan } from '../../provider.ts'
import { bytesAt, createFilesCounter, isThere, type DiskCount, type SomeFiles } from './disk.ts'
import { createFolderTally, type FolderTally } from './folders.ts'
import { createNameLists, withoutSlash, type Listed } from './listed.ts'
import { readLeftOut, readUnfit, tellsUnread, type Item, type ItemFormat, type LeftOutEntry } from './lines.ts'
import { createRefusalReader, createStatistics, readStatistics, type RefusalReader, type Statistics } from './output.ts'

const EXAMPLES = 500
/** A folder that is there already, with another time. */
const DATED_FOLDER = /^[.>c]d..[tT]/
/** A file of the same size and time, and another checksum. */
const OTHER_BYTES = /^>fc\.\./
/** A file or link whose content is replaced. */
const NEW_BYTES = /^[>c][fL]/
const NAMED = 3

export interface DryRun {
  readonly plan: Plan
  readonly statistics: Statistics
  readonly changes: number
  /** Every deletion as rsync counts them: files, links and folders, also what must make way for another kind. */
  readonly deletions: number
  /** The names of them, a folder's with a slash at its end and after those of what is in it. */
  readonly lost: readonly string[]
  /** What changes and what goes, by name; null when that is too much to be held. */
  readonly listed: Listed | null
  /** Where deleted files are kept: names of what is made, a folder's with a slash at its end. */
  readonly made: ReadonlySet<string>
  /** What is left out, and has something in its place that rsync does not look into. */
  readonly hidden: ReadonlySet<string>
  /** What the statistics count, and the copy will not have. */
  readonly leftOutBytes: number
  /** Whether a copy without rules then has what the upstream lists, but for what is left out. */
  readonly isListed: boolean
  /** What would be deleted, bytes; 0 when the disk was not counted. */
  readonly freedBytes: number
  /** Files of the upstream that a limit of their size keeps from being copied, and that are there all the same. */
  readonly unfit: SomeFiles
  /** Compared by checksum: files that have the size and time of the upstream's, and other bytes; the first by name. */
  readonly damaged: { readonly count: number; readonly names: readonly string[] }
  /** Whether a folder of the tree would still be there. */
  stays(folder: string): boolean
  /** Whether a folder with something in it would have to make way for an entry of another kind. */
  readonly makesWay: boolean
  /** What of the upstream could not be read; null when all of it could. */
  readonly unread: 'error' | 'vanished' | null
  /** What of the folder itself could not be looked at; null when all of it could. */
  readonly refused: ToolRefused | null
}

export interface PlanReader {
  /** Reads a line; false keeps it out of the log. */
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => boolean
  /** What was read, once the run is over with an exit code. */
  done(exitCode: number | null): DryRun
}

export interface PlanParts {
  readonly items: ItemFormat
  /** What is looked at. */
  readonly folder: string
  /** What it has on the disk; null: what the upstream lists, as far as it is there. */
  readonly disk: DiskCount | null
  /** What earlier runs kept, which counts as deleted already; null: deleted files are not kept. */
  readonly recorded: ReadonlyMap<string, number> | null
  /** Told what rsync leaves out. */
  readonly leaveOut: (name: string, why: string) => void
  /** Called with each name that a run by names would fetch. */
  readonly onChanged?: ((name: string) => void) | undefined
}

/** Reads `--dry-run --itemize-changes --stats` in a format. */
export function createPlanReader({ items, folder, disk, recorded, leaveOut, onChanged }: PlanParts): PlanReader {
  const refusals = createRefusalReader(folder)
  const [statistics, counts] = [createStatistics(), createCounts()]
  const unfit = createFilesCounter()
  const examples: string[] = []
  const folders = createFolderTally()
  let unread: DryRun['unread'] = null
  // What is in the place of something that is left out stays.
  let inPlace = false
  const damaged = { count: 0, names: [] as string[] }
  const [names, lists] = [createNames(recorded), createNameLists(onChanged)]
  const readItem = ({ change, name, modified }: Item) => {
    counts.changes++
    if (DATED_FOLDER.test(change) && name !== null && modified !== null) folders.date(name, modified)
    if (change === '*deleting') lists.lose(name)
    else
      lists.change(name, { isBlocked: change.includes('+++') && name !== null && isThere(folder, withoutSlash(name)) })
    if (change === '*deleting') return countDeletion(name, { counts, folders, names, examples, folder, disk })
    folders.take(name)
    names.gain(name, change.includes('+++'))
    if (change.includes('+++')) folders.gain(name)
    else {
      if (disk && name !== null && NEW_BYTES.test(change)) counts.replaced += bytesAt(folder, name)
      if (OTHER_BYTES.test(change)) noteDamage(damaged, name)
    }
  }
  return {
    onLine(line, stream) {
      const problem = tellsUnread(line)
      if (problem === 'error' || unread === null) unread = problem ?? unread
      if (stream === 'stderr') refusals.read(line)
      if (problem !== null || stream !== 'stdout') return true
      const item = items.read(line)
      const left = item ? reservedOf(item, folder) : readLeftOut(line)
      const tooLarge = item || left ? null : readUnfit(line)
      if (item && !left) readItem(item)
      else if (tooLarge !== null) counts.leftOut += unfit.add(folder, tooLarge) ? 0 : 1
      else if (left) {
        counts.leftOut++
        counts.leftOutBytes += left.bytes
        // The size of a file with a reserved name is not told, but counted.
        inPlace = names.hide(folder, left.name) || (item !== null && !left.name.endsWith('/')) || inPlace
        leaveOut(left.name, left.why)
      } else readCounts(line, counts, statistics)
      return false
    },
    done: (exitCode) => ({
      ...counts,
      isListed: unread === null && !inPlace,
      unfit: unfit.result(),
      damaged,
      ...names.result,
      listed: lists.result(),
      stays: folders.stays,
      makesWay: folders.makesWay() || names.inWay(),
      unread: endedUnread(exitCode, refusals) ? 'error' : unread,
      refused: refusals.first,
      statistics,
      plan: planOf(counts, { examples, statistics, disk, shrinking: folders.shrinking(folder) }),
    }),
  }
}

interface Deletions extends Pick<PlanParts, 'folder' | 'disk'> {
  readonly counts: Counts
  readonly folders: FolderTally
  readonly names: Names
  readonly examples: string[]
}

function countDeletion(name: string | null, { counts, folders, names, examples, folder, disk }: Deletions): void {
  counts.deletions++
  if (!names.lose(name)) return
  // A folder goes with the files in it.
  if (name?.endsWith('/') !== true) counts.removed++
  if (disk && name !== null) counts.freedBytes += bytesAt(folder, name)
  if (name !== null && examples.length < EXAMPLES) examples.push(name)
  // What goes because the options say so is missing from no disk of the upstream.
  folders.lose(name, disk?.ruledOutPaths.has(name ?? '') === true)
}

function noteDamage(damaged: { count: number; names: string[] }, name: string | null): void {
  damaged.count++
  if (name !== null && damaged.names.length < NAMED) damaged.names.push(name)
}

/** Whoever cannot look at the copy may still have read all of the upstream. */
function endedUnread(exitCode: number | null, { first, upstream }: RefusalReader): boolean {
  return exitCode === 23 && (first === null || upstream)
}

interface PlanFacts extends Pick<Plan, 'examples' | 'shrinking'>, Pick<DryRun, 'statistics'> {
  readonly disk: DiskCount | null
}

function planOf(counts: Counts, { examples, statistics, disk, shrinking }: PlanFacts): Plan {
  const plan = {
    removed: counts.removed,
    total: Math.max(0, counts.upstream - counts.leftOut - counts.created) + counts.removed,
    examples,
    shrinking,
    incomingBytes: counts.incoming,
    incomingFiles: counts.made,
  }
  const listedBytes = statistics.sizeBytes === null ? null : statistics.sizeBytes - counts.leftOutBytes
  if (disk === null) return { ...plan, sizeBeforeBytes: null, sizeAfterBytes: listedBytes }
  const unchanged = Math.max(0, disk.sizeBytes - counts.freedBytes - counts.replaced)
  const sizeAfterBytes = unchanged + (counts.incoming ?? 0)
  return {
    ...plan,
    sizeBeforeBytes: disk.sizeBytes,
    sizeAfterBytes,
    stayingBytes: Math.min(unchanged, Math.max(0, sizeAfterBytes - (listedBytes ?? 0))),
  }
}

interface Names {
  /**
   * Whether a loss is one of this run: what an earlier one kept was asked for then, and so was a folder that it alone
   * is in. What is in a folder comes before it.
   */
  lose(name: string | null): boolean
  /** Something comes under this name, as a new entry or in the place of another kind. */
  gain(name: string | null, isNew: boolean): void
  /** Whether a folder with something in it is in the place of a file or link. */
  inWay(): boolean
  /** Whether something is in the place of what is left out; rsync does not look at what is below it. */
  hide(folder: string, name: string): boolean
  readonly result: Pick<DryRun, 'lost' | 'made' | 'hidden'>
}

/** The names of what goes and comes, which are needed only where deleted files are kept. */
function createNames(recorded: PlanParts['recorded']): Names {
  const [lost, made, hidden] = [[] as string[], new Set<string>(), new Set<string>()]
  const [needed, losing, below] = [new Set<string>(), new Set<string>(), new Set<string>()]
  let inWay = false
  for (const path of recorded?.keys() ?? []) addFolders(needed, path)
  return {
    lose(name) {
      if (name === null || recorded === null) return true
      lost.push(name)
      addFolders(below, name)
      if (recorded.has(name) || (needed.has(name) && !losing.has(name))) return false
      addFolders(losing, name)
      return true
    },
    gain(name, isNew) {
      if (recorded === null || name === null) return
      const replaces = below.has(`${name}/`)
      inWay ||= replaces
      if (isNew || replaces) made.add(name)
    },
    inWay: () => inWay,
    hide(folder, name) {
      const there = isThere(folder, name)
      if (there) hidden.add(name)
      return there
    },
    result: { lost, made, hidden },
  }
}

/** Adds the folders above a path, each with a slash at its end. */
function addFolders(folders: Set<string>, path: string): void {
  for (let slash = path.indexOf('/'); slash >= 0 && slash < path.length - 1; slash = path.indexOf('/', slash + 1))
    folders.add(path.slice(0, slash + 1))
}

/** An entry with a reserved name, which is told but never copied. */
function reservedOf({ name }: Item, folder: string): LeftOutEntry | null {
  if (name === `${DISK_OWN}/` && hasDiskOwn(folder)) return { name: DISK_OWN, why: DISK_OWN_WHY, bytes: 0 }
  const last = name?.replace(/\/$/, '').split('/').at(-1)
  return name !== null && last === RESERVED.rsync ? { name, why: RESERVED_WHY, bytes: 0 } : null
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

interface Counts extends Writable<Pick<DryRun, 'changes' | 'deletions' | 'leftOutBytes' | 'freedBytes'>> {
  upstream: number
  created: number
  /** With folders. */
  made: number
  incoming: number | null
  removed: number
  leftOut: number
  /** Bytes of files that are replaced. */
  replaced: number
}

const createCounts = (): Counts => ({
  upstream: 0,
  created: 0,
  made: 0,
  incoming: null,
  changes: 0,
  removed: 0,
  deletions: 0,
  leftOut: 0,
  leftOutBytes: 0,
  freedBytes: 0,
  replaced: 0,
})

function readCounts(line: string, counts: Counts, statistics: Statistics): void {
  const [, what, all, parts = ''] = /^Number of (created )?files: (\d+)(?: \((.*)\))?$/.exec(line) ?? []
  if (all !== undefined) {
    const folders = Number(/dir: (\d+)/.exec(parts)?.[1] ?? 0)
    if (what) {
      counts.created = Number(all) - folders
      counts.made = Number(all)
    } else counts.upstream = Number(all) - folders
  }
  const incoming = /^Total transferred file size: (\d+)/.exec(line)?.[1]
  if (incoming !== undefined) counts.incoming = Number(incoming)
  readStatistics(line, statistics)
}
