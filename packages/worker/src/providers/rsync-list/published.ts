// published.ts — The list that an upstream publishes of all it has (option list): fetched, kept as it was after the
// last sync, and what a sync has to do by the difference of the two.
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { bytesOf, nameOfBytes, pathBytes } from '../../names.ts'
import type { SyncStats, Trace } from '../../provider.ts'
import type { RsyncContext, RsyncUpstream } from '../rsync/call.ts'
import { createFolderTally } from '../rsync/folders.ts'
import { createNameLists, withoutSlash } from '../rsync/listed.ts'
import type { RsyncOptions } from '../rsync/options.ts'
import { hasRules } from '../rsync/options.ts'
import type { DryRun } from '../rsync/plan.ts'
import { entryOf, ListProblem, type EntryLine } from './formats.ts'
import { compareLists, rewriteList, sortList, type ListCounts } from './lists.ts'
import { fetchFile } from './single.ts'

const LIST_MAX_BYTES = 4 * 1024 ** 3
const EXAMPLES = 500
/** With more differences everything is looked at: nothing of a tree's size is held. */
const DIFFERENCES_MAX = 200_000
const KEPT = 'kept-'
/** At the end of the sign of a list whose changes did not all come. */
const AGAIN = '-again'
/** In the place of what tells a change, so that it is asked for again. */
const UNSURE = 'unsure'
/** More of a list than this may not differ from the copy, for it to be a list of this upstream. */
const LATE_SHARE = 0.1
/** So many files may be missing in a list: they are looked at once a day. */
const UNLISTED_SHARE = 0.01
const UNLISTED_MIN = 20
/** Options with which a list does not say all that a sync changes. */
const NEED_A_LOOK = ['--hard-links', '--prune-empty-dirs', '--copy-links', '--copy-unsafe-links'] as const

/** What of the options does not go with a list; null: nothing. */
export function listProblem(options: RsyncOptions): string | null {
  if (options.list === '') return null
  const others = [
    ...(hasRules(options) ? ['exclude, filters or limits of sizes'] : []),
    ...(options.keep_deleted === '0' ? [] : ['keep_deleted']),
    ...NEED_A_LOOK.filter((option) => options.extra_options.includes(option)),
  ]
  if (others.length === 0) return null
  return `option "list": with ${others.join(', ')} everything has to be looked at: use "probe" instead, or remove that`
}

/** The list as it is now, fetched if it changed; its sign is its size and time. Throws SyncFailure. */
export async function readListTrace(context: RsyncContext): Promise<Trace> {
  const { options } = context
  const file = await fetchFile(context, {
    path: options.list,
    folder: placesOf(context).source,
    maxBytes: LIST_MAX_BYTES,
    compress: options.compress && context.local === null && !options.list.endsWith('.gz'),
  })
  if (file === null) return { option: 'list', sign: null, bytes: 0 }
  return { option: 'list', sign: signOf(file.path), bytes: file.bytes, before: keptSign(context) }
}

/** What is kept of lists; all of it may be lost at any time. */
function placesOf({ tree, options }: RsyncContext) {
  const folder = join(tree.staging, 'list')
  const source = join(folder, 'source')
  return { folder, source, file: join(source, basename(options.list)), sorted: join(folder, 'sorted') }
}

function signOf(file: string): string {
  const { size, mtimeMs } = lstatSync(file)
  return `${size}-${mtimeMs}`
}

/** The sign of the list that is kept from before; null: none is, or it is not clear which. */
function keptSign(context: RsyncContext): string | null {
  const [name, ...others] = keptNames(context)
  return name === undefined || others.length > 0 ? null : name.slice(KEPT.length)
}

const keptNames = (context: RsyncContext): string[] => {
  mkdirSync(placesOf(context).folder, { recursive: true })
  return readdirSync(placesOf(context).folder).filter((name) => name.startsWith(KEPT))
}

/** What changed since the list from before, as a dry run would tell it; null: everything has to be looked at. */
export async function findByList({ context }: RsyncUpstream): Promise<DryRun | null> {
  const before = keptSign(context)
  if (!context.traced || before === null) return null
  context.progress({ phase: 'listing' })
  if ((await sortPresent(context)) !== null) return null
  const differences = createDifferences(context.tree.published, bytesOf(context.options.list).toString('latin1'))
  const found = await compareWithKept(context, before, differences)
  const [fetched, deleted] = [found?.listed?.changed.length ?? 0, found?.lost.length ?? 0]
  context.log(
    found === null
      ? 'the list of the upstream differs too much from the one before: everything is looked at'
      : `the list of the upstream differs from the one before by ${fetched} to fetch and ${deleted} to delete`,
  )
  return found
}

async function compareWithKept(
  context: RsyncContext,
  before: string,
  differences: ReturnType<typeof createDifferences>,
): Promise<DryRun | null> {
  const { folder, sorted } = placesOf(context)
  try {
    return differences.result(await compareLists(join(folder, `${KEPT}${before}`), sorted, differences.add))
  } catch (error) {
    // What was kept is not as it was written.
    if (error instanceof ListProblem) return null
    throw error
  }
}

/** Sorts the present list; returns why it cannot be used, null when it can. */
async function sortPresent(context: RsyncContext): Promise<string | null> {
  const { file, sorted } = placesOf(context)
  try {
    await sortList({ source: file, into: sorted }, context.run)
    return null
  } catch (error) {
    if (!(error instanceof ListProblem)) throw error
    return error.message
  }
}

function createDifferences(published: string, list: string) {
  const names = createNameLists()
  const folders = createFolderTally()
  const lost: string[] = []
  const tally = { changes: 0, removed: 0, incomingBytes: 0, incomingFiles: 0, otherKind: false }
  const lose = (line: EntryLine) => {
    const name = nameOf(line)
    lost.push(name)
    folders.lose(name, false)
    if (!name.endsWith('/')) tally.removed++
    // What was in the place of something that is left out is not as the list says.
    tally.otherKind ||= isOther(join(published, withoutSlash(name)), entryOf(line).kind)
  }
  const change = (line: EntryLine, isNew: boolean) => {
    const [name, { kind, size }] = [nameOf(line), entryOf(line)]
    names.change(name, { isBlocked: isOther(join(published, withoutSlash(name)), kind) })
    if (isNew) folders.gain(name)
    // The list says another time of it: whoever removed something from it gave it that.
    if (kind === 'd' && !isNew) folders.date(name, Infinity)
    if (isNew) tally.incomingFiles++
    if (kind === 'f') tally.incomingBytes += size
  }
  // The list itself changed, whatever it says of itself.
  tally.changes++
  change(`${list}\0f0\0`, false)
  return {
    add(before: EntryLine | null, now: EntryLine | null) {
      if (tally.changes > DIFFERENCES_MAX || entryOf((now ?? before)!).path === list) return
      tally.changes++
      tally.otherKind ||= before !== null && now !== null && entryOf(before).kind !== entryOf(now).kind
      if (now === null) lose(before!)
      else change(now, before === null)
    },
    result({ before, now }: { before: ListCounts; now: ListCounts }): DryRun | null {
      // What is in a folder comes before it.
      lost.reverse()
      for (const name of lost) names.lose(name)
      const listed = names.result()
      if (listed === null || tally.otherKind || tally.changes > DIFFERENCES_MAX) return null
      const { removed, incomingBytes, incomingFiles } = tally
      const plan = {
        removed,
        total: before.entries,
        examples: lost.slice(0, EXAMPLES),
        shrinking: folders.shrinking(published),
        incomingBytes,
        incomingFiles,
        sizeBeforeBytes: null,
        sizeAfterBytes: now.sizeBytes,
      }
      const statistics = { files: now.files, sizeBytes: now.sizeBytes, received: 0 }
      return {
        ...NOTHING_ELSE,
        plan,
        statistics,
        changes: tally.changes,
        deletions: lost.length,
        lost,
        listed,
        stays: folders.stays,
      }
    },
  }
}

/** What a list does not tell of. */
const NOTHING_ELSE = {
  made: new Set<string>(),
  hidden: new Set<string>(),
  leftOutBytes: 0,
  isListed: true,
  freedBytes: 0,
  unfit: { count: 0, sizeBytes: 0, names: [] },
  makesWay: false,
  damaged: { count: 0, names: [] },
  unread: null,
  refused: null,
} as const

/** As a dry run writes it: a folder's with a slash at its end. */
function nameOf(line: EntryLine): string {
  const { path, kind } = entryOf(line)
  return nameOfBytes(Buffer.from(kind === 'd' ? `${path}/` : path, 'latin1'))
}

/** After a run: keeps the list by which the upstream is known again, and says by what. */
export async function keepList(upstream: RsyncUpstream, stats: SyncStats, byList: DryRun | null): Promise<SyncStats> {
  const { context } = upstream
  const { file, sorted, folder } = placesOf(context)
  // A first copy is not listed, and an upstream may have no list.
  if (!isFile(file)) return stats
  const keep = (sign: string) => {
    const kept = `${KEPT}${sign}`
    renameSync(sorted, join(folder, kept))
    for (const name of keptNames(context)) if (name !== kept) rmSync(join(folder, name))
  }
  const sign = signOf(file)
  if (byList !== null) {
    const known = (await markDoubts(upstream, byList, stats.whole === false)) ? `${sign}${AGAIN}` : sign
    keep(known)
    return { ...stats, traced: { sign: known, all: false } }
  }
  const { problem, isAhead } = stats.whole === false ? UNKNOWN : await judgeList(upstream, stats)
  if (problem === null) {
    const known = isAhead ? `${sign}${AGAIN}` : sign
    keep(known)
    return { ...stats, traced: { sign: known, all: true } }
  }
  for (const name of keptNames(context)) rmSync(join(folder, name))
  const said = stats.whole === false ? null : `the list ${context.options.list} is not used: ${problem}. ${NOT_USED}`
  const note = [stats.note, said].filter(Boolean).join('; ') || null
  return { ...stats, note, traced: { sign: null, all: true } }
}

/**
 * Of the entries that were asked for, those that are not as listed are asked for again by the next run, whatever the
 * list then says of them: the upstream may publish the list before the files. Returns whether there are any.
 */
async function markDoubts({ context }: RsyncUpstream, { listed }: DryRun, all: boolean): Promise<boolean> {
  const names = listed!.changed.filter((name) => name !== context.options.list)
  const paths = new Set(names.map((name) => bytesOf(withoutSlash(name)).toString('latin1')))
  let late = all
  await rewriteList(placesOf(context).sorted, (line) => {
    if (!paths.has(line.slice(0, line.indexOf('\0')))) return line
    if (!all && isAsListed(context.tree.published, line)) return line
    late ||= isLate(line)
    return unsure(line)
  })
  return late
}

/** Whether the copy has an entry of this kind, and a file of this size. */
function isAsListed(published: string, line: EntryLine): boolean {
  const { kind, size } = entryOf(line)
  const path = join(published, withoutSlash(nameOf(line)))
  if (isOther(path, kind)) return false
  const found = lstatSync(pathBytes(path), { throwIfNoEntry: false })
  return found !== undefined && (kind !== 'f' || found.size === size)
}

/** Whether an entry that is not as listed will come: a link that leads out of the tree does not. */
const isLate = (line: EntryLine) => entryOf(line).kind !== 'l'

/** The line without what tells a change. */
function unsure(line: EntryLine): EntryLine {
  const end = line.indexOf('\0')
  return `${line.slice(0, line.indexOf('\0', end + 1))}\0${UNSURE}`
}

/** What to do about a list that is not used. */
const NOT_USED =
  'Everything was looked at, and will be each time: list must name one of all that the upstream has, with paths from ' +
  'its top'

/** Of a run that did not bring everything. */
const UNKNOWN: Judged = { problem: '', isAhead: false }

interface Judged {
  /** Why the present list is none of this upstream; null: it is. */
  readonly problem: string | null
  /** Whether it names files or folders that did not come, because the upstream does not have them yet. */
  readonly isAhead: boolean
}

/** Compares the present list with the copy, after everything was looked at, and marks what is not there. */
async function judgeList({ context }: RsyncUpstream, { files }: SyncStats): Promise<Judged> {
  const problem = await sortPresent(context)
  if (problem !== null) return { problem, isAhead: false }
  const found = { entries: 0, files: 0, late: 0 }
  const list = bytesOf(context.options.list).toString('latin1')
  await rewriteList(placesOf(context).sorted, (line) => {
    const { kind, path } = entryOf(line)
    found.entries++
    if (kind === 'f') found.files++
    if (path === list || isAsListed(context.tree.published, line)) return line
    if (isLate(line)) found.late++
    return unsure(line)
  })
  const unlisted = (files ?? 0) - found.files
  if (found.late > found.entries * LATE_SHARE)
    return {
      problem: `the copy has ${found.late} of its ${found.entries} entries otherwise or not at all`,
      isAhead: false,
    }
  if (unlisted > Math.max(UNLISTED_MIN, (files ?? 0) * UNLISTED_SHARE))
    return { problem: `it names ${found.files} of ${files} files`, isAhead: false }
  return { problem: null, isAhead: found.late > 0 }
}

const isFile = (path: string) => lstatSync(pathBytes(path), { throwIfNoEntry: false })?.isFile() === true

/** Whether something of another kind is there, or in the way to it. */
function isOther(path: string, kind: string): boolean {
  try {
    const found = lstatSync(pathBytes(path), { throwIfNoEntry: false })
    if (!found) return false
    return !(kind === 'd' ? found.isDirectory() : kind === 'l' ? found.isSymbolicLink() : found.isFile())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return true
    throw error
  }
}
