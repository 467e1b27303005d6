// plan.ts — Compares what an upstream lists with what is here, and decides for each file. Pure.
import type { Entry } from '../../listings/listing.ts'
import { showName } from '../../names.ts'
import type { Filter } from './filter.ts'
import type { LocalFile, LocalTree } from './local.ts'
import type { KnownFile, KnownFolder } from './tree-memory.ts'
import type { ShrinkingFolder } from '../../provider.ts'

/** A file the upstream lists. */
export interface RemoteFile extends Entry {
  readonly path: string
  /** Its path in the request line. */
  readonly request: string
}

/** What is done about a file: nothing, a conditional request, or a download. */
export type Verdict = 'same' | 'ask' | 'fetch'

export interface Comparison {
  readonly remote: RemoteFile
  readonly local: LocalFile | null | undefined
  readonly known: KnownFile | undefined
  readonly compare: 'auto' | 'listing' | 'ask'
  /** A file that nothing is known of is the upstream's when it has its size, whatever its time. */
  readonly bySize: boolean
}

/** Decides what is done about one file. */
export function decideFile({ remote, local, known, compare, bySize }: Comparison): Verdict {
  if (!local) return 'fetch'
  if (known) {
    if (local.size !== known.size || local.mtime !== known.mtime) return 'fetch'
    // Whatever the server says about its validators: another size is another file.
    if (remote.exact && remote.size !== local.size) return 'fetch'
    const unchanged = remote.stamp === known.stamp && showsChanges(remote, compare)
    const hasValidators = known.etag !== '' || known.modified !== ''
    if (unchanged && compare !== 'ask' && !(known.fresh && hasValidators)) return 'same'
    return hasValidators ? 'ask' : 'fetch'
  }
  return compare !== 'ask' &&
    remote.exact &&
    remote.size === local.size &&
    (bySize || (remote.time !== null && sameTime(remote, local)))
    ? 'same'
    : 'fetch'
}

/** Whether a listing says enough about a file to notice a change. */
function showsChanges({ exact, time, size }: RemoteFile, compare: Comparison['compare']): boolean {
  return time !== null && (exact || (compare === 'listing' && size !== null))
}

function sameTime({ time, grain }: RemoteFile, { mtime }: LocalFile): boolean {
  return Math.floor((mtime * 1000) / grain) === Math.floor(time! / grain)
}

/** What a tree will be, for the guard. */
export interface Outlook {
  readonly removed: number
  readonly total: number
  readonly examples: string[]
  readonly incomingBytes: number | null
  readonly sizeBeforeBytes: number
  readonly sizeAfterBytes: number | null
}

const EXAMPLES_MAX = 200

/**
 * Counts what would be deleted and what would be downloaded. `sizeOf`: bytes a wanted file will have; null when not
 * known. `deletes`: whether anything is deleted at all.
 */
export function planOf(parts: {
  local: ReadonlyMap<string, LocalFile | null>
  wanted: ReadonlyMap<string, RemoteFile>
  fetching: Iterable<string>
  sizeOf: (remote: RemoteFile) => number | null
  /** Whether a path that is here stays. */
  keeps: (path: string) => boolean
  /** What is not of the mirror: it takes space, and no share of it can be lost. */
  isOwn: (path: string) => boolean
  deletes: boolean
}): Outlook {
  const { local, wanted, keeps, isOwn, deletes, sizeOf } = parts
  let [before, kept, removed, own] = [0, 0, 0, 0]
  const examples: string[] = []
  for (const [path, file] of local) {
    before += file?.size ?? 0
    if (wanted.has(path)) continue
    if (isOwn(path)) own++
    if (!deletes || keeps(path)) kept += file?.size ?? 0
    else if (++removed <= EXAMPLES_MAX) examples.push(path)
  }
  const incoming = sum([...parts.fetching].map((path) => sizeOf(wanted.get(path)!)))
  const after = sum([...wanted.values()].map(sizeOf))
  return {
    removed,
    total: local.size - own,
    examples,
    incomingBytes: incoming,
    sizeBeforeBytes: before,
    sizeAfterBytes: after === null ? null : after + kept,
  }
}

function sum(sizes: readonly (number | null)[]): number | null {
  let total = 0
  for (const size of sizes) {
    if (size === null) return null
    total += size
  }
  return total
}

/** Folders that lose fewer entries than this are not looked at. */
const SHRINKING_MIN = 3

/** The folders that stay and would have fewer entries. */
export function shrinkingFolders(
  local: LocalTree,
  listed: {
    readonly files: ReadonlyMap<string, unknown>
    readonly folders: ReadonlyMap<string, KnownFolder>
    readonly filter: Pick<Filter, 'holds'>
  },
  { keeps, isOwn }: { keeps: (path: string) => boolean; isOwn: (path: string) => boolean },
): ShrinkingFolder[] {
  const here = new Map<string, number>()
  const there = new Map<string, number>()
  const count = (counts: Map<string, number>, path: string) => {
    // What goes because the options leave it out is missing from no disk of the upstream.
    if (!listed.filter.holds(path)) return
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  for (const path of local.files.keys()) {
    if (isOwn(path)) continue
    count(here, path)
    if (keeps(path) && !listed.files.has(path)) count(there, path)
  }
  for (const path of local.folders) if (!isOwn(`${path}/`)) count(here, path)
  for (const path of listed.files.keys()) count(there, path)
  for (const path of listed.folders.keys()) if (path !== '') count(there, path)
  return [...here]
    .filter(([path]) => listed.folders.has(path))
    .map(([path, before]) => ({ path, before, after: there.get(path) ?? 0 }))
    .filter(({ before, after }) => before - after >= SHRINKING_MIN)
}

/** Whether a path, with a slash at the end for a folder, is one of these or below one that ends in a slash. */
export function isAmong(own: ReadonlySet<string>, path: string): boolean {
  if (own.size === 0) return false
  if (own.has(path)) return true
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    if (own.has(path.slice(0, slash + 1))) return true
  return false
}

/** Which paths stay: what is listed, what is not of the mirror, and all below a folder that may not be read. */
export function keeperOf(
  { files, forbidden }: { readonly files: ReadonlyMap<string, unknown>; readonly forbidden: ReadonlySet<string> },
  own: ReadonlySet<string>,
): (path: string) => boolean {
  if (forbidden.size === 0) return (path) => files.has(path) || isAmong(own, path)
  return (path) => files.has(path) || isAmong(own, path) || isBelowAny(path, forbidden)
}

/** Whether a path is below one of some folders. */
export function isBelowAny(path: string, folders: ReadonlySet<string>): boolean {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    if (folders.has(path.slice(0, slash))) return true
  return false
}

/**
 * What in a folder that was taken over is not of the upstream: files, and folders as a whole where the upstream has
 * nothing below. What the upstream lists, now or later, is its own, and what stands in its way too. `recorded`: what
 * was found before; null: nothing is known yet. `fetched`: what is known to come from the upstream, for that case.
 */
export function ownPaths(parts: {
  recorded: Iterable<string> | null
  local: LocalTree
  listed: ReadonlyMap<string, unknown>
  fetched: readonly ReadonlyMap<string, unknown>[]
}): Set<string> {
  const { recorded, local, listed } = parts
  const taken = recorded === null ? [listed, ...parts.fetched] : [listed]
  const isTaken = (path: string) => taken.some((paths) => paths.has(path))
  const folders = foldersAbove(taken)
  const own = new Set<string>()
  const opened = new Set<string>()
  for (const entry of recorded ?? []) {
    const path = entry.endsWith('/') ? entry.slice(0, -1) : entry
    if (listed.has(path) || hasFileAbove(listed, path)) continue
    if (!folders.has(path)) own.add(entry)
    else if (entry !== path) opened.add(entry)
  }
  const consider = (path: string) => {
    if ((recorded !== null && !isAmong(opened, path)) || isTaken(path) || hasFileAbove(listed, path)) return
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
      if (!folders.has(path.slice(0, slash))) return void own.add(path.slice(0, slash + 1))
    if (!path.endsWith('/') && !folders.has(path)) own.add(path)
  }
  for (const path of local.files.keys()) consider(path)
  for (const path of local.folders) consider(`${path}/`)
  return own
}

/** Files that the upstream does not list and nothing of it takes the place of, with their bytes. */
export function goneFiles(
  local: LocalTree['files'],
  listed: { readonly files: ReadonlyMap<string, unknown>; readonly folders: ReadonlyMap<string, unknown> },
  keeps: (path: string) => boolean,
): [path: string, size: number][] {
  const folders = foldersAbove([listed.files])
  return [...local].flatMap(([path, file]): [string, number][] => {
    if (file === null || keeps(path) || listed.folders.has(path) || folders.has(path)) return []
    return hasFileAbove(listed.files, path) ? [] : [[path, file.size]]
  })
}

/** A tree without some files, and without the folders that only these are in. */
export function withoutFiles({ files, folders }: LocalTree, isLeftOut: (path: string) => boolean): LocalTree {
  const [left, out] = [new Map<string, LocalFile | null>(), new Map<string, LocalFile | null>()]
  for (const [path, file] of files) (isLeftOut(path) ? out : left).set(path, file)
  if (out.size === 0) return { files, folders }
  const [needed, emptied] = [foldersAbove([left]), foldersAbove([out])]
  return { files: left, folders: folders.filter((path) => needed.has(path) || !emptied.has(path)) }
}

const NAMED = 3

/** One line on the files that are here and not of the mirror; null when there are none. */
export function describeOwn(local: LocalTree, own: ReadonlySet<string>): string | null {
  const found = [...local.files].filter(([path]) => isAmong(own, path))
  if (found.length === 0) return null
  const bytes = found.reduce((sum, [, file]) => sum + (file?.size ?? 0), 0)
  const names = found.slice(0, NAMED).map(([path]) => showName(path))
  return (
    `${found.length} ${found.length === 1 ? 'file' : 'files'} that the upstream does not list (${bytes} bytes) were ` +
    `here before and stay: ${names.join(', ')}${found.length > NAMED ? ', …' : ''}; own_files = "delete" removes them`
  )
}

function hasFileAbove(files: ReadonlyMap<string, unknown>, path: string): boolean {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    if (files.has(path.slice(0, slash))) return true
  return false
}

function foldersAbove(trees: readonly ReadonlyMap<string, unknown>[]): Set<string> {
  const folders = new Set<string>()
  for (const tree of trees)
    for (const path of tree.keys())
      for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
        const folder = path.slice(0, slash)
        if (folders.has(folder)) break
        folders.add(folder)
      }
  return folders
}
