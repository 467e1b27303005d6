// transfer.ts — Copies what the upstream has into a tree, or only what a dry run listed, in one stage or two. Deletions
// come last.
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathBytes, removePath } from '../../names.ts'
import { SyncFailure, type RunOptions, type SyncStats } from '../../provider.ts'
import { callRsync, unlinked, type RsyncUpstream } from './call.ts'
import { isThere } from './disk.ts'
import { comparingFlags } from './dry-run.ts'
import { tellsUnread, UNREAD } from './lines.ts'
import {
  createNamesStream,
  createVanishedReader,
  deleteListed,
  lacksLists,
  mayGoByNames,
  namesOf,
  type Listed,
} from './listed.ts'
import { deletesExcluded, deletionFlags, firstStageFlags, PARTIAL, type RsyncOptions } from './options.ts'
import {
  createProgressReader,
  createRefusalReader,
  createStatistics,
  readStatistics,
  rsyncFailure,
  type Statistics,
} from './output.ts'
import { removePartials } from './partials.ts'

/** In staging: a link to the published tree, while a program that waited goes there. */
const WAY = 'way'

/** What a run is to change, and how. */
export interface Changes {
  readonly again: boolean
  /** Entries that may go, counted as rsync does, since more may have vanished; null: none. */
  readonly most: number | null
  readonly arrivals: string
  /** Called before what became of another kind comes in. */
  readonly makeWay: () => Promise<void>
  /** Whether a folder stands in the place of a file or link: only until way is made, or always. */
  readonly blocked: 'never' | 'at first' | 'always'
  /** The names by which it goes, and what the upstream has in all; null: the whole tree is walked. */
  readonly listed: { readonly names: Listed; readonly stats: SyncStats } | null
  readonly waiting: WaitingCopy
}

/** Copies into the published tree, or the copy of it. */
export async function copyChanges(upstream: RsyncUpstream, path: string, changes: Changes): Promise<SyncStats> {
  const { again, most, arrivals, makeWay, blocked } = changes
  const { options } = upstream
  const partials = arrivingFlags(options, arrivals, again)
  const byList = changes.listed && (await copyListed(upstream, path, { ...changes, ...changes.listed, partials }))
  if (byList) return byList
  const firstStage = firstStageFlags(options)
  const stages = blocked === 'never' ? upstream : unlinked(upstream)
  if (firstStage) await copyFirstStage(stages, path, { partials: [...partials, ...firstStage] })
  await makeWay()
  const deleting = most === null ? [] : [...deletionFlags(deletesExcluded(options)), `--max-delete=${most}`]
  return transfer(blocked === 'always' ? unlinked(upstream) : upstream, path, { partials, deleting, drop: again })
}

/** Files are written in a folder of their own, and then renamed into the tree. */
function arrivingFlags({ delay_updates }: RsyncOptions, arrivals: string, again: boolean): string[] {
  const partials = again ? [`--partial-dir=${PARTIAL}`] : []
  return [`--temp-dir=${arrivals}`, ...(delay_updates ? ['--delay-updates'] : partials)]
}

/**
 * A program that connects to the upstream when the first change is listed, and is told each name as it is. It begins
 * with the end of the list, and its way to the tree is not there before `copy`, whatever the upstream does until then.
 */
export interface WaitingCopy {
  add(name: string): void
  /** Copies all that was added; null: nothing waits, or it is gone and copied nothing. Throws as `transfer`. */
  copy(names: Listed): Promise<SyncStats | null>
  /** Ends it, unless it has copied. */
  drop(): Promise<void>
}

/** For one run into the published tree. */
export function createWaitingCopy(upstream: RsyncUpstream, arrivals: string): WaitingCopy {
  const { context, options } = upstream
  const { paces, tree, upstream: url } = context
  const way = join(tree.staging, WAY)
  const isWanted = mayGoByNames(options) && firstStageFlags(options) === null && tree.changesInPlace
  const names = createNamesStream()
  const stop = new AbortController()
  let running: Promise<SyncStats | null> | null = null
  let [isGiven, isGone] = [false, false]
  const run = async () => {
    try {
      const partials = arrivingFlags(options, arrivals, false)
      const how = { partials, deleting: [], drop: false, only: names.stream, signal: stop.signal, way }
      return await transfer(upstream, tree.published, how)
    } catch (error) {
      if (error instanceof ListsRefused || stop.signal.aborted) throw error
      const isRefused = error instanceof SyncFailure && error.reason === 'upstream_refused'
      if (!isRefused && isGiven) throw error
      isGone = true
      context.log('the upstream kept no second connection open beside the first: another one follows the first')
      if (isRefused) paces.oneAtATime.add(url)
      return null
    }
  }
  const end = async () => {
    if (running === null) return
    stop.abort('cancelled')
    await running.catch(() => {})
    removePath(way)
  }
  return {
    add(name) {
      if (!isWanted || isGone || (running === null && paces.oneAtATime.has(url))) return
      names.add(name)
      if (running !== null) return
      // A killed run may have left it.
      removePath(way)
      running = run()
      // Whoever wants it waits for it.
      running.catch(() => {})
    },
    async copy(listed) {
      if (running === null || isGone) return null
      if (isThere(tree.staging, WAY)) {
        context.log('the upstream sent files before it was told which: they are not taken')
        await end()
        return null
      }
      symlinkSync(tree.published, pathBytes(way))
      isGiven = true
      names.end(listed)
      return running
    },
    drop: end,
  }
}

interface ListedChanges extends Pick<Changes, 'most' | 'waiting'>, NonNullable<Changes['listed']> {
  readonly partials: readonly string[]
}

/** Copies what is listed, then deletes what is; null when the upstream takes no lists, and nothing was changed. */
async function copyListed(
  upstream: RsyncUpstream,
  path: string,
  { names, stats, most, partials, waiting }: ListedChanges,
): Promise<SyncStats | null> {
  const firstStage = firstStageFlags(upstream.options)
  let copied: SyncStats = { ...stats, bytes: 0 }
  if (names.changed.length > 0) {
    const only = namesOf(names)
    try {
      if (firstStage) await copyFirstStage(upstream, path, { partials: [...partials, ...firstStage], only })
      const awaited = await waiting.copy(names)
      copied = awaited ?? (await transfer(upstream, path, { partials, deleting: [], drop: false, only }))
    } catch (error) {
      if (!(error instanceof ListsRefused)) throw error
      upstream.context.log('the upstream takes no list of names: its whole tree is looked at once more')
      return null
    }
  }
  if (most !== null) await deleteListed(path, names)
  return { ...stats, bytes: copied.bytes, whole: copied.whole ?? true, note: copied.note ?? null }
}

/** Deletes nothing, so it cannot make way where something became of another kind: the second stage decides. */
async function copyFirstStage(
  upstream: RsyncUpstream,
  path: string,
  how: Pick<Transfer, 'partials' | 'only'>,
): Promise<void> {
  try {
    await transfer(upstream, path, { ...how, deleting: [], drop: false })
  } catch (error) {
    if (!(error instanceof SyncFailure && ['partial', 'local_denied'].includes(error.reason))) throw error
    upstream.context.log('the first stage could not bring everything; the second stage brings the rest')
  }
}

interface Transfer {
  readonly partials: readonly string[]
  /** The flags of deletions. */
  readonly deleting: readonly string[]
  /** Clears what an earlier run left incomplete. */
  readonly drop: boolean
  /** Names, as rsync reads them, that are asked for; absent: all of the upstream. */
  readonly only?: RunOptions['stdin'] | undefined
  /** Ends it. */
  readonly signal?: AbortSignal
  /** The path by which rsync goes to the tree; absent: its own. */
  readonly way?: string
  /** It goes into an empty folder; absent: files are there already. */
  readonly fresh?: Fresh
}

/** Who follows a copy into an empty folder. */
export interface Fresh extends Pick<RunOptions, 'onMoves'> {
  /** Whether reserved names come too, with nothing below them, so that they can be counted. */
  readonly told: boolean
  /** Called before each try. */
  readonly onStart?: () => void
  /** Reads what rsync says, also of what it leaves out; false keeps it out of the log. */
  readonly onLine: (line: string) => boolean
}

/** The upstream takes no list of names. */
class ListsRefused extends Error {}

/** Keeping incomplete files costs a third of a run that changes nothing, so only a run after a broken one does. */
export async function transfer(
  upstream: RsyncUpstream,
  into: string,
  { partials, deleting, drop, only, fresh, signal, way }: Transfer,
): Promise<SyncStats> {
  const { context } = upstream
  const statistics = createStatistics()
  const readProgress = createProgressReader()
  const refusals = createRefusalReader(into)
  const vanished = createVanishedReader()
  let unread = false
  const named = (text: string) => (way === undefined ? text : text.replaceAll(way, into))
  const onLine = (line: string, stream: 'stdout' | 'stderr') => {
    if (stream === 'stderr') refusals.read(named(line))
    if (only) vanished.read(line)
    unread ||= tellsUnread(line) === 'error'
    if (stream === 'stdout' && fresh?.onLine(line) === false) return false
    const progress = readProgress(line)
    if (progress) context.progress(progress)
    else readStatistics(line, statistics)
    return progress === null
  }
  const ended = await callRsync(
    upstream,
    (compress) => [
      ...compress,
      ...comparingFlags(upstream, into, fresh?.told),
      ...partials,
      ...deleting,
      // The list has its end before the first of it is acted on.
      ...(only ? ['--from0', '--files-from=-', '--no-inc-recursive'] : []),
      `--info=${infoOf(upstream, fresh)}`,
      '--stats',
    ],
    way ?? into,
    {
      onLine,
      redraws: true,
      ...(fresh && { ...fresh, onLine, exact: true }),
      ...(only && { stdin: only }),
      ...(signal && { signal }),
    },
  )
  const exit = { ...ended, tail: named(ended.tail) }
  if (only && lacksLists(exit)) throw new ListsRefused()
  const isWithout = exit.code === 24 || (exit.code === 23 && only !== undefined && vanished.onlyVanished())
  if (exit.code !== 0 && !isWithout) {
    const failure = rsyncFailure(exit, unread || refusals.upstream ? null : refusals.first)
    // What is incomplete would keep the disk full.
    if (failure.reason === 'disk_full') removePartials(into)
    throw failure
  }
  if (unread) throw new SyncFailure('partial', UNREAD, { tail: exit.tail, exitCode: exit.code })
  if (drop) removePartials(into)
  const note = isWithout ? 'some files vanished from the upstream while they were read; the next sync catches up' : null
  return { ...statsOf({ statistics }), whole: exit.code === 0, note }
}

/** A line for each file of a first copy takes a third of its time, so it is told only where nothing else tells. */
function infoOf({ context }: RsyncUpstream, fresh: Fresh | undefined): string {
  if (fresh === undefined) return 'progress2'
  return context.seesMoves ? 'nonreg1,skip1' : 'progress2,nonreg1,skip1'
}

/** What rsync counted, as the stats of a sync. */
export const statsOf = ({ statistics }: { readonly statistics: Statistics }): SyncStats => ({
  bytes: statistics.received,
  files: statistics.files,
  sizeBytes: statistics.sizeBytes,
  revision: null,
})
