// transfer.ts — Copies what the upstream has into a tree, or only what a dry run listed, in one stage or two. Deletions
// come last.
import { SyncFailure, type RunOptions, type SyncStats } from '../../provider.ts'
import { callRsync, unlinked, type RsyncUpstream } from './call.ts'
import { comparingFlags } from './dry-run.ts'
import { tellsUnread, UNREAD } from './lines.ts'
import { createVanishedReader, deleteListed, lacksLists, namesOf, type Listed } from './listed.ts'
import { deletesExcluded, deletionFlags, firstStageFlags, PARTIAL } from './options.ts'
import {
  createProgressReader,
  createRefusalReader,
  createStatistics,
  readStatistics,
  rsyncFailure,
  type Statistics,
} from './output.ts'
import { removePartials } from './partials.ts'

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
}

/** Copies into the published tree, or the copy of it. */
export async function copyChanges(upstream: RsyncUpstream, path: string, changes: Changes): Promise<SyncStats> {
  const { again, most, arrivals, makeWay, blocked } = changes
  const { options } = upstream
  const partials = [
    `--temp-dir=${arrivals}`,
    ...(options.delay_updates ? ['--delay-updates'] : again ? [`--partial-dir=${PARTIAL}`] : []),
  ]
  const byList = changes.listed && (await copyListed(upstream, path, { ...changes, ...changes.listed, partials }))
  if (byList) return byList
  const firstStage = firstStageFlags(options)
  const stages = blocked === 'never' ? upstream : unlinked(upstream)
  if (firstStage) await copyFirstStage(stages, path, { partials: [...partials, ...firstStage] })
  await makeWay()
  const deleting = most === null ? [] : [...deletionFlags(deletesExcluded(options)), `--max-delete=${most}`]
  return transfer(blocked === 'always' ? unlinked(upstream) : upstream, path, { partials, deleting, drop: again })
}

interface ListedChanges extends Pick<Changes, 'most'>, NonNullable<Changes['listed']> {
  readonly partials: readonly string[]
}

/** Copies what is listed, then deletes what is; null when the upstream takes no lists, and nothing was changed. */
async function copyListed(
  upstream: RsyncUpstream,
  path: string,
  { names, stats, most, partials }: ListedChanges,
): Promise<SyncStats | null> {
  const firstStage = firstStageFlags(upstream.options)
  let copied: SyncStats = { ...stats, bytes: 0 }
  if (names.changed.length > 0) {
    const only = namesOf(names)
    try {
      if (firstStage) await copyFirstStage(upstream, path, { partials: [...partials, ...firstStage], only })
      copied = await transfer(upstream, path, { partials, deleting: [], drop: false, only })
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
  readonly only?: Uint8Array | undefined
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
  { partials, deleting, drop, only, fresh }: Transfer,
): Promise<SyncStats> {
  const { context } = upstream
  const statistics = createStatistics()
  const readProgress = createProgressReader()
  const refusals = createRefusalReader(into)
  const vanished = createVanishedReader()
  let unread = false
  const onLine = (line: string, stream: 'stdout' | 'stderr') => {
    if (stream === 'stderr') refusals.read(line)
    if (only) vanished.read(line)
    unread ||= tellsUnread(line) === 'error'
    if (stream === 'stdout' && fresh?.onLine(line) === false) return false
    const progress = readProgress(line)
    if (progress) context.progress(progress)
    else readStatistics(line, statistics)
    return progress === null
  }
  const exit = await callRsync(
    upstream,
    (compress) => [
      ...compress,
      ...comparingFlags(upstream, into, fresh?.told),
      ...partials,
      ...deleting,
      ...(only ? ['--from0', '--files-from=-'] : []),
      `--info=${infoOf(upstream, fresh)}`,
      '--stats',
    ],
    into,
    { onLine, redraws: true, ...(fresh && { ...fresh, onLine, exact: true }), ...(only ? { stdin: only } : {}) },
  )
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
