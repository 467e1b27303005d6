// folders.ts — Counts for each folder what a run takes from it and brings into it: one that lost entries without a
// newer time may be a disk that is not mounted. Looks at those that would shrink.
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { pathBytes, readEntries } from '../../names.ts'
import type { ShrinkingFolder } from '../../provider.ts'

/** A folder that loses fewer entries is not looked at. */
const SHRINKING_MIN = 3

export interface FolderTally {
  /** `meant`: it goes though the upstream may have it. */
  lose(name: string | null, meant: boolean): void
  /** Something else than a folder gets this name, or has it. */
  take(name: string | null): void
  gain(name: string | null): void
  /** The upstream says another time of a folder, Unix seconds. */
  date(name: string, seconds: number): void
  stays(folder: string): boolean
  makesWay(): boolean
  shrinking(tree: string): ShrinkingFolder[]
}

/**
 * Counts for each folder what goes from it and what comes into it. Who removes entries of a folder gives it a newer
 * time; one that lost them without that may be a disk that is not mounted.
 */
export function createFolderTally(): FolderTally {
  const losses = new Map<string, number>()
  const gone = new Set<string>()
  const dates = new Map<string, number>()
  let makesWay = false
  return {
    lose(name, meant) {
      if (name === null) return
      if (name.endsWith('/')) gone.add(name.slice(0, -1))
      if (meant) return
      const folder = parentOf(name)
      losses.set(folder, (losses.get(folder) ?? 0) + 1)
    },
    take(name) {
      // What is in the way of another kind is deleted first, so it was counted by now.
      if (name === null || !losses.has(name)) return
      gone.add(name)
      makesWay = true
    },
    gain(name) {
      if (name === null) return
      const folder = parentOf(name)
      losses.set(folder, (losses.get(folder) ?? 0) - 1)
    },
    date: (name, seconds) => void dates.set(name === './' ? '' : name.slice(0, -1), seconds),
    stays: (folder) => !gone.has(folder),
    makesWay: () => makesWay,
    shrinking: (tree) =>
      [...losses].flatMap(([path, lost]) => {
        if (lost < SHRINKING_MIN || gone.has(path)) return []
        const folder = join(tree, path)
        const found = lstatSync(pathBytes(folder), { throwIfNoEntry: false })
        if (!found?.isDirectory() || (dates.get(path) ?? -Infinity) > Math.floor(found.mtimeMs / 1000)) return []
        const before = readEntries(folder).length
        return [{ path, before, after: Math.max(0, before - lost) }]
      }),
  }
}

function parentOf(name: string): string {
  const path = name.endsWith('/') ? name.slice(0, -1) : name
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
