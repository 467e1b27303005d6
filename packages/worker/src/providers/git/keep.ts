// keep.ts — What the upstream lost stays in the copy for some days, under refs that no reader sees: kept before a run
// can lose it, listed, removed in time. restore.ts gives it back to readers.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Kept, KeptRef } from '@kagami/protocol'
import Type from 'typebox'
import { callGit, type Route } from './call.ts'
import { gitFailure } from './errors.ts'
import { detachedHead } from '../git-refs/head.ts'
import { findLost } from './history.ts'
import { readLocalRefs, type LocalRefs, type RemoteRefs } from '../git-refs/refs.ts'
import { replaceFile } from './repository.ts'
import { OWN_REFS } from '../git-refs/selection.ts'
import { durationMs, keepDeletedRefsOption } from '../keep-deleted.ts'
import { bytesOf, escapeBytes } from '../../names.ts'
import type { Exit, SyncContext } from '../../provider.ts'

const DAY_MS = 24 * 3600_000
const KEPT_REFS = `${OWN_REFS}/kept/`
/** More than these are flushed to disk together. */
const MANY = 100
/** How many are listed in a report. */
const LISTED_MAX = 50
/** What a report can carry of a name. */
const NAME_MAX = 300

/** The options. */
export const keepOptions = {
  keep_history: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 3650,
    description:
      'Days for which the copy keeps, where no reader sees it, what the upstream lost by a forced push or a ' +
      'deletion. 0: nothing is kept',
  }),
  keep_deleted: keepDeletedRefsOption,
}

/** A ref at the object it had; HEAD when that was detached. */
export interface Tip {
  readonly ref: string
  readonly id: string
}

/** What is kept. */
export interface Entry extends Tip {
  /** The ref that keeps it. */
  readonly name: string
  readonly stamp: string
  readonly lostAt: number
}

/** The longer of both options. */
function keepMs({ options }: SyncContext): number {
  return Math.max(
    Number(options['keep_history'] ?? 0) * DAY_MS,
    durationMs((options['keep_deleted'] as string | undefined) ?? '0'),
  )
}

function keepText(context: SyncContext): string {
  const days = Number(context.options['keep_history'] ?? 0)
  return days * DAY_MS === keepMs(context) ? `${days} days` : String(context.options['keep_deleted'])
}
const keyOf = ({ ref, id }: Tip): string => `${id} ${ref}`
/** The ref that keeps another. */
export const nameBelow = (stamp: string, ref: string): string => `${KEPT_REFS}${stamp}/${ref.replace(/^refs\//, '')}`
const byName = (entries: readonly Entry[]): Entry[] => entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
const isTag = ({ ref }: Tip): boolean => ref.startsWith('refs/tags/')

/** What the copy keeps, for reports; null when that is nothing. */
export function describeKept(context: SyncContext, own: LocalRefs['own']): Kept | null {
  const entries = byName(entriesOf(own)).reverse()
  if (entries.length === 0) return null
  const describe = (entry: Entry): KeptRef => ({
    id: idOf(entry),
    ref: shorten(escapeBytes(entry.ref)),
    commit: entry.id,
    lost_at: new Date(entry.lostAt).toISOString(),
    until: new Date(entry.lostAt + keepMs(context)).toISOString(),
  })
  return { count: entries.length, refs: entries.slice(0, LISTED_MAX).map(describe) }
}

/** What an update starts from. */
export interface UpdateAhead {
  /** What readers see now. */
  readonly before: LocalRefs['refs']
  /** Refs it will delete. */
  readonly gone: readonly string[]
}

/**
 * The refs that an update moves or deletes, with what they are at; a branch whose tip the upstream has under another
 * name is not among them. Starts no program.
 */
export function tipsAtRisk(context: SyncContext, remote: RemoteRefs, { before, gone }: UpdateAhead): Tip[] {
  if (keepMs(context) === 0) return []
  const staying = new Set(remote.refs.values())
  if (remote.headId !== null) staying.add(remote.headId)
  const tips: Tip[] = gone.map((ref) => ({ ref, id: before.get(ref)! }))
  for (const [ref, id] of before) {
    const now = remote.refs.get(ref)
    if (now !== undefined && now !== id) tips.push({ ref, id })
  }
  const head = detachedHead(context.tree.published)
  if (head !== null && ![...before.values()].includes(head)) tips.push({ ref: 'HEAD', id: head })
  return tips.filter((tip) => isTag(tip) || !staying.has(tip.id))
}

/** Those of the tips that would be lost, in a repository that has the objects that come. */
export async function tipsLost(
  context: SyncContext,
  tips: readonly Tip[],
  { gitDir, staying }: { gitDir: string; staying: Iterable<string> },
): Promise<Tip[]> {
  const asked = tips.filter((tip) => !isTag(tip))
  const gone = new Map(asked.map((tip) => [keyOf(tip), tip.id]))
  const lost = new Set(gone.size === 0 ? [] : await findLost(context, { gitDir, gone, staying }))
  return tips.filter((tip) => isTag(tip) || lost.has(keyOf(tip)))
}

/** Keeps tips, before anything moves. `settleKept` must follow. Returns git's failure, or null. */
export async function keepTips(context: SyncContext, gitDir: string, tips: readonly Tip[]): Promise<Exit | null> {
  if (tips.length === 0) return null
  const stamp = freeStamp(readLocalRefs(gitDir).own)
  // First: an entry of a run that was killed is then known to be one of which nobody knows whether it is needed.
  writeUnsettled(context, [...readUnsettled(context), stamp])
  const put = new Map(tips.map(({ ref, id }) => [nameBelow(stamp, ref), id]))
  const many = put.size > MANY
  const exit = await changeRefs(context, gitDir, { put, unflushed: many })
  // One file that is flushed, instead of thousands.
  const packed = many && exit.code === 0 ? await callGit(context, [`--git-dir=${gitDir}`, 'pack-refs', '--all']) : exit
  return packed.code === 0 ? null : packed
}

/**
 * Looks again once refs have moved, or were found as they are: what turned out to be lost stays, also what the upstream
 * moved behind the back of its list; what was kept needlessly goes, and what is too old. `before`: what readers saw,
 * when refs may have moved. Returns the refs as they are then.
 */
export async function settleKept(
  context: SyncContext,
  gitDir: string,
  { local, before }: { local: LocalRefs; before: LocalRefs['refs'] | null },
): Promise<LocalRefs> {
  const unsettled = new Set(readUnsettled(context))
  const span = keepMs(context)
  if (local.own.size === 0 && unsettled.size === 0 && (before === null || span === 0)) return local
  const entries = entriesOf(local.own)
  const doubtful = entries.filter(({ stamp }) => unsettled.has(stamp))
  const known = new Set(doubtful.map(keyOf))
  const moved = span === 0 ? [] : movedTips(local, before).filter((tip) => !known.has(keyOf(tip)))
  const head = detachedHead(gitDir)
  const isBack = ({ ref, id }: Tip) => (ref === 'HEAD' ? head : local.refs.get(ref)) === id
  const open = [...doubtful, ...moved].filter((tip) => !isBack(tip))
  const staying = [...local.refs.values(), ...(head === null ? [] : [head])]
  const lost = new Set((await tipsLost(context, open, { gitDir, staying })).map(keyOf))
  const late = moved.filter((tip) => lost.has(keyOf(tip)))
  const expired = entries.filter(({ lostAt }) => span === 0 || lostAt + span <= Date.now())
  const needless = entries.filter((entry) => known.has(keyOf(entry)) && !lost.has(keyOf(entry)))
  // The same loss once more: the newer entry stays longer.
  const newest = new Map([...byName(entries), ...late].map((tip) => [keyOf(tip), 'name' in tip ? tip.name : null]))
  const again = entries.filter((entry) => lost.has(keyOf(entry)) && newest.get(keyOf(entry)) !== entry.name)
  const put = new Map(late.map(({ ref, id }) => [nameBelow(freeStamp(local.own), ref), id]))
  const remove = new Set([...expired, ...needless, ...again].map(({ name }) => name))
  if (put.size + remove.size > 0) {
    const exit = await changeRefs(context, gitDir, { put, remove })
    if (exit.code !== 0) throw gitFailure(exit)
  }
  if (before !== null || doubtful.length > 0) rmSync(unsettledFile(context), { force: true })
  logKept(
    context,
    [...doubtful, ...late].filter((tip) => lost.has(keyOf(tip))),
    expired.length,
  )
  return readLocalRefs(gitDir)
}

function movedTips({ refs }: LocalRefs, before: LocalRefs['refs'] | null): Tip[] {
  if (before === null) return []
  return [...before].flatMap(([ref, id]) => (refs.get(ref) === id ? [] : [{ ref, id }]))
}

function logKept(context: SyncContext, lost: readonly Tip[], expired: number): void {
  if (keepMs(context) === 0)
    return void (expired > 0 && context.log(`keep_history and keep_deleted are 0: ${expired} kept refs were removed`))
  const span = keepText(context)
  if (expired > 0) context.log(`${expired} kept refs were lost more than ${span} ago: they were removed`)
  for (const { ref, id } of new Map(lost.map((tip) => [keyOf(tip), tip])).values())
    context.log(`the upstream lost ${id} of ${escapeBytes(ref)}: it is kept for ${span}, where no reader sees it`)
}

/**
 * Brings into a repository that was cloned anew what the copy it will replace keeps, and what that one has and the
 * upstream lost, as far as it is whole there. Everything is packed, refs too.
 */
export async function carryKept(context: SyncContext, from: string, into: string): Promise<void> {
  const old = readLocalRefs(from)
  const span = keepMs(context)
  const fresh = readLocalRefs(into)
  const entries = entriesOf(old.own).filter(({ lostAt }) => lostAt + span > Date.now())
  const moved = span === 0 ? [] : movedTips(fresh, old.refs)
  const lost = await tipsLost(context, moved, { gitDir: into, staying: fresh.refs.values() })
  const again = new Set(lost.map(keyOf))
  const stamp = freeStamp(old.own)
  const wanted = [
    ...entries.filter((entry) => !again.has(keyOf(entry))),
    ...lost.map((tip) => ({ ...tip, name: nameBelow(stamp, tip.ref) })),
  ]
  if (wanted.length === 0) return
  const length = fresh.refs.values().next().value?.length
  const sameFormat = wanted.filter(({ id }) => length === undefined || id.length === length)
  const missing = wanted.filter(({ id }) => length !== undefined && id.length !== length)
  if (!(await fetchFrom(context, { from, into, wanted: sameFormat })))
    for (const entry of sameFormat)
      if (!(await fetchFrom(context, { from, into, wanted: [entry] }))) missing.push(entry)
  const exit = await callGit(context, [`--git-dir=${into}`, 'pack-refs', '--all'], { silent: true })
  if (exit.code !== 0) throw gitFailure(exit)
  logKept(
    context,
    lost.filter((tip) => !missing.some((other) => keyOf(other) === keyOf(tip))),
    0,
  )
  for (const { ref, id } of missing)
    context.log(
      `${id} of ${escapeBytes(ref)}, which the upstream lost, cannot be kept: the copy does not have it whole`,
    )
}

interface LocalFetch {
  readonly from: string
  readonly into: string
  readonly wanted: readonly (Tip & { readonly name: string })[]
}

async function fetchFrom(context: SyncContext, { from, into, wanted }: LocalFetch): Promise<boolean> {
  if (wanted.length === 0) return true
  const route: Route = {
    url: `file://${encodeURI(from)}`,
    flags: ["--upload-pack=git -c safe.directory='*' upload-pack"],
    env: { GIT_ALLOW_PROTOCOL: 'file' },
    settings: [],
  }
  const quiet = ['--quiet', '--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules', '--no-tags']
  // By id: the refs that keep them are hidden from a fetch too. What was let in once is not judged again.
  const exit = await callGit(
    context,
    ['-c', 'transfer.fsckObjects=false', '-c', 'protocol.version=2', `--git-dir=${into}`, 'fetch', ...quiet].concat([
      '--stdin',
      ...route.flags,
      '--',
      route.url,
    ]),
    { route, silent: true, stdin: bytesOf(wanted.map(({ id, name }) => `+${id}:${name}\n`).join('')) },
  )
  return exit.code === 0
}

/** What is kept, among the refs that are Kagami's own. */
export function entriesOf(own: LocalRefs['own']): Entry[] {
  return [...own].flatMap(([name, id]) => {
    const [, stamp, date, time, rest] = /^refs\/kagami\/kept\/((\d{8})T(\d{6})Z)\/(.+)$/s.exec(name) ?? []
    if (stamp === undefined || date === undefined || time === undefined || rest === undefined) return []
    const iso = `${date.replace(/(..)(..)$/, '-$1-$2')}T${time.replace(/(..)(..)$/, ':$1:$2')}Z`
    const lostAt = Date.parse(iso)
    return Number.isNaN(lostAt) ? [] : [{ name, stamp, id, lostAt, ref: rest === 'HEAD' ? rest : `refs/${rest}` }]
  })
}

/** What people restore it by. A name that no report can carry is replaced by the object's. */
export function idOf({ name, stamp, id }: Entry): string {
  const below = escapeBytes(name.slice(KEPT_REFS.length))
  return below.length <= NAME_MAX ? below : `${stamp}/${id}`
}

const shorten = (text: string): string => (text.length <= NAME_MAX ? text : `${text.slice(0, NAME_MAX - 1)}…`)

/** This second, or the next one in which nothing was kept yet. */
export function freeStamp(own: LocalRefs['own']): string {
  const taken = new Set(entriesOf(own).map(({ stamp }) => stamp))
  for (let at = Date.now(); ; at += 1000) {
    const stamp = new Date(at).toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '')
    if (!taken.has(stamp)) return stamp
  }
}

/** Refs to set, and refs to delete. */
export interface RefChanges {
  readonly put?: ReadonlyMap<string, string>
  readonly remove?: Iterable<string>
  /** Whether they need not be on the disk when they are done. */
  readonly unflushed?: boolean
}

/** Changes all of them or none; what comes is there before anything goes. */
export function changeRefs(
  context: SyncContext,
  gitDir: string,
  { put = new Map(), remove = [], unflushed = false }: RefChanges,
): Promise<Exit> {
  const flush = unflushed ? ['-c', 'core.fsync=none'] : []
  const lines = [
    ...[...put].map(([name, id]) => `update ${name}\0${id}\0\0`),
    ...[...remove].map((name) => `delete ${name}\0\0`),
  ]
  return callGit(context, [...flush, `--git-dir=${gitDir}`, 'update-ref', '--no-deref', '--stdin', '-z'], {
    stdin: bytesOf(lines.join('')),
    silent: true,
  })
}

/** Names the moments of losses of which it is not known whether they happened. */
const unsettledFile = ({ tree }: SyncContext): string => join(tree.staging, 'keeping')

function readUnsettled(context: SyncContext): string[] {
  try {
    return readFileSync(unsettledFile(context), 'utf8').split('\n').filter(Boolean)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function writeUnsettled(context: SyncContext, stamps: readonly string[]): void {
  mkdirSync(context.tree.staging, { recursive: true })
  replaceFile(unsettledFile(context), stamps.map((stamp) => `${stamp}\n`).join(''))
}
