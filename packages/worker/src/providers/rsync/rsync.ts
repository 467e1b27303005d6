// rsync.ts — Mirrors an rsync module: a dry run first, then the copy, deletions last. How rsync is called is here.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  connectionFlags,
  contentFlags,
  firstStageFlags,
  FOLLOWS_LINKS,
  options,
  PARTIAL,
  type RsyncOptions,
} from './options.ts'
import { createProgressReader, readStatistics, refusesCompression, rsyncFailure, type Statistics } from './output.ts'
import { restorePartials, removePartials, stashPartials } from './partials.ts'
import { createPlanReader } from './plan.ts'
import {
  SyncFailure,
  type Exit,
  type Provider,
  type RunCommand,
  type RunOptions,
  type SyncContext,
  type SyncStats,
} from '../../provider.ts'

type RsyncContext = SyncContext<RsyncOptions>

/** Older versions have known holes that a hostile upstream can use. */
const SAFE_VERSION = [3, 4, 3]

/** The kind `rsync`: rsync:// upstreams, kept as `rsync -az --delete` would, made safe. */
export const rsync: Provider<typeof options> = {
  kind: 'rsync',
  options,
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
    refuseOpenLinks(context)
    const exists = await context.tree.exists()
    context.progress({ phase: 'connecting' })
    const upstream: RsyncUpstream = {
      context,
      options: context.options,
      compress: context.options.compress && context.local === null,
      address: await addressOf(context),
    }
    return exists ? update(upstream) : create(upstream)
  },
}

/** Links in a folder of this machine may point to any of its files. */
function refuseOpenLinks({ local, options }: RsyncContext): void {
  const following = options.extra_options.find((option) => FOLLOWS_LINKS.has(option))
  if (local !== null && following)
    throw new SyncFailure(
      'invalid_options',
      `extra_options: ${following} is not for folders of this machine: a link there could publish any file ` +
        'the worker can read',
    )
}

/** The upstream of a run. */
interface RsyncUpstream {
  readonly context: RsyncContext
  readonly options: RsyncOptions
  readonly address: string
  /** Set to false when the upstream refuses it. */
  compress: boolean
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
  const { plan } = await dryRun(upstream, staging, [])
  context.allow({ ...plan, removed: 0, total: 0, examples: [] })
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
  const { plan, statistics, changes, whole } = await dryRun(upstream, published, [
    '--delete-after',
    '--itemize-changes',
  ])
  if (whole) context.allow({ ...plan, sizeBeforeBytes: context.sizeBytes })
  // This file exists while an earlier run did not finish.
  const unfinished = join(staging, 'unfinished')
  const wasUnfinished = existsSync(unfinished)
  if (whole && changes === 0 && !wasUnfinished)
    return { bytes: statistics.received, files: statistics.files, sizeBytes: statistics.sizeBytes, revision: null }
  mkdirSync(staging, { recursive: true })
  writeFileSync(unfinished, '')
  const fork = await context.tree.fork()
  const stash = join(staging, 'partials')
  // Files are written here, not beside those people read: a killed run leaves none of them in the tree.
  const arrivals = join(staging, 'arrivals')
  rmSync(arrivals, { recursive: true, force: true })
  mkdirSync(arrivals, { mode: 0o700 })
  restorePartials(stash, fork.path)
  try {
    const stats = await copyChanges(upstream, fork.path, {
      again: wasUnfinished,
      most: whole ? plan.removed : null,
      arrivals,
    })
    context.progress({ phase: 'publishing' })
    await fork.publish()
    rmSync(unfinished, { force: true })
    rmSync(arrivals, { recursive: true, force: true })
    return stats
  } catch (error) {
    // What is incomplete is kept for the next run, but not where people read.
    stashPartials(fork.path, stash)
    throw error
  }
}

/**
 * Copies into the published tree, or the copy of it. `most`: files that may go; null: none, since not all of the
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
  if (firstStage)
    await transfer(upstream, path, { partials: [...partials, ...firstStage], deletes: false, drop: false })
  return transfer(upstream, path, { partials, deletes: most !== null, drop: again, most: most ?? 0 })
}

/**
 * What a run would do to a folder. `whole`: all of the upstream could be read, so that what it lacks is really gone.
 * Only with itemized changes are they counted and named.
 */
async function dryRun(upstream: RsyncUpstream, folder: string, counting: readonly string[]) {
  upstream.context.progress({ phase: 'listing' })
  let reader = createPlanReader()
  const flags = ['--dry-run', '--stats', ...counting]
  const exit = await callRsync(
    upstream,
    (compress) => [...flags, ...compress, ...contentFlags(upstream.options)],
    folder,
    {
      onStart: () => void (reader = createPlanReader()),
      onLine: (line, stream) => reader.onLine(line, stream),
    },
  )
  if (exit.code !== 0 && exit.code !== 23 && exit.code !== 24) throw rsyncFailure(exit)
  if (exit.code === 23 && rsyncFailure(exit).reason !== 'partial') throw rsyncFailure(exit)
  return { ...reader.done(), whole: exit.code !== 23 }
}

interface Transfer {
  readonly partials: readonly string[]
  readonly deletes: boolean
  /** Clears what an earlier run left incomplete. */
  readonly drop: boolean
  /** Files that may go at most; more may have vanished since they were counted. Absent: all. */
  readonly most?: number
}

/** Keeping incomplete files costs a third of a run that changes nothing, so only a run after a broken one does. */
async function transfer(
  upstream: RsyncUpstream,
  into: string,
  { partials, deletes, drop, most }: Transfer,
): Promise<SyncStats> {
  const { context } = upstream
  const statistics: Statistics = { files: null, sizeBytes: null, received: null }
  const readProgress = createProgressReader()
  const onLine = (line: string) => {
    const progress = readProgress(line)
    if (progress) context.progress(progress)
    else readStatistics(line, statistics)
    return progress === null
  }
  const deletions = deletes
    ? ['--delete-after', ...(most === undefined ? [] : [`--max-delete=${deletionLimit(most)}`])]
    : []
  const exit = await callRsync(
    upstream,
    (compress) => [
      ...compress,
      ...contentFlags(upstream.options),
      ...partials,
      ...deletions,
      '--info=progress2',
      '--stats',
    ],
    into,
    { onLine, redraws: true },
  )
  if (exit.code !== 0 && exit.code !== 24) {
    const failure = rsyncFailure(exit)
    // What is incomplete would keep the disk full.
    if (failure.reason === 'disk_full') removePartials(into)
    throw failure
  }
  if (drop) removePartials(into)
  const note =
    exit.code === 24 ? 'some files vanished from the upstream while they were read; the next sync catches up' : null
  return { bytes: statistics.received, files: statistics.files, sizeBytes: statistics.sizeBytes, revision: null, note }
}

/** Folders count as deletions too, and are not in the plan: one for each file is more than enough. */
function deletionLimit(files: number): number {
  return Math.max(10, files * 2)
}

/**
 * The upstream without a user name, which travels in the environment like the password, and by the address that was
 * checked: another answer of the name server must not lead elsewhere.
 */
async function addressOf({ upstream, local, peers, options }: RsyncContext): Promise<string> {
  if (local !== null) return `${local}/`
  const url = new URL(upstream)
  const { address_family } = options
  const addresses = await peers.resolve(url.hostname)
  const wanted = addresses.filter(
    (address) => address_family === 'any' || address.includes(':') === (address_family === 'ipv6'),
  )
  const [address] = wanted
  if (address === undefined)
    throw new SyncFailure('upstream_unreachable', `the host ${url.hostname} has no ${address_family} address`)
  const host = address.includes(':') ? `[${address}]` : address
  return upstream.replace(/^rsync:\/\/(?:[^/@]*@)?[^/]*/, `rsync://${host}${url.port ? `:${url.port}` : ''}`)
}

interface Call extends RunOptions {
  /** Called before each try. */
  readonly onStart?: () => void
}

/** Calls rsync on a folder; without compression when the upstream does not want it. */
async function callRsync(
  upstream: RsyncUpstream,
  flags: (compress: readonly string[]) => readonly string[],
  folder: string,
  { onStart, ...how }: Call,
): Promise<Exit> {
  const { context, options, address } = upstream
  const { auth } = context
  const env: Record<string, string> =
    auth?.type === 'basic' ? { USER: auth.username, LOGNAME: auth.username, RSYNC_PASSWORD: auth.password } : {}
  const once = () => {
    onStart?.()
    return context.run(
      'rsync',
      [
        ...flags(upstream.compress ? ['-z'] : []),
        ...connectionFlags(options, context.local !== null),
        '--',
        address,
        `${folder}/`,
      ],
      { ...how, env, memoryMib: options.memory_mib },
    )
  }
  const exit = await once()
  if (!upstream.compress || !refusesCompression(exit)) return exit
  context.log('the upstream refuses compression: trying without')
  upstream.compress = false
  return once()
}
