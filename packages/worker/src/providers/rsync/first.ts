// first.ts — The first copy of an upstream, into staging, which is published as a whole. Nothing is published yet, so
// nothing can be lost: it is not listed before it is fetched, unless its size must be known.
import { existsSync, mkdirSync } from 'node:fs'
import { hasDiskOwn, readEntries } from '../../names.ts'
import { SyncFailure, type Plan, type ProcessMoves, type SyncStats } from '../../provider.ts'
import type { RsyncUpstream } from './call.ts'
import { countDisk, EMPTY_DISK } from './disk.ts'
import { dryRun } from './dry-run.ts'
import { readLeftOut, readUnfit, type LeftOutEntry } from './lines.ts'
import { deletionFlags, hasRules, PARTIAL } from './options.ts'
import { createMovesReader } from './output.ts'
import { removeReserved } from './partials.ts'
import { tellStats, type Found } from './tell.ts'
import { transfer } from './transfer.ts'

/** What a first copy does to the published tree. */
const NOTHING_PUBLISHED = {
  removed: 0,
  total: 0,
  examples: [],
  shrinking: [],
  sizeBeforeBytes: null,
  stayingBytes: 0,
} as const
/** Of a size that nobody told. */
const UNKNOWN = { ...NOTHING_PUBLISHED, incomingBytes: null, sizeAfterBytes: null }
/** What pipes between the processes of rsync may hold, which is no file. */
const IN_PIPES = 1024 ** 2

interface Fetched extends Pick<Found, 'found'> {
  readonly stats: SyncStats
}

/** Fetches the first copy and publishes it. Throws SyncFailure; nothing is published then. */
export async function fetchFirst(upstream: RsyncUpstream): Promise<SyncStats> {
  const { context, options } = upstream
  const { staging, published } = context.tree
  const resumed = existsSync(staging) && readEntries(staging).length > 0
  context.tree.kept.write(new Map())
  mkdirSync(staging, { recursive: true })
  const { stats, found } = await (resumed ? goOn(upstream) : begin(upstream))
  context.progress({ phase: 'publishing' })
  await context.tree.publish()
  const disk = hasRules(options) ? await countDisk(upstream, published) : null
  return tellStats(upstream, stats, { found, disk, keep: null })
}

/** Goes on with what an interrupted run left, of which more may be gone by now than is still to come. */
async function goOn(upstream: RsyncUpstream): Promise<Fetched> {
  const { staging } = upstream.context.tree
  await removeReserved(staging)
  // Staging was never published, so what is deleted from it needs no permission, and none of it is anybody's own.
  const deleting = deletionFlags(true)
  const disk = hasRules(upstream.options) ? await countDisk(upstream, staging) : null
  const found = await dryRun(upstream, staging, { deleting, disk })
  allow(upstream, found.plan)
  return {
    found,
    stats: await transfer(upstream, staging, { partials: [`--partial-dir=${PARTIAL}`], deleting, drop: true }),
  }
}

async function begin(upstream: RsyncUpstream): Promise<Fetched> {
  const { context, options } = upstream
  const { staging } = context.tree
  if (!context.asksSizes && !hasDiskOwn(staging)) {
    allow(upstream, UNKNOWN)
    return fetchUnlisted(upstream)
  }
  const disk = hasRules(options) ? EMPTY_DISK : null
  const found = await dryRun(upstream, staging, { deleting: [], disk })
  allow(upstream, found.plan)
  return { found, stats: await fetchWatched(upstream, { told: false, onLine: () => true }) }
}

const allow = ({ context }: RsyncUpstream, plan: Plan) => void context.allow({ ...plan, ...NOTHING_PUBLISHED })

/** Fetches what nobody listed before, and finds out what of it the copy does not have. */
async function fetchUnlisted(upstream: RsyncUpstream): Promise<Fetched> {
  const { context, address } = upstream
  const { staging } = context.tree
  let arrivals = createArrivals()
  const onStart = () => void (arrivals = createArrivals())
  const fetched = await fetchWatched(upstream, { told: true, onStart, onLine: (line) => arrivals.onLine(line) })
  const reserved = await removeReserved(staging)
  const files = reserved.filter(({ isFile }) => isFile).length
  const bytes = reserved.reduce((sum, one) => sum + one.size, 0)
  const stats = {
    ...fetched,
    files: fetched.files && fetched.files - files,
    sizeBytes: fetched.sizeBytes && fetched.sizeBytes - bytes,
  }
  // The top was there already, where it is listed at all.
  if (arrivals.missing() !== (address.endsWith('/') ? 1 : 0))
    // rsync names unsafe links only together with everything that changes: after the copy, little else does.
    return { stats, found: await dryRun(upstream, staging, { deleting: [], disk: null }) }
  for (const { name, why } of [...arrivals.left, ...reserved]) context.leaveOut(name, why)
  return { stats, found: { isListed: true, leftOutBytes: 0, unfit: EMPTY_DISK.ruledOut } }
}

interface Arrivals {
  readonly onLine: (line: string) => boolean
  readonly left: readonly LeftOutEntry[]
  /** Entries that were listed, and neither made nor named as left out; null: not known. */
  missing(): number | null
}

/** Reads what rsync says of a copy that began with nothing. */
function createArrivals(): Arrivals {
  const left: LeftOutEntry[] = []
  let skipped = 0
  let listed: number | null = null
  let made: number | null = null
  return {
    onLine(line) {
      const [, created, count] = /^Number of (created )?files: (\d+)/.exec(line) ?? []
      if (created !== undefined) made = Number(count)
      else if (count !== undefined) listed = Number(count)
      const entry = readLeftOut(line)
      if (entry !== null) left.push(entry)
      const isSkipped = entry !== null || readUnfit(line) !== null
      if (isSkipped) skipped++
      return !isSkipped
    },
    left,
    missing: () => (listed === null || made === null ? null : listed - made - skipped),
  }
}

interface Listening {
  readonly told: boolean
  readonly onStart?: () => void
  readonly onLine: (line: string) => boolean
}

/** Fetches into an empty folder; once a second looks how far that is, and whether disk and quota allow it. */
async function fetchWatched(upstream: RsyncUpstream, listening: Listening): Promise<SyncStats> {
  const { context } = upstream
  const { staging } = context.tree
  const readMoves = createMovesReader()
  const onMoves = (processes: readonly ProcessMoves[]) => {
    const { bytes, moved } = readMoves(processes)
    if (moved) context.progress({ phase: 'transferring', bytes })
    context.tree.flushAhead()
    const sizeAfterBytes = Math.max(0, bytes - IN_PIPES)
    allow(upstream, { ...UNKNOWN, sizeAfterBytes, done: 'unpublished' })
  }
  context.progress({ phase: 'transferring' })
  try {
    return await transfer(upstream, staging, {
      partials: [],
      deleting: [],
      drop: false,
      fresh: { ...listening, onMoves },
    })
  } catch (error) {
    // Not by rsync: the upstream has grown out of the quota, and no later run can go on with this.
    const isOver = error instanceof SyncFailure && error.reason === 'quota_exceeded' && error.exitCode === null
    if (isOver) await context.tree.discard()
    throw error
  }
}
