// partials.ts — Files rsync could not complete: kept for the next run, outside of the tree people read. Works on paths,
// starts nothing.
import { existsSync, lstatSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathBytes, readEntries, removePath, RESERVED_WHY, type DiskEntry } from '../../names.ts'
import { removeEmptyFolders, removeFiles } from '../remove-kept.ts'
import { withoutSlash } from './listed.ts'
import { PARTIAL } from './options.ts'

/** So many entries are looked at before others have their turn. */
const BREATHE_EVERY = 5000

/** Moves every folder of incomplete files from a tree into the stash, under its path in the tree. */
export function stashPartials(tree: string, stash: string): void {
  if (!existsSync(tree)) return
  for (const path of partialFolders(tree, '')) {
    const to = join(stash, path)
    removePath(to)
    mkdirSync(pathBytes(dirname(to)), { recursive: true })
    movePartial(join(tree, path), to)
  }
}

/**
 * Moves stashed folders back to where rsync looks for them, as far as their parents still exist and `stays`, and
 * removes the rest.
 */
export function restorePartials(stash: string, tree: string, stays: (folder: string) => boolean): void {
  if (!existsSync(stash)) return
  for (const path of partialFolders(stash, '')) {
    const to = join(tree, path)
    if (stays(parentOf(path)) && existsSync(pathBytes(dirname(to))) && !existsSync(pathBytes(to)))
      movePartial(join(stash, path), to)
  }
  removePath(stash)
}

/** Between two disks nothing is kept: rsync fetches these files anew. */
function movePartial(from: string, to: string): void {
  try {
    renameSync(pathBytes(from), pathBytes(to))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    removePath(from)
  }
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** Removes every folder of incomplete files. */
export function removePartials(tree: string): void {
  for (const path of partialFolders(tree, '')) removePath(join(tree, path))
}

/** Something of the upstream that had a reserved name. */
export interface ReservedEntry {
  readonly name: string
  readonly why: string
  readonly isFile: boolean
  /** Bytes that rsync counts of it. */
  readonly size: number
}

/**
 * Removes what came from the upstream under the reserved name, and returns it: rsync fetched nothing below. Folders of
 * incomplete files stay, and those that it was in keep their times.
 */
export async function removeReserved(tree: string): Promise<ReservedEntry[]> {
  const found = await findReserved(tree)
  const names = found.map(({ name }) => name)
  await removeFiles(
    tree,
    names.filter((name) => !name.endsWith('/')),
  )
  removeEmptyFolders(tree, names.filter((name) => name.endsWith('/')).map(withoutSlash))
  return found
}

async function findReserved(tree: string): Promise<ReservedEntry[]> {
  const found: ReservedEntry[] = []
  const folders = ['']
  let seen = 0
  for (let below = folders.pop(); below !== undefined; below = folders.pop())
    for (const entry of entriesOf(join(tree, below))) {
      if (++seen % BREATHE_EVERY === 0) await new Promise((resolve) => setImmediate(resolve))
      const [path, isFolder] = [join(below, entry.name), entry.isDirectory()]
      if (entry.name === PARTIAL) found.push(reservedAt(tree, isFolder ? `${path}/` : path, entry.isFile()))
      else if (isFolder) folders.push(path)
    }
  return found
}

function reservedAt(tree: string, name: string, isFile: boolean): ReservedEntry {
  const size = name.endsWith('/') ? 0 : lstatSync(pathBytes(join(tree, name))).size
  return { name, why: RESERVED_WHY, isFile, size }
}

/** Paths of the folders of incomplete files, relative to the root. Links are not followed. */
function partialFolders(root: string, below: string): string[] {
  return entriesOf(join(root, below)).flatMap((entry) => {
    if (!entry.isDirectory()) return []
    const path = join(below, entry.name)
    return entry.name === PARTIAL ? [path] : partialFolders(root, path)
  })
}

/** None in a folder that this user may not read: no run of this worker wrote there. */
function entriesOf(folder: string): DiskEntry[] {
  try {
    return readEntries(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return []
    throw error
  }
}
