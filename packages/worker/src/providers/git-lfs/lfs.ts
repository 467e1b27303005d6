// lfs.ts — Git LFS in a run of the kind git: when there is something to do, what is fetched, what is remembered. The
// protocol is in batch.ts.
import { rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import Type from 'typebox'
import { callGit, credentials } from '../git/call.ts'
import { isWeekAgo } from '../git/maintenance.ts'
import type { LfsServer } from './batch.ts'
import { createResult, fetchObjects, partsFolder, type LfsResult } from './fetch.ts'
import { findPointers, presentIds } from './pointers.ts'
import {
  countBytes,
  findDamaged,
  hasObject,
  writeState,
  MISSING_KEPT,
  objectPath,
  readState,
  type LfsObject,
  type LfsState,
} from './store.ts'
import { objectBytes } from '../git/repository.ts'
import { networkFailure } from '../../http/errors.ts'
import type { FetchOptions } from '../../http/options.ts'
import { SyncFailure, type Fork, type SyncContext } from '../../provider.ts'

/** The options of the kind git that are about LFS. */
export const lfsOptions = {
  lfs: Type.Boolean({
    default: false,
    description:
      'Also fetch the files that Git LFS keeps outside of the repository, those of every ref, into ' +
      'lfs/objects of the copy',
  }),
  lfs_url: Type.String({
    default: '',
    maxLength: 2048,
    description:
      'Address of the LFS server, http or https. Empty: what .lfsconfig of the upstream names as lfs.url, ' +
      'else the upstream’s own, <upstream>.git/info/lfs',
  }),
}

const FETCH: FetchOptions = {
  max_mib: 0,
  min_rate_bps: 50,
  timeout_secs: 60,
  accept_html: true,
  allow_downgrade: false,
}

/** Whether LFS is turned on for a run. */
export function isLfsEnabled({ options }: SyncContext): boolean {
  return options['lfs'] === true
}

/** Why LFS cannot be turned on for an upstream, and the cure; null: it can, or is off. */
export function lfsProblem(upstream: string, { lfs, lfs_url }: { lfs: boolean; lfs_url: string }): string | null {
  if (!lfs) return null
  if (lfs_url === '')
    return /^https?:/i.test(upstream)
      ? null
      : 'option "lfs": this upstream is not a web address, so its LFS server must be named: give its https ' +
          'address as lfs_url, or turn lfs off'
  const url = URL.parse(lfs_url)
  if (!url || !/^https?:$/.test(url.protocol) || /[\s\\]/.test(lfs_url))
    return 'option "lfs_url": must be an address that begins with https:// or http://'
  if (url.username === '' && url.password === '') return null
  return (
    'option "lfs_url": must not contain a user name or password: those given as "auth" are used when it is ' +
    'on the upstream’s own host'
  )
}

/** Whether a copy has all LFS objects of these refs, checked within about a week. Reads one small file. */
export function isLfsDone({ tree }: SyncContext, gitDir: string, ids: Iterable<string>): boolean {
  const state = readState(gitDir)
  return state !== null && !isWeekAgo(state.checkedAt, tree.staging) && newTips(state, ids).length === 0
}

/** Whether an interrupted run left a clone here that lacks only its LFS objects. */
export function isClonedWhole(gitDir: string): boolean {
  return readState(gitDir) !== null
}

/** Records that git's part is whole and the LFS objects are not known yet. */
export function markCloned(gitDir: string): void {
  if (readState(gitDir) === null)
    writeState(gitDir, { tips: [], missing: [], missingCount: 0, bytes: countBytes(gitDir), checkedAt: '', round: 0 })
}

/** Bytes of the LFS objects of a copy, as they were counted. */
export function lfsBytes(gitDir: string): number {
  return readState(gitDir)?.bytes ?? 0
}

/** A note about objects the upstream does not have; null when there are none. */
export function lfsNote(gitDir: string): string | null {
  const count = readState(gitDir)?.missingCount ?? 0
  if (count === 0) return null
  return count === 1 ? '1 LFS object is missing upstream' : `${count} LFS objects are missing upstream`
}

export interface LfsJob {
  readonly context: SyncContext
  /** The repository with the git objects. */
  readonly gitDir: string
  /** Opens a copy of it for the LFS objects, which is published once it has them. Absent: they go to `gitDir`. */
  readonly open?: () => Promise<Fork>
  /** Whether the bytes of every object that is there are read; otherwise a quarter of them about once a week. */
  readonly everyByte?: boolean
  /** Object ids of the refs that need LFS objects. */
  readonly ids: Iterable<string>
  /** The commit whose .lfsconfig counts; null for none. */
  readonly headId: string | null
}

/**
 * Downloads the LFS objects that refs need and that are not there. Returns the received bytes. Throws SyncFailure;
 * objects that came before stay and are not downloaded again.
 */
export async function fetchLfs(job: LfsJob): Promise<number> {
  const { context, gitDir, ids, open, everyByte = false } = job
  const state = readState(gitDir)
  const recent = state !== null && !everyByte && !isWeekAgo(state.checkedAt, context.tree.staging)
  const base = recent ? state : startOver(state)
  const tips = newTips(base, ids)
  if (tips.length === 0 && base === state) return 0
  context.progress({ phase: 'verifying', percent: null })
  const damaged =
    state && base !== state && state.checkedAt !== ''
      ? await findDamaged(context, gitDir, everyByte ? null : state.round)
      : new Set<string>()
  const fresh = await presentIds(context, gitDir, tips)
  const missing = await missingHere({ context, gitDir, fresh, base, damaged })
  const fork = missing.length > 0 && open ? await open() : null
  const store = fork?.path ?? gitDir
  for (const oid of damaged) rmSync(join(store, objectPath({ oid })), { force: true })
  // A copy that an earlier run filled has some of them.
  const wanted = missing.filter((object) => !hasObject(store, object))
  const result = createResult()
  const bytesIn = (folder: string) =>
    base === state && folder === store ? base.bytes + result.storedBytes : countBytes(folder)
  try {
    if (wanted.length > 0)
      await fetchWanted({ ...job, store, wanted, result, before: objectBytes(gitDir) + bytesIn(store) })
  } catch (error) {
    // Covers nothing more than before, so the next run continues. Damage in a tree that stays is found once more.
    const unsettled =
      state && damaged.size > 0 && store !== gitDir
        ? { checkedAt: state.checkedAt, round: state.round }
        : { checkedAt: base === state ? base.checkedAt : '' }
    writeState(gitDir, { ...base, ...unsettled, bytes: bytesIn(gitDir) })
    throw lfsFailure(error)
  }
  // Only what is on the disk counts as covered.
  if (result.folders.size > 0) await context.tree.flush(store, [...result.folders])
  await removeParts(context)
  const changed = result.folders.size > 0 || wanted.length < missing.length
  const now = {
    ...base,
    tips: [...fresh, ...base.tips],
    missing: result.missing.slice(0, MISSING_KEPT),
    missingCount: result.missing.length + base.missingCount - base.missing.length,
  }
  writeState(changed ? store : gitDir, { ...now, bytes: bytesIn(changed ? store : gitDir) })
  logMissing(context, result.missing)
  if (changed) await fork?.publish(true)
  return result.bytes
}

/** Removes partial downloads. A tree must not be published with them. */
export async function removeParts(context: SyncContext): Promise<void> {
  await rm(partsFolder(context), { recursive: true, force: true })
}

/** A state that covers nothing: the first time, after a run that failed early, and about once a week. */
function startOver(state: LfsState | null): LfsState {
  return {
    tips: [],
    missing: [],
    missingCount: 0,
    bytes: 0,
    checkedAt: new Date().toISOString(),
    round: state && state.checkedAt !== '' ? state.round + 1 : (state?.round ?? 0),
  }
}

function newTips(state: LfsState, ids: Iterable<string>): string[] {
  const covered = new Set(state.tips)
  return [...new Set(ids)].filter((id) => !covered.has(id))
}

function logMissing(context: SyncContext, missing: readonly LfsObject[]): void {
  const shown = missing
    .slice(0, 20)
    .map(({ oid }) => oid)
    .join(', ')
  if (missing.length > 0)
    context.log(
      'the upstream does not have the LFS objects ' +
        `${shown}${missing.length > 20 ? ` and ${missing.length - 20} more` : ''}`,
    )
}

interface MissingSearch {
  readonly context: SyncContext
  readonly gitDir: string
  readonly fresh: readonly string[]
  readonly base: LfsState
  readonly damaged: ReadonlySet<string>
}

/** What the refs need and is not here, and what the upstream did not have the last time. */
async function missingHere({ context, gitDir, fresh, base, damaged }: MissingSearch): Promise<LfsObject[]> {
  const wanted = new Map<string, LfsObject>()
  const consider = (object: LfsObject) => {
    // git-lfs requests nothing for an empty file.
    if (object.size > 0 && !wanted.has(object.oid) && (damaged.has(object.oid) || !hasObject(gitDir, object)))
      wanted.set(object.oid, object)
  }
  base.missing.forEach(consider)
  await findPointers({ context, gitDir, tips: fresh, covered: base.tips, onPointer: consider })
  return [...wanted.values()]
}

interface LfsFetchJob extends LfsJob {
  readonly store: string
  readonly wanted: readonly LfsObject[]
  readonly result: LfsResult
  /** Size of the copy now, bytes. */
  readonly before: number
}

async function fetchWanted({ context, gitDir, headId, store, wanted, result, before }: LfsFetchJob): Promise<void> {
  const incomingBytes = wanted.reduce((sum, { size }) => sum + size, 0)
  context.allow({
    removed: 0,
    total: 0,
    examples: [],
    incomingBytes,
    sizeBeforeBytes: null,
    sizeAfterBytes: before + incomingBytes,
  })
  const [username, password] = credentials(context.auth)
  const server: LfsServer = {
    context: { ...context, auth: password === null ? null : { type: 'basic', username, password } },
    options: FETCH,
    base: await serverOf(context, gitDir, headId),
    home: context.ssh === null ? new URL(context.upstream).origin : '',
  }
  context.log(`${wanted.length} LFS objects, ${incomingBytes} bytes, are asked for at ${server.base.origin}`)
  await fetchObjects({ context, server, options: FETCH, store, objects: wanted }, result)
}

/**
 * The LFS server: the one the option names, otherwise the one of the upstream's .lfsconfig, otherwise the one every
 * forge has beside the repository.
 */
async function serverOf(context: SyncContext, gitDir: string, headId: string | null): Promise<URL> {
  const given = context.options['lfs_url']
  if (typeof given === 'string' && given !== '') return new URL(given)
  const named = headId === null ? null : await readLfsConfig(context, gitDir, headId)
  const upstream = new URL(context.ssh === null ? context.upstream : 'ssh://upstream')
  if (named === null) {
    const path = upstream.pathname.replace(/\/+$/, '')
    return new URL(`${upstream.origin}${path}${path.endsWith('.git') ? '' : '.git'}/info/lfs`)
  }
  const url = URL.parse(named)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new SyncFailure(
      'upstream_refused',
      'the upstream’s .lfsconfig names an LFS server that is not at a web address, and only those are asked: ' +
        'give one as lfs_url',
    )
  if (upstream.protocol === 'https:' && url.protocol === 'http:')
    throw new SyncFailure(
      'upstream_refused',
      `the upstream’s .lfsconfig sends us from https to ${url.origin}; if that is right, give it as lfs_url`,
    )
  // This was written by whoever may push to the upstream: it must not choose which credentials are sent.
  url.username = ''
  url.password = ''
  return url
}

async function readLfsConfig(context: SyncContext, gitDir: string, headId: string): Promise<string | null> {
  let found: string | null = null
  const onLine = (line: string, stream: string) => {
    if (stream === 'stdout') found = line
    // The address may hold a password, and a missing file is not worth a line.
    return false
  }
  const exit = await callGit(
    context,
    [`--git-dir=${gitDir}`, 'config', `--blob=${headId}:.lfsconfig`, '--get', 'lfs.url'],
    { onLine, silent: true },
  )
  return exit.code === 0 ? found : null
}

/** Names Git LFS in a failure, because git's part succeeded. */
function lfsFailure(error: unknown): unknown {
  const failure = networkFailure(error)
  if (!(failure instanceof SyncFailure)) return failure
  if (failure.reason === 'disk_full' || failure.reason === 'quota_exceeded') return failure
  return new SyncFailure(failure.reason, `Git LFS: ${failure.message}`, { cause: failure.cause })
}
