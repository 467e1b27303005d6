// permission.ts — What a run may do to a published tree: the deletion guard, the quota and the free space, checked
// before anything is done; and what is given back when the disk is full nevertheless.
import type { Policy } from '@kagami/protocol'
import { freeInodes } from '@kagami/runtime'
import { objectionTo } from '../core/guard.ts'
import { localFailure } from '../local-failure.ts'
import { showName } from '../names.ts'
import { SyncFailure, type Plan, type Shortage } from '../provider.ts'
import type { OwnedTree } from '../tree/tree.ts'
import { FREE_MIN_INODES, freeBytes, fullDisk, hasRoom, missingRoom } from '../tree/space.ts'
import type { RunLimits } from './limits.ts'
import { SyncHeld } from './outcome.ts'

export interface Permission {
  readonly policy: Policy
  readonly kind: string
  readonly dataDir: string
  /** Entries somebody allowed this run to delete; null when nobody did. */
  readonly approved: number | null
  log(line: string): void
}

/** With less free than this, a first copy whose size nobody knows is asked for it. */
const ROOM_UNASKED_BYTES = 1024 ** 3

/** The incoming data does not fit. The run has taken no space yet, so it gives none back. */
export class NoRoom extends SyncFailure {
  constructor(why: string) {
    super('disk_full', `${why}; none of it was begun`)
    this.name = 'NoRoom'
  }
}

/** A program of the operator worked where people read. */
const DELETED_ALREADY =
  'The program works where people read (tree = "direct" in worker.toml), so nobody could ask before. It is not ' +
  'started again until the files are back, or until somebody decides that it is right: kagami replicas approve ' +
  'NAME@WORKER. With tree = "copy" or "linked", such a run is held before readers see it.'

/**
 * Returns when the run may go on, with how much of what is kept must go for it; throws SyncHeld, or SyncFailure:
 * quota_exceeded, NoRoom, or disk_full when the disk fills up already.
 */
export function allowPlan(plan: Plan, { policy, kind, dataDir, approved, log }: Permission): Shortage {
  const noun = nounOf(kind)
  const objection = objectionTo(plan, policy, { approved, noun })
  if (objection) {
    logDeletions(plan, log)
    throw new SyncHeld(plan.done === 'published' ? { ...objection, hint: DELETED_ALREADY } : objection, plan)
  }
  if (plan.removed > 0) log(`${plan.removed} of ${plan.total} ${noun} go`)
  const quotaBytes = overQuota(plan, policy)
  const full = fullDisk(dataDir)
  if (full) throw full
  const incoming = plan.incomingBytes ?? 0
  // Where earlier generations have the same files, deleting them gives no room yet.
  const spare = policy.publish === 'swap' ? 0 : (plan.kept?.earlierBytes ?? 0)
  const beforeBytes = spare === 0 ? 0 : missingRoom(dataDir, incoming)
  if (beforeBytes > spare || (spare === 0 && !hasRoom(dataDir, incoming)))
    throw new NoRoom(`${mib(incoming)} MiB must come in, ${mib(freeBytes(dataDir))} MiB are free`)
  const [files, inodes] = [plan.incomingFiles ?? 0, freeInodes(dataDir)]
  if (files + FREE_MIN_INODES > inodes)
    throw new NoRoom(`${files} files and folders must come in, ${inodes} inodes are free (df -i ${dataDir})`)
  return { beforeBytes, quotaBytes }
}

/**
 * Whether a run must know what comes before it fetches the first of it: for a quota, or with less room than twice the
 * size that the copy had. Else the disk is watched while it runs.
 */
export function asksSizes({ policy, dataDir }: Permission, sizeBytes: number | null): boolean {
  const room = sizeBytes === null ? ROOM_UNASKED_BYTES : 2 * sizeBytes
  return policy.quota_mib > 0 || !hasRoom(dataDir, room)
}

/** The hold of a run that found files of something else: what it would make of them. `whose`: a clause. */
export function holdForeign(whose: string, plan: Plan, { kind, log }: Pick<Permission, 'kind' | 'log'>): SyncHeld {
  logDeletions(plan, log)
  const { removed, total, incomingBytes } = plan
  const coming = incomingBytes === null ? '' : ` and ${mib(incomingBytes)} MiB be fetched`
  const message = `${whose}; to take them over, ${removed} of ${total} ${nounOf(kind)} would be deleted${coming}`
  return new SyncHeld({ reason: 'foreign_files', message }, plan)
}

/** A run that filled the disk gives back the space it took, because other replicas need it. */
export async function releasingOnFullDisk<T>(
  limits: Pick<RunLimits, 'cause'>,
  tree: OwnedTree,
  update: () => Promise<T>,
): Promise<T> {
  try {
    return await update()
  } catch (error) {
    const failure = error instanceof SyncFailure ? error : localFailure(error, tree.published)
    const full = failure ? fullDiskBehind(failure, tree) : null
    const filled = full !== null || (failure?.reason === 'disk_full' && !(failure instanceof NoRoom))
    // What went wrong is told, not what went wrong while space was freed.
    if (filled || limits.cause === 'disk_full') await tree.release().catch(() => {})
    throw full ?? error
  }
}

const nounOf = (kind: string) => (kind === 'git' ? 'refs' : 'files')

function logDeletions({ removed, examples }: Plan, log: Permission['log']): void {
  for (const example of examples) log(`would delete ${showName(example)}`)
  if (removed > examples.length) log(`would delete ${removed - examples.length} more`)
}

/** Bytes of what is kept that the quota has no room for. Throws when the copy is too large without them. */
function overQuota({ sizeAfterBytes, kept, done }: Plan, { quota_mib }: Policy): number {
  const quota = quota_mib * 1024 ** 2
  if (quota === 0 || sizeAfterBytes === null) return 0
  if (sizeAfterBytes <= quota) return Math.max(0, sizeAfterBytes + (kept?.bytes ?? 0) - quota)
  throw new SyncFailure(
    'quota_exceeded',
    `the copy would have ${mib(sizeAfterBytes)} MiB, its quota is ${quota_mib} MiB; ${leftUndone(done)}`,
  )
}

function leftUndone(done: Plan['done']): string {
  if (done === undefined) return 'nothing was begun'
  return done === 'unpublished' ? 'nothing of it was published' : 'the program has written it already'
}

const mib = (bytes: number) => Math.ceil(bytes / 1024 ** 2)

/** A program that nobody knows ends somehow when the disk takes nothing more. */
function fullDiskBehind({ reason, message, tail, exitCode }: SyncFailure, tree: OwnedTree): SyncFailure | null {
  const full = reason === 'unknown' ? fullDisk(tree.disk()) : null
  return full && new SyncFailure('disk_full', `${full.message}; ${message}`, { tail, exitCode, hint: full.hint })
}
