// rsync.ts — Mirrors an rsync module: a dry run first, then the copy, deletions last. How rsync is called is here.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { localFailure } from '../../local-failure.ts'
import { hasDiskOwn, showName } from '../../names.ts'
import { SyncFailure, type Fork, type Provider, type RunCommand, type SyncStats } from '../../provider.ts'
import { addressOf, callRsync, type RsyncContext, type RsyncUpstream } from './call.ts'
import { createItemFormat, tellsUnread } from './lines.ts'
import { adoptFlags, contentFlags, firstStageFlags, FOLLOWS_LINKS, options, PARTIAL } from './options.ts'
import { createProgressReader, createRefusalReader, createStatistics, readStatistics, rsyncFailure } from './output.ts'
import { restorePartials, removePartials, stashPartials } from './partials.ts'
import { createPlanReader, type DryRun } from './plan.ts'

/** Older versions have known holes that a hostile upstream can use. */
const SAFE_VERSION = [3, 4, 3]

/** The kind `rsync`: rsync:// upstreams, kept as `rsync -az --delete` would, made safe. */
export const rsync: Provider<typeof options> = {
  kind: 'rsync',
  options,
  checkSpec: findOpenLinks,
  async probe(run) {
    try {
      return await probeVersion(run)
    } catch (error) {
      return { available: false, detail: (error as Error).message }
    }
  },
  async sync(context) {
    if (context.auth?.type === 'token')
      throw new SyncFailure('auth_rejected', 'rsync takes a user name and a password, not a token')
    const exists = await context.tree.exists()
    context.progress({ phase: 'connecting' })
    const upstream: RsyncUpstream = {
      context,
      options: context.options,
      compress: context.options.compress && context.local === null,
      address: await addressOf(context),
      refused: [],
    }
    return exists ? update(upstream) : create(upstream)
  },
}

/** Links in a folder of this machine may point to any of its files. */
function findOpenLinks(upstream: string, { extra_options }: RsyncContext['options']): string | null {
  const following = extra_options.find((option) => FOLLOWS_LINKS.has(option))
  if (!/^file:/i.test(upstream) || !following) return null
  return (
    `option "extra_options": ${following} is not for folders of this machine, because a link there could publish any ` +
    'file the worker can read: remove it'
  )
}

async function probeVersion(run: RunCommand): Promise<{ available: boolean; detail: string }> {
  let version = ''
  const exit = await run('rsync', ['--version'], { onLine: (line) => void (version ||= line) })
  const numbers = (/version (\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number)
  const difference =
    SAFE_VERSION.map((wanted, index) => (numbers[index] ?? 0) - wanted).find((delta) => delta !== 0) ?? 0
  const shown = version.replace(/\s+/g, ' ')
  const detail = difference < 0 ? `${shown} (older than ${SAFE_VERSION.join('.')}: known holes, please upgrade)` : shown
  return { available: exit.code === 0, detail: detail || 'rsync does not start' }
}

async function create(upstream: RsyncUpstream): Promise<SyncStats> {
  const { context } = upstream
  const { staging } = context.tree
  const resumed = existsSync(staging)
  mkdirSync(staging, { recursive: true })
  // Staging was never published, so what is deleted from it needs no permission. Where nothing can be deleted, rsync
  // need not know the whole list before it starts.
  const { plan } = await dryRun(upstream, staging, false)
  context.allow({ ...plan, removed: 0, total: 0, examples: [], shrinking: [] })
  const stats = await transfer(upstream, staging, {
    partials: resumed ? [`--partial-dir=${PARTIAL}`] : [],
    deletes: resumed,
    drop: resumed,
  })
  context.progress({ phase: 'publishing' })
  await context.tree.publish()
  return stats
}

async function update(upstream: RsyncUpstream): Promise<SyncStats> {
  const { context } = upstream
  const { staging, published } = context.tree
  // This file exists while an earlier run did not finish.
  const unfinished = join(staging, 'unfinished')
  const stash = join(staging, 'partials')
  const left = existsSync(unfinished) ? await openLeft(upstream, stash) : null
  const found = await dryRun(upstream, published, true)
  allowFound(upstream, found)
  const proof = context.thorough ? proofOf(found) : null
  if (isWhole(found) && found.changes === 0 && left === null) {
    refuseRest(upstream)
    return { ...statsOf(found), note: proof }
  }
  mkdirSync(staging, { recursive: true })
  writeFileSync(unfinished, '')
  const fork = left?.fork ?? (await context.tree.fork())
  // Files are written here, not beside those people read: a killed run leaves none of them in the tree.
  const arrivals = join(staging, 'arrivals')
  rmSync(arrivals, { recursive: true, force: true })
  mkdirSync(arrivals, { mode: 0o700 })
  restorePartials(stash, fork.path, found.stays)
  const unread = found.unread ?? left?.found?.unread ?? null
  const most = unread === null ? (left?.found ?? found).deletions : null
  const copied = await copyChanges(upstream, fork.path, { again: left !== null, most, arrivals }).catch((error) =>
    keepIncomplete(error, fork.path, stash),
  )
  if (unread === 'error') throw new SyncFailure('partial', UNREAD)
  context.progress({ phase: 'publishing' })
  await fork.publish()
  rmSync(unfinished, { force: true })
  rmSync(arrivals, { recursive: true, force: true })
  // All that the upstream has was copied; only what vanished meanwhile is still there.
  if (copied instanceof SyncFailure) throw copied
  refuseRest(upstream)
  const note = unread === 'vanished' ? VANISHED : copied.note
  return { ...copied, note: [note, proof].filter(Boolean).join('; ') || null }
}

/** All else is done: what could not be looked at must not pass for a success. */
function refuseRest({ refused: [first] }: RsyncUpstream): void {
  if (first) throw localFailure(first, first.folder) ?? first
}

/** What a comparison by checksums found, in one line. */
function proofOf({ damaged }: DryRun): string {
  const compared = 'every file was compared by its checksum'
  if (damaged.count === 0) return `${compared}: each has the bytes of the upstream`
  const names = damaged.names.map(showName).join(', ')
  return `${compared}: ${damaged.count} had other bytes (${names}), and were fetched anew`
}

/**
 * After a copy that failed: what is incomplete is kept for the next run, but not where people read. Returns the failure
 * when only deletions are missing, else throws it.
 */
function keepIncomplete(error: unknown, tree: string, stash: string): SyncFailure {
  const exitCode = error instanceof SyncFailure ? error.exitCode : null
  // A run that went to its end left nothing incomplete that is still wanted, and it must not be in the way of the next.
  if (exitCode === 23 || exitCode === 25) removePartials(tree)
  else stashPartials(tree, stash)
  if (error instanceof SyncFailure && exitCode === 25) return error
  throw error
}

/** Folders of a copy that are left as they are; with more the run deletes nothing. */
const REFUSED_MAX = 20

const UNREAD = 'part of the upstream could not be read, so nothing was deleted'
const VANISHED =
  'a folder vanished from the upstream while it was read, so nothing was deleted; the next sync catches up'

/** What of a file is copied and compared. */
const comparingFlags = ({ context, options, refused }: RsyncUpstream, folder: string, told = false): string[] => [
  ...contentFlags(options, { told, diskOwn: hasDiskOwn(folder), leave: refused.map((one) => one.below) }),
  ...(context.thorough ? ['--checksum'] : context.adopting ? adoptFlags(options) : []),
]

/** Whether all of the upstream was read, so that what it lacks is really gone. */
const isWhole = ({ unread }: DryRun) => unread === null

/**
 * The tree as an earlier run left it. A copy of the published tree may lack or have what the published one does not, so
 * its own deletions are counted, before those of the published tree are: they are counted to ask for permission.
 */
async function openLeft(upstream: RsyncUpstream, stash: string): Promise<{ fork: Fork; found: DryRun | null }> {
  const { tree } = upstream.context
  const fork = await tree.fork()
  // Folders of incomplete files that a killed run left would keep their parents from being deleted.
  stashPartials(fork.path, stash)
  return { fork, found: fork.path === tree.published ? null : await dryRun(upstream, fork.path, true) }
}

/** Asks for what a run would do; where not all could be read it deletes nothing. */
function allowFound({ context }: RsyncUpstream, found: DryRun): void {
  if (isWhole(found)) context.allow({ ...found.plan, sizeBeforeBytes: context.sizeBytes })
  else context.allow({ ...found.plan, removed: 0, examples: [], shrinking: [] })
}

const statsOf = ({ statistics }: Pick<DryRun, 'statistics'>): SyncStats => ({
  bytes: statistics.received,
  files: statistics.files,
  sizeBytes: statistics.sizeBytes,
  revision: null,
})

/**
 * Copies into the published tree, or the copy of it. `most`: entries that may go; null: none, since not all of the
 * upstream could be read.
 */
async function copyChanges(
  upstream: RsyncUpstream,
  path: string,
  { again, most, arrivals }: { again: boolean; most: number | null; arrivals: string },
): Promise<SyncStats> {
  const { options } = upstream
  const partials = [
    `--temp-dir=${arrivals}`,
    ...(options.delay_updates ? ['--delay-updates'] : again ? [`--partial-dir=${PARTIAL}`] : []),
  ]
  const firstStage = firstStageFlags(options)
  if (firstStage) await copyFirstStage(upstream, path, [...partials, ...firstStage])
  return transfer(upstream, path, { partials, deletes: most !== null, drop: again, most: most ?? 0 })
}

/** Deletes nothing, so it cannot make way where something became of another kind: the second stage decides. */
async function copyFirstStage(upstream: RsyncUpstream, path: string, partials: readonly string[]): Promise<void> {
  try {
    await transfer(upstream, path, { partials, deletes: false, drop: false })
  } catch (error) {
    if (!(error instanceof SyncFailure && ['partial', 'local_denied'].includes(error.reason))) throw error
    upstream.context.log('the first stage could not bring everything; the second stage brings the rest')
  }
}

/** What a run would do to a folder; what it would delete only when it `deletes`. */
async function dryRun(upstream: RsyncUpstream, folder: string, deletes: boolean): Promise<DryRun> {
  const { context } = upstream
  context.progress({ phase: 'listing' })
  const items = createItemFormat()
  let left: Parameters<typeof context.leaveOut>[] = []
  const newReader = () => {
    left = []
    return createPlanReader({ items, folder, leaveOut: (...one) => void left.push(one) })
  }
  let reader = newReader()
  // The names of what is left out are only told together with all others.
  const flags = ['--dry-run', '--stats', '--info=name1', `--out-format=${items.format}`]
  const exit = await callRsync(
    upstream,
    (compress) => [
      ...flags,
      ...(deletes ? ['--delete-after'] : []),
      ...compress,
      ...comparingFlags(upstream, folder, true),
    ],
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
    return dryRun(upstream, folder, deletes)
  }
  for (const one of left) context.leaveOut(...one)
  return found
}

interface Transfer {
  readonly partials: readonly string[]
  readonly deletes: boolean
  /** Clears what an earlier run left incomplete. */
  readonly drop: boolean
  /** Entries that may go at most, counted as rsync does; more may have vanished since. Absent: all. */
  readonly most?: number
}

/** Keeping incomplete files costs a third of a run that changes nothing, so only a run after a broken one does. */
async function transfer(
  upstream: RsyncUpstream,
  into: string,
  { partials, deletes, drop, most }: Transfer,
): Promise<SyncStats> {
  const { context } = upstream
  const statistics = createStatistics()
  const readProgress = createProgressReader()
  const refusals = createRefusalReader(into)
  let unread = false
  const onLine = (line: string, stream: 'stdout' | 'stderr') => {
    if (stream === 'stderr') refusals.read(line)
    unread ||= tellsUnread(line) === 'error'
    const progress = readProgress(line)
    if (progress) context.progress(progress)
    else readStatistics(line, statistics)
    return progress === null
  }
  const limit = most === undefined ? [] : [`--max-delete=${most}`]
  const exit = await callRsync(
    upstream,
    (compress) => [
      ...compress,
      ...comparingFlags(upstream, into),
      ...partials,
      ...(deletes ? ['--delete-after', ...limit] : []),
      '--info=progress2',
      '--stats',
    ],
    into,
    { onLine, redraws: true },
  )
  if (exit.code !== 0 && exit.code !== 24) {
    const failure = rsyncFailure(exit, unread || refusals.upstream ? null : refusals.first)
    // What is incomplete would keep the disk full.
    if (failure.reason === 'disk_full') removePartials(into)
    throw failure
  }
  if (unread) throw new SyncFailure('partial', UNREAD, { tail: exit.tail, exitCode: exit.code })
  if (drop) removePartials(into)
  const note =
    exit.code === 24 ? 'some files vanished from the upstream while they were read; the next sync catches up' : null
  return { ...statsOf({ statistics }), note }
}
