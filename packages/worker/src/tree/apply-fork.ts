// apply-fork.ts — Brings a published tree to what a checked copy of it has: what differs is moved over by rename, the
// indices after what they name, deletions last. The provider that changed the copy is long done.
import { chmodSync, lstatSync, renameSync, utimesSync, type Stats } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { pathBytes, readEntries, type DiskEntry } from '../names.ts'
import type { RunCommand } from '../provider.ts'
import { isUnchanged } from './copy.ts'
import { flushPaths, walkFlushable } from './flush.ts'

/** After so many steps everything else in the worker gets its turn. */
const BREATHE_EVERY = 1000
/** Files that name other files, by their first folder: they come after all others. */
const INDICES = 'dists'
const LISTS = /\/(InRelease|Release|Release\.gpg)$/

export interface ApplyOptions {
  /** The copy; what differs is moved out of it. */
  readonly fork: string
  readonly published: string
  /** A folder on the same filesystem for what goes; it is removed at the end. */
  readonly aside: string
  readonly run: RunCommand
  /** When a copy in full was complete, by the clock of its filesystem; null for one by hard links. */
  readonly copiedAtMs?: number | null
}

/**
 * Makes the published tree equal to its copy. Readers see each file before or after; where an entry becomes one of
 * another kind, neither for an instant. A crash leaves each file old or new, or in that instant missing, and the rest
 * of the copy is not used again.
 */
export async function applyFork({ fork, published, aside, run, copiedAtMs = null }: ApplyOptions): Promise<void> {
  const changes: Changes = { put: [], gone: [], folders: [] }
  const breathe = createBreath()
  for (const step of compareFolders({ fork, published, copiedAtMs }, '')) {
    step(changes)
    await breathe()
  }
  await flushNew(fork, changes.put, run)
  await rm(aside, { recursive: true, force: true })
  await mkdir(aside, { recursive: true, mode: 0o700 })
  const moveAside = createMover(published, aside)
  for (const stage of inStages(changes.put)) {
    for (const { path, makesWay } of stage) {
      if (makesWay) moveAside(path)
      renameSync(pathBytes(join(fork, path)), pathBytes(join(published, path)))
      await breathe()
    }
    // What an index names must be on the disk before it.
    await flushPaths(published, parentsOf(stage), run)
  }
  for (const { path } of changes.gone) {
    moveAside(path)
    await breathe()
  }
  for (const folder of changes.folders) giveDate(join(published, folder.path), folder.stats)
  await flushPaths(published, parentsOf(changes.gone), run)
  await rm(aside, { recursive: true, force: true })
}

interface Put {
  readonly path: string
  /** Whether something of another kind is at its place. */
  readonly makesWay: boolean
  /** Whether it is a whole folder, or something that can be flushed at all. */
  readonly kind: 'folder' | 'file' | 'other'
}

interface Changes {
  readonly put: Put[]
  readonly gone: { readonly path: string }[]
  /** Folders that both have, with the dates and rights of the copy's. */
  readonly folders: { readonly path: string; readonly stats: Stats }[]
}

type Compared = Required<Pick<ApplyOptions, 'fork' | 'published' | 'copiedAtMs'>>

/** What to note of each entry, one after the other; nothing is changed meanwhile. */
function* compareFolders(trees: Compared, below: string): Generator<(changes: Changes) => void> {
  const { fork, published, copiedAtMs } = trees
  const here = new Map(readEntries(join(published, below)).map((entry) => [entry.name, entry]))
  const stats = lstatSync(pathBytes(join(fork, below)))
  yield ({ folders }) => void folders.push({ path: below, stats })
  for (const entry of readEntries(join(fork, below))) {
    const path = join(below, entry.name)
    const old = here.get(entry.name)
    here.delete(entry.name)
    if (old?.isDirectory() && entry.isDirectory()) yield* compareFolders(trees, path)
    else if (!old || !isSame(join(fork, path), join(published, path), copiedAtMs))
      yield ({ put }) => void put.push({ path, makesWay: isInTheWay(old, entry), kind: kindOf(entry) })
    else yield () => {}
  }
  for (const name of here.keys()) yield ({ gone }) => void gone.push({ path: join(below, name) })
}

/** A rename replaces anything but a folder, and by anything but a folder. */
function isInTheWay(old: DiskEntry | undefined, entry: DiskEntry): boolean {
  return old !== undefined && (old.isDirectory() || entry.isDirectory())
}

function kindOf(entry: DiskEntry): Put['kind'] {
  return entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'other'
}

/** A copy by hard links shares what did not change; one in full is compared. */
function isSame(one: string, other: string, copiedAtMs: number | null): boolean {
  if (copiedAtMs !== null) return isUnchanged({ copy: one, original: other, copiedAtMs })
  const [a, b] = [lstatSync(pathBytes(one)), lstatSync(pathBytes(other))]
  return a.ino === b.ino && a.dev === b.dev
}

async function flushNew(fork: string, put: readonly Put[], run: RunCommand): Promise<void> {
  const names = put.flatMap(({ path, kind }) => {
    if (kind === 'other') return []
    return kind === 'file' ? [path] : [path, ...walkFlushable(fork, path)]
  })
  await flushPaths(fork, names, run)
}

/** Indices after everything else, and of these the lists that name the others last. */
function inStages(put: readonly Put[]): Put[][] {
  const stages: Put[][] = [[], [], []]
  for (const one of put) {
    const isIndex = one.path === INDICES || one.path.startsWith(`${INDICES}/`)
    stages[isIndex ? (LISTS.test(one.path) ? 2 : 1) : 0]!.push(one)
  }
  return stages.filter((stage) => stage.length > 0)
}

/** Moves entries out of the tree in one step each, whatever is in them. */
function createMover(published: string, aside: string): (path: string) => void {
  let count = 0
  return (path) => renameSync(pathBytes(join(published, path)), join(aside, String(++count)))
}

function giveDate(folder: string, { mode, atime, mtime, mtimeMs }: Stats): void {
  const found = lstatSync(pathBytes(folder))
  if ((found.mode & 0o7777) !== (mode & 0o7777)) chmodSync(pathBytes(folder), mode & 0o7777)
  if (found.mtimeMs !== mtimeMs) utimesSync(pathBytes(folder), atime, mtime)
}

function parentsOf(changed: readonly { readonly path: string }[]): string[] {
  return [...new Set(changed.map(({ path }) => path.slice(0, Math.max(0, path.lastIndexOf('/')))))]
}

function createBreath(): () => Promise<void> {
  let steps = 0
  return async () => {
    if (++steps % BREATHE_EVERY === 0) await setImmediate()
  }
}
