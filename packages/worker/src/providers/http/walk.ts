// walk.ts — Reads the listings of a whole tree, several at a time. Goes only downwards; what cannot be read is
// reported, not guessed.
import { STATE_FOLDER } from './tree-memory.ts'
import { DISK_OWN, DISK_OWN_WHY, hasDiskOwn, RESERVED_WHY } from '../../names.ts'
import type { Filter } from './filter.ts'
import { createFolderReader, type FolderReader } from './folder.ts'
import type { HttpOptions } from './options.ts'
import type { RemoteFile } from './plan.ts'
import { FRESH_MS } from './receive.ts'
import type { Pipeline } from '../../http/pipeline-request.ts'
import type { Entry, Listing } from '../../listings/listing.ts'
import { SyncFailure, type SyncContext } from '../../provider.ts'
import type { KnownFolder } from './tree-memory.ts'

/** Something that could not be read. */
export interface Unread {
  readonly path: string
  readonly why: string
  /** It may be readable the next time. */
  readonly transient: boolean
}

export interface TreeListing {
  readonly files: ReadonlyMap<string, RemoteFile>
  /** What is known of each folder that was read whole. */
  readonly folders: ReadonlyMap<string, KnownFolder>
  readonly unread: readonly Unread[]
  /** Folders that may not be read, with skip_forbidden: what the copy has there stays. */
  readonly forbidden: ReadonlySet<string>
  /** What is part of the mirror. */
  readonly filter: Filter
  /** Reads files that turned out to be folders. */
  enter(paths: readonly string[]): Promise<void>
}

export interface WalkOptions {
  readonly context: SyncContext
  readonly options: HttpOptions
  readonly openPipeline: () => Pipeline
  readonly base: URL
  readonly root: Listing
  readonly filter: Filter
  readonly headers: Readonly<Record<string, string>>
  /** The folders as they were read before. */
  readonly before: ReadonlyMap<string, KnownFolder>
}

interface Folder {
  readonly path: string
  readonly request: string
  readonly depth: number
  /** Its line in the folder above; null for the tree itself. */
  readonly entry: Entry | null
  /** The folders above it, nearest first. */
  readonly above: Above | null
}

interface Above {
  readonly entries: readonly Entry[]
  readonly above: Above | null
}

interface Walk {
  readonly parts: WalkOptions
  readonly files: Map<string, RemoteFile>
  readonly folders: Map<string, KnownFolder>
  /** Folders that were met. */
  readonly met: Set<string>
  readonly unread: Unread[]
  readonly forbidden: Set<string>
  readonly open: Folder[]
  /** What is above each file that may be a folder: servers that give sizes give none to folders. */
  readonly above: Map<string, Above>
}

/** Every file below the base. Throws SyncFailure when there are more than `max_files`, and when the run is stopped. */
export async function listTree(parts: WalkOptions): Promise<TreeListing> {
  const walk: Walk = {
    parts,
    files: new Map(),
    folders: new Map(),
    met: new Set(),
    unread: [],
    forbidden: new Set(),
    open: [],
    above: new Map(),
  }
  const root: Folder = { path: '', request: parts.base.pathname.slice(0, -1), depth: 0, entry: null, above: null }
  await readOpen(walk, { folder: root, listing: parts.root })
  return {
    ...walk,
    filter: parts.filter,
    async enter(paths) {
      for (const path of paths) {
        const file = walk.files.get(path)
        walk.files.delete(path)
        const above = walk.above.get(path) ?? null
        if (file)
          openFolder(walk, path, {
            path,
            request: file.request,
            depth: path.split('/').length,
            entry: { ...file, directory: true },
            above,
          })
      }
      await readOpen(walk)
    },
  }
}

/** Reads the folders in `open` and all below them; first the pages that follow the one at hand. */
async function readOpen(walk: Walk, start?: { folder: Folder; listing: Listing }): Promise<void> {
  const { context, options, openPipeline } = walk.parts
  const pipeline = openPipeline()
  const reader = createFolderReader({ ...walk.parts, format: walk.parts.root.format, pipeline })
  let read = 0
  try {
    if (start) addListing(walk, start.folder, await reader.readFollowing(start.folder, start.listing))
    await eachAtOnce(walk.open, options.parallel * 4, async (folder) => {
      await readOne(walk, reader, folder)
      context.progress({ phase: 'listing', files: walk.files.size, percent: null })
      read++
    })
    context.signal.throwIfAborted()
    context.log(`${walk.files.size} files in ${read + (start ? 1 : 0)} directories`)
  } finally {
    pipeline.close()
  }
}

async function readOne(walk: Walk, reader: FolderReader, folder: Folder): Promise<void> {
  const { context, options } = walk.parts
  const listing = await reader.read(folder)
  if (!('status' in listing)) return addListing(walk, folder, listing)
  const { status, why, transient } = listing
  // It was a folder when it was last read, and now is the file it is listed as.
  if (folder.entry?.directory === false && status !== 403 && !transient) return addFile(walk, folder, folder.entry)
  if (status === 403) {
    context.leaveOut(`${folder.path}/`, 'the upstream lists it and answers 403: it may not be read')
    if (options.skip_forbidden) return void walk.forbidden.add(folder.path)
  }
  walk.unread.push({ path: `${folder.path}/`, why, transient })
}

/** Works on the items in `open`, and on those added meanwhile, `most` at a time. Rejects with the first error. */
async function eachAtOnce<T>(open: T[], most: number, work: (one: T) => Promise<void>): Promise<void> {
  const active = new Set<Promise<void>>()
  while (open.length > 0 || active.size > 0) {
    while (active.size < most && open.length > 0) {
      const one: Promise<void> = work(open.pop()!).finally(() => active.delete(one))
      active.add(one)
    }
    await Promise.race(active)
  }
}

function addListing(walk: Walk, folder: Folder, listing: Listing): void {
  const { context, before } = walk.parts
  const { entries, refused } = listing
  for (const { name, why } of refused)
    context.leaveOut(folder.path === '' ? name : `${folder.path}/${name}`, `the name ${why}`)
  for (let above = folder.above; above; above = above.above) {
    if (!isSameListing(above.entries, entries)) continue
    context.leaveOut(`${folder.path}/`, 'it shows the same as a folder above it: a link in a circle, not followed')
    return
  }
  const known = knownFolder(folder, listing)
  const doubt = listing.incomplete ?? doubtOf(known, before.get(folder.path))
  if (doubt === null) walk.folders.set(folder.path, known)
  else walk.unread.push({ path: `${folder.path}/`, why: doubt, transient: true })
  for (const entry of entries) addEntry(walk, folder, entry, { entries, above: folder.above })
  refuseTooMany(walk)
}

function addEntry(walk: Walk, folder: Folder, entry: Entry, above: Above): void {
  const { before } = walk.parts
  const path = folder.path === '' ? entry.name : `${folder.path}/${entry.name}`
  if (path === STATE_FOLDER) return walk.parts.context.leaveOut(path, RESERVED_WHY)
  if (path === DISK_OWN && hasDiskOwn(walk.parts.context.tree.published))
    return walk.parts.context.leaveOut(path, DISK_OWN_WHY)
  if (walk.files.has(path) || walk.met.has(path)) return
  const below = { path, request: `${folder.request}/${entry.raw}`, depth: folder.depth + 1, entry, above }
  // Servers that give sizes give none to folders: only others may list one like a file.
  if (entry.directory || (entry.size === null && before.has(path))) openFolder(walk, path, below)
  else addFile(walk, below, entry)
}

function addFile({ parts, files, above }: Walk, { path, request, above: folders }: Folder, entry: Entry): void {
  if (!parts.filter.file(path)) return
  files.set(path, { ...entry, path, request })
  if (entry.size === null && folders) above.set(path, folders)
}

function openFolder({ parts, met, open, unread }: Walk, path: string, folder: Folder): void {
  if (!parts.filter.folder(path)) return
  met.add(path)
  const { max_depth } = parts.options
  if (folder.depth > max_depth)
    unread.push({ path: `${path}/`, why: `deeper than ${max_depth} directories (max_depth)`, transient: false })
  else open.push(folder)
}

function refuseTooMany({ parts, files, met }: Walk): void {
  const { max_files } = parts.options
  if (Math.max(files.size, met.size) > max_files)
    throw new SyncFailure(
      'quota_exceeded',
      `the upstream lists more than ${max_files} files or directories (max_files); nothing was begun`,
    )
}

function isSameListing(one: readonly Entry[], other: readonly Entry[]): boolean {
  return (
    one.length > 0 &&
    one.length === other.length &&
    one.every(({ raw, directory, stamp }, index) => {
      const entry = other[index]!
      return entry.raw === raw && entry.directory === directory && entry.stamp === stamp
    })
  )
}

/** Time zones differ by multiples of this, and listings are in the time of one that is at most so far away, ms. */
const ZONE_MS = 900_000
const FARTHEST_MS = 15 * 3_600_000
/** Losing so many entries, and more than this share, takes a change of the folder's time. */
const LOST_MIN = 2
const LOST_PERCENT = 10

function knownFolder({ entry }: Folder, { entries, refused }: Listing): KnownFolder {
  const time = entry?.time ?? null
  const age = time === null ? 0 : Date.now() - time
  const fresh = Math.abs(age) < FARTHEST_MS && ((age % ZONE_MS) + ZONE_MS) % ZONE_MS < FRESH_MS
  return { stamp: time === null ? '' : entry!.stamp, count: entries.length + refused.length, fresh }
}

/** Why a folder's listing is not believed, by what was read of it before. */
function doubtOf(now: KnownFolder, before: KnownFolder | undefined): string | null {
  if (!before || before.stamp === '' || before.fresh || before.stamp !== now.stamp) return null
  const lost = before.count - now.count
  return lost >= LOST_MIN && lost * 100 > before.count * LOST_PERCENT
    ? `it lists ${now.count} entries where it had ${before.count}, though its time did not change`
    : null
}
