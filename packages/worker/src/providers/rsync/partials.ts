// partials.ts — Files rsync could not complete: kept for the next run, outside of the tree people read. Works on paths,
// starts nothing.
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathBytes, readEntries, removePath, type DiskEntry } from '../../names.ts'
import { PARTIAL } from './options.ts'

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
