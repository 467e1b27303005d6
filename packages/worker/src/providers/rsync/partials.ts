// partials.ts — Files rsync could not complete: kept for the next run, outside of the tree people read. Works on paths,
// starts nothing.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PARTIAL } from './options.ts'

/** Moves every folder of incomplete files from a tree into the stash, under its path in the tree. */
export function stashPartials(tree: string, stash: string): void {
  if (!existsSync(tree)) return
  for (const path of partialFolders(tree, '')) {
    const to = join(stash, path)
    rmSync(to, { recursive: true, force: true })
    mkdirSync(dirname(to), { recursive: true })
    renameSync(join(tree, path), to)
  }
}

/**
 * Moves stashed folders back to where rsync looks for them, as far as their parents still exist, and removes the rest.
 */
export function restorePartials(stash: string, tree: string): void {
  if (!existsSync(stash)) return
  for (const path of partialFolders(stash, '')) {
    if (existsSync(dirname(join(tree, path))) && !existsSync(join(tree, path)))
      renameSync(join(stash, path), join(tree, path))
  }
  rmSync(stash, { recursive: true, force: true })
}

/** Removes every folder of incomplete files. */
export function removePartials(tree: string): void {
  for (const path of partialFolders(tree, '')) rmSync(join(tree, path), { recursive: true, force: true })
}

/** Paths of the folders of incomplete files, relative to the root. Links are not followed. */
function partialFolders(root: string, below: string): string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return []
    const path = join(below, entry.name)
    return entry.name === PARTIAL ? [path] : partialFolders(root, path)
  })
}
