// copy.ts — Copies of a published tree to be changed, by hard links or in full, and what changed in one. Also whether a
// filesystem can have links at all, found out before anything is fetched.
import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { copyingFailure } from '../local-failure.ts'
import { pathBytes, readEntries } from '../names.ts'
import { SyncFailure, type Difference, type RunCommand } from '../provider.ts'

const REFUSED = new RegExp(
  '\\blink\\b.*: (Operation not permitted|Operation not supported|Not supported|Function not implemented|' +
    'Too many links|Invalid cross-device link)$',
  'm',
)
const CHUNK_BYTES = 1024 * 1024
/** Names that are listed of each sort. */
const NAMED = 500
/** After so many entries everything else in the worker gets its turn. */
const BREATHE_EVERY = 500

/** Tools keep times to the second, some of them. */
const SAME_TIME_MS = 1000

/**
 * Copies everything in a folder into another, whose files may be hard links. Returns why they are none where hard links
 * are refused, else null. Throws SyncFailure with what this machine refuses.
 */
export async function copyTree(from: string, to: string, run: RunCommand): Promise<string | null> {
  mkdirSync(to, { recursive: true, mode: 0o755 })
  const linked = await run('cp', ['-al', '--', `${from}/.`, `${to}/`])
  if (linked.code === 0) return null
  const refused = refusalIn(linked.tail)
  if (refused === null) throw copyFailed('by hard links', to, linked)
  rmSync(to, { recursive: true, force: true })
  await copyInFull(from, to, run)
  return refused
}

/** Copies everything in a folder into a new one that shares no file with it. Throws SyncFailure. */
export async function copyInFull(from: string, to: string, run: RunCommand): Promise<void> {
  mkdirSync(to, { recursive: true, mode: 0o755 })
  const copied = await run('cp', ['-a', '--reflink=auto', '--', `${from}/.`, `${to}/`], { silent: true })
  if (copied.code !== 0) throw copyFailed('in full', to, copied)
}

/** Whether copies in a folder share their blocks with the original until one is changed, and so take no space. */
export async function sharesBlocks(folder: string, run: RunCommand): Promise<boolean> {
  const place = mkdtempSync(join(folder, 'try-'))
  try {
    const [from, to] = [join(place, 'from'), join(place, 'to')]
    writeFileSync(from, 'x'.repeat(8192))
    const { code } = await run('cp', ['--reflink=always', '--', from, to], { onLine: () => false })
    return code === 0
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** Tries in a folder what a copy by hard links needs, with the program that makes it; returns why it is refused. */
export async function linksRefused(folder: string, run: RunCommand): Promise<string | null> {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const place = mkdtempSync(join(folder, 'try-'))
  try {
    const [from, to] = [join(place, 'from'), join(place, 'to')]
    for (const one of [from, to]) mkdirSync(one)
    writeFileSync(join(from, 'file'), 'x')
    const said: string[] = []
    const onLine = (line: string) => said.push(line) === 0
    const { code } = await run('cp', ['-al', '--', `${from}/.`, `${to}/`], { onLine })
    return code === 0 ? null : refusalIn(said.join('\n'))
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** Throws SyncFailure local_conflict when a folder cannot have symbolic links that are replaced by a rename. */
export function requireSymlinks(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const place = mkdtempSync(join(folder, 'try-'))
  try {
    const [link, next] = [join(place, 'link'), join(place, 'next')]
    for (const one of [link, next]) symlinkSync('.', one)
    renameSync(next, link)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined || !['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL', 'EACCES'].includes(code))
      throw error
    throw new SyncFailure(
      'local_conflict',
      `publish = "swap" needs symbolic links, which are refused in ${folder} (${code}); nothing was fetched`,
      { hint: 'Set publish = "in-place", or move data_dir to a filesystem with symbolic links.', cause: error },
    )
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** What an entry of a copy in full is compared by. */
export interface CopiedEntry {
  readonly copy: string
  readonly original: string
  /** When the copy was complete, by the clock of its filesystem. */
  readonly copiedAtMs: number
}

/**
 * Whether an entry of a copy in full is still what was copied. Bytes are compared only where the entry was touched
 * after it was copied.
 */
export function isUnchanged({ copy, original, copiedAtMs }: CopiedEntry): boolean {
  const [a, b] = [lstatSync(pathBytes(copy)), lstatSync(pathBytes(original))]
  if (a.isSymbolicLink() && b.isSymbolicLink())
    return readlinkSync(pathBytes(copy), 'buffer').equals(readlinkSync(pathBytes(original), 'buffer'))
  if (!a.isFile() || !b.isFile() || a.size !== b.size || a.mode !== b.mode) return false
  if (a.uid !== b.uid || a.gid !== b.gid || Math.floor(a.mtimeMs) !== Math.floor(b.mtimeMs)) return false
  return a.ctimeMs < copiedAtMs || hasSameBytes(copy, original)
}

/** Two trees, and how one was made of the other. */
export interface Trees {
  readonly fork: string
  readonly published: string
  /** When the copy was complete, by the clock of its filesystem. */
  readonly madeAtMs: number
  /** Whether its files are hard links. */
  readonly linked: boolean
}

/** Compares a copy with what it was made of. Throws what the disk refuses. */
export async function compareTrees(trees: Trees): Promise<Difference> {
  const counts = noCounts()
  let steps = 0
  for (const step of compareFolders(trees, '')) {
    step(counts)
    if (++steps % BREATHE_EVERY === 0) await setImmediate()
  }
  const { removed, examples, changed, changedBytes, folders, disguised, touched } = counts
  return {
    before: { entries: counts.entriesBefore, sizeBytes: counts.bytesBefore },
    after: { entries: counts.entriesAfter, sizeBytes: counts.bytesAfter },
    removed,
    examples,
    changed,
    changedBytes,
    folders,
    disguised,
    touched,
  }
}

/**
 * Replaces what did not change in a copy in full by hard links to what it was made of, so that both together take the
 * space of one; where links are refused, the rest stays as it is. `aside`: a path on the same filesystem that is free.
 */
export async function linkUnchanged(trees: Omit<Trees, 'linked'>, aside: string): Promise<void> {
  let steps = 0
  try {
    for (const link of linkable(trees, '')) {
      link(aside)
      if (++steps % BREATHE_EVERY === 0) await setImmediate()
    }
  } catch (error) {
    if (!['EPERM', 'EMLINK', 'EOPNOTSUPP', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

/** The entries of a tree: files and links, and their sizes in bytes. */
export async function countTree(tree: string): Promise<Difference['before']> {
  let [entries, sizeBytes] = [0, 0]
  for (const path of walk(tree, '')) {
    sizeBytes += lstatSync(pathBytes(join(tree, path)), { throwIfNoEntry: false })?.size ?? 0
    if (++entries % BREATHE_EVERY === 0) await setImmediate()
  }
  return { entries, sizeBytes }
}

/** What of a tree can be told that was changed where people read: how much there was, and how much there is. */
export function countsOnly(before: Difference['before'], after: Difference['after']): Difference {
  const removed = Math.max(0, before.entries - after.entries)
  return {
    before,
    after,
    removed,
    examples: [],
    changed: null,
    changedBytes: null,
    folders: 0,
    disguised: [],
    touched: [],
  }
}

function hasSameBytes(one: string, other: string): boolean {
  const handles = [one, other].map((path) => openSync(pathBytes(path), 'r')) as [number, number]
  const [a, b] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)]
  try {
    for (;;) {
      const [read, same] = [readSync(handles[0], a), readSync(handles[1], b)]
      if (read !== same || !a.subarray(0, read).equals(b.subarray(0, same))) return false
      if (read === 0) return true
    }
  } finally {
    for (const handle of handles) closeSync(handle)
  }
}

/** Why the system refused a hard link, in its words; null when something else went wrong. */
function refusalIn(tail: string): string | null {
  return REFUSED.exec(tail)?.[1] ?? null
}

function copyFailed(how: string, to: string, { code, tail }: { code: number | null; tail: string }): SyncFailure {
  const facts = { tail, exitCode: code }
  const message = `the tree cannot be copied ${how}: ${tail.split('\n').at(-1) ?? ''}`
  return copyingFailure(tail, to, facts) ?? new SyncFailure('disk_error', message, facts)
}

type Counts = { -readonly [Key in keyof Difference]: Difference[Key] extends readonly string[] ? string[] : number } & {
  entriesBefore: number
  bytesBefore: number
  entriesAfter: number
  bytesAfter: number
}

function noCounts(): Counts {
  const zero = { removed: 0, changed: 0, changedBytes: 0, folders: 0 }
  const sides = { entriesBefore: 0, bytesBefore: 0, entriesAfter: 0, bytesAfter: 0, before: 0, after: 0 }
  return { ...zero, ...sides, examples: [], disguised: [], touched: [] }
}

function* compareFolders(trees: Trees, below: string): Generator<(counts: Counts) => void> {
  const { fork, published } = trees
  const here = new Map(readEntries(join(published, below)).map((entry) => [entry.name, entry]))
  for (const entry of readEntries(join(fork, below))) {
    const path = join(below, entry.name)
    const old = here.get(entry.name)
    if (entry.isDirectory()) {
      if (!old?.isDirectory()) {
        yield addFolder
        for (const added of walk(fork, path)) yield (counts) => addNew(counts, fork, added)
        continue
      }
      here.delete(entry.name)
      if (rightsOf(join(fork, path)) !== rightsOf(join(published, path))) yield addFolder
      yield* compareFolders(trees, path)
    } else if (old && !old.isDirectory()) {
      here.delete(entry.name)
      yield (counts) => addPair(counts, trees, path)
    } else yield (counts) => addNew(counts, fork, path)
  }
  for (const [name, old] of here) {
    const path = join(below, name)
    if (old.isDirectory()) yield addFolder
    for (const gone of old.isDirectory() ? walk(published, path) : [path])
      yield (counts) => addGone(counts, published, gone)
  }
}

function* walk(tree: string, below: string): Generator<string> {
  for (const entry of readEntries(join(tree, below))) {
    const path = join(below, entry.name)
    if (entry.isDirectory()) yield* walk(tree, path)
    else yield path
  }
}

function addFolder(counts: Counts): void {
  counts.folders++
}

const rightsOf = (path: string) => lstatSync(pathBytes(path)).mode

function addNew(counts: Counts, fork: string, path: string): void {
  const { size } = lstatSync(pathBytes(join(fork, path)))
  counts.entriesAfter++
  counts.bytesAfter += size
  counts.changed++
  counts.changedBytes += size
}

function addGone(counts: Counts, published: string, path: string): void {
  counts.entriesBefore++
  counts.bytesBefore += lstatSync(pathBytes(join(published, path))).size
  counts.removed++
  list(counts.examples, path)
}

function addPair(counts: Counts, { fork, published, madeAtMs, linked }: Trees, path: string): void {
  const [copy, original] = [join(fork, path), join(published, path)]
  const [a, b] = [lstatSync(pathBytes(copy)), lstatSync(pathBytes(original))]
  counts.entriesBefore++
  counts.entriesAfter++
  counts.bytesBefore += b.size
  counts.bytesAfter += a.size
  const shared = linked && a.ino === b.ino && a.dev === b.dev
  if (shared && a.ctimeMs > madeAtMs) list(counts.touched, path)
  if (shared || (!linked && isUnchanged({ copy, original, copiedAtMs: madeAtMs }))) return
  counts.changed++
  counts.changedBytes += a.size
  if (a.size === b.size && Math.abs(a.mtimeMs - b.mtimeMs) < SAME_TIME_MS) list(counts.disguised, path)
}

function list(names: string[], path: string): void {
  if (names.length < NAMED) names.push(path)
}

function* linkable(trees: Omit<Trees, 'linked'>, below: string): Generator<(aside: string) => void> {
  const { fork, published, madeAtMs } = trees
  const folder = join(fork, below)
  const { atime, mtime } = lstatSync(pathBytes(folder))
  const here = new Map(readEntries(join(published, below)).map((entry) => [entry.name, entry]))
  let linked = 0
  for (const entry of readEntries(folder)) {
    const path = join(below, entry.name)
    const old = here.get(entry.name)
    if (entry.isDirectory() && old?.isDirectory()) yield* linkable(trees, path)
    if (!entry.isFile() || !old?.isFile()) continue
    const [copy, original] = [join(fork, path), join(published, path)]
    // What has several names in the copy keeps them.
    if (lstatSync(pathBytes(copy)).nlink > 1 || !isUnchanged({ copy, original, copiedAtMs: madeAtMs })) continue
    linked++
    yield (aside) => {
      rmSync(aside, { force: true })
      linkSync(pathBytes(original), aside)
      renameSync(aside, pathBytes(copy))
    }
  }
  if (linked > 0) yield () => utimesSync(pathBytes(folder), atime, mtime)
}
