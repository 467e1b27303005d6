// rsync.ts — Mirrors an rsync module: a first copy as it comes; later a dry run first, then the copy, deletions last.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { localFailure } from '../../local-failure.ts'
import { showName } from '../../names.ts'
import { SyncFailure, type Fork, type Provider, type RunCommand, type SyncStats } from '../../provider.ts'
import { addressOf, refuseToken, type RsyncContext, type RsyncUpstream } from './call.ts'
import { dryRun } from './dry-run.ts'
import { fetchFirst } from './first.ts'
import { openKeepingRun, type KeepingRun } from './keep.ts'
import { UNREAD, VANISHED } from './lines.ts'
import { listedOf } from './listed.ts'
import { findByList, keepList, listProblem } from '../rsync-list/published.ts'
import { listTop } from '../rsync-list/top.ts'
import { countDisk } from './disk.ts'
import { deletesExcluded, deletionFlags, FOLLOWS_LINKS, hasRules, options } from './options.ts'
import { restorePartials, removePartials, stashPartials } from './partials.ts'
import type { DryRun } from './plan.ts'
import { joinNotes, tellStats } from './tell.ts'
import { readTrace, traceProblem } from './trace.ts'
import { copyChanges, createWaitingCopy, statsOf, type WaitingCopy } from './transfer.ts'

/** Older versions have known holes that a hostile upstream can use. */
const SAFE_VERSION = [3, 4, 3]

/** The kind `rsync`: rsync:// upstreams and folders over ssh, kept as `rsync -az --delete` would, made safe. */
export const rsync: Provider<typeof options> = {
  kind: 'rsync',
  options,
  checkSpec: (upstream, chosen) =>
    traceProblem(upstream, chosen) ?? listProblem(chosen) ?? findOpenLinks(upstream, chosen),
  async probe(run) {
    try {
      return await probeVersion(run)
    } catch (error) {
      return { available: false, detail: (error as Error).message }
    }
  },
  readTrace,
  tryUpstream: listTop,
  async sync(context) {
    refuseToken(context)
    const exists = await context.tree.exists()
    context.progress({ phase: 'connecting' })
    const upstream: RsyncUpstream = {
      context,
      options: context.options,
      compress: context.options.compress && context.local === null,
      ...(await addressOf(context)),
      refused: [],
    }
    return exists ? update(upstream) : fetchFirst(upstream)
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

/** Files are written here, not beside those people read: a killed run leaves none of them in the tree. */
const arrivalsOf = ({ context }: RsyncUpstream) => join(context.tree.staging, 'arrivals')

async function update(upstream: RsyncUpstream): Promise<SyncStats> {
  const waiting = createWaitingCopy(upstream, arrivalsOf(upstream))
  const seen: Seen = { waiting, byList: null }
  try {
    const stats = await updateBeside(upstream, seen)
    return upstream.options.list === '' ? stats : await keepList(upstream, stats, seen.byList)
  } finally {
    await waiting.drop()
  }
}

interface Seen {
  readonly waiting: WaitingCopy
  /** What the upstream's own list told, when that was enough. */
  byList: DryRun | null
}

async function updateBeside(upstream: RsyncUpstream, seen: Seen): Promise<SyncStats> {
  const { context, options } = upstream
  const { staging, published } = context.tree
  // This file exists while an earlier run did not finish.
  const unfinished = join(staging, 'unfinished')
  const stash = join(staging, 'partials')
  const keep = openKeepingRun(upstream)
  const recorded = keep?.keeping.recorded
  const left = existsSync(unfinished) ? await openLeft(upstream, stash, recorded) : null
  const disk = hasRules(options) ? await countDisk(upstream, published) : null
  const deleting = deletionFlags(deletesExcluded(options))
  seen.byList = left === null && keep === null && disk === null ? await allowByList(upstream) : null
  const onChanged = left === null ? seen.waiting.add : undefined
  const found = seen.byList ?? (await dryRun(upstream, published, { deleting, disk, recorded, onChanged }))
  if (seen.byList === null) await allowFound(upstream, found, keep)
  const proof = context.thorough ? proofOf(found) : null
  const idle = keep ? keep.isIdle(found) : found.changes === 0
  if (isWhole(found) && idle && left === null) {
    refuseRest(upstream)
    return tellStats(upstream, { ...statsOf(found), note: proof }, { found, disk, keep })
  }
  mkdirSync(staging, { recursive: true })
  writeFileSync(unfinished, '')
  const fork = left?.fork ?? (await context.tree.fork())
  const arrivals = arrivalsOf(upstream)
  rmSync(arrivals, { recursive: true, force: true })
  mkdirSync(arrivals, { mode: 0o700 })
  restorePartials(stash, fork.path, found.stays)
  const unread = found.unread ?? left?.found?.unread ?? null
  const whole = unread === null
  const most = whole && (!keep || keep.byRsync) ? (left?.found ?? found).deletions : null
  const hands = whole ? keep : null
  hands?.keeping.begin()
  await hands?.deleteOver(fork.path)
  const looks = left?.found ? [found, left.found] : [found]
  const makeWay = async () => hands?.clearWay(fork.path, looks)
  const blocked = !looks.some((one) => one.makesWay) ? 'never' : whole ? 'at first' : 'always'
  const names = left === null ? listedOf(options, found) : null
  const listed = names && { names, stats: statsOf(found) }
  if (listed === null) await seen.waiting.drop()
  const changes = { again: left !== null, most, arrivals, makeWay, blocked, listed, waiting: seen.waiting } as const
  const copied = await copyChanges(upstream, fork.path, changes).catch((error) =>
    keepIncomplete(error, fork.path, stash),
  )
  if (unread === 'error') throw new SyncFailure('partial', UNREAD)
  hands?.deleteFolders(fork.path, found)
  context.progress({ phase: 'publishing' })
  await fork.publish()
  rmSync(unfinished, { force: true })
  rmSync(arrivals, { recursive: true, force: true })
  // All that the upstream has was copied; only what vanished meanwhile is still there.
  if (copied instanceof SyncFailure) throw copied
  refuseRest(upstream)
  const note = unread === 'vanished' ? VANISHED : copied.note
  const stats = { ...copied, whole: whole && copied.whole !== false, note: joinNotes(note, proof) }
  const isCounted = disk === null && whole && (listed === null || copied.whole !== false)
  const counted = isCounted ? null : await countDisk(upstream, published)
  return tellStats(upstream, stats, { found, disk: counted, keep, whole })
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

/** Whether all of the upstream was read, so that what it lacks is really gone. */
const isWhole = ({ unread }: DryRun) => unread === null

/**
 * The tree as an earlier run left it. A copy of the published tree may lack or have what the published one does not, so
 * its own deletions are counted, before those of the published tree are: they are counted to ask for permission.
 */
async function openLeft(
  upstream: RsyncUpstream,
  stash: string,
  recorded: ReadonlyMap<string, number> | undefined,
): Promise<{ fork: Fork; found: DryRun | null }> {
  const { tree } = upstream.context
  const fork = await tree.fork()
  // Folders of incomplete files that a killed run left would keep their parents from being deleted.
  stashPartials(fork.path, stash)
  if (fork.path === tree.published) return { fork, found: null }
  const deleting = deletionFlags(deletesExcluded(upstream.options))
  return { fork, found: await dryRun(upstream, fork.path, { deleting, disk: null, recorded }) }
}

/** What the upstream's own list tells, when that is allowed: before a run is held, everything is looked at. */
async function allowByList(upstream: RsyncUpstream): Promise<DryRun | null> {
  const found = await findByList(upstream)
  try {
    if (found) await allowFound(upstream, found, null)
    return found
  } catch (error) {
    upstream.context.log(`by the list of the upstream: ${(error as Error).message}. Everything is looked at`)
    return null
  }
}

/** Asks for what a run would do; where not all could be read it deletes nothing. */
async function allowFound({ context }: RsyncUpstream, found: DryRun, keep: KeepingRun | null): Promise<void> {
  const { plan, freedBytes } = found
  if (!isWhole(found)) {
    const sizeAfterBytes = plan.sizeAfterBytes === null ? null : plan.sizeAfterBytes + freedBytes
    context.allow({ ...plan, removed: 0, examples: [], shrinking: [], sizeBeforeBytes: null, sizeAfterBytes })
  } else if (keep) await keep.makeRoom(context.allow(keep.plan(found)))
  else context.allow({ ...plan, sizeBeforeBytes: plan.sizeBeforeBytes ?? context.sizeBytes })
}
