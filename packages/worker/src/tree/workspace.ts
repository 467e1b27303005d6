// workspace.ts — Prepares a data_dir once, before the first sync, and gives a run a private folder in it. Deletes
// nothing that a sync could still use.
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Damage } from '@kagami/runtime'
import { killMarked } from '../programs/orphans.ts'
import { mendMarkers } from './marker.ts'
import { paths } from './paths.ts'

export interface Workspace {
  /** Processes of an earlier worker that were still running and were killed. */
  readonly orphans: number
  /** Staging folders of replicas that are not known; kept until somebody removes them. */
  readonly strangers: string[]
}

/** The mark of every program started for this data_dir. */
export function workspaceMark(dataDir: string): string {
  return `${dataDir}:`
}

/**
 * Creates the folders, kills leftovers of a killed worker and removes temporary files. Call only while the data_dir is
 * locked. Throws when it cannot be written.
 */
export function prepareWorkspace(
  dataDir: string,
  knownReplicas: ReadonlySet<string> = new Set(),
  onDamage: (damage: Damage) => void = () => {},
): Workspace {
  const orphans = killMarked(workspaceMark(dataDir))
  mkdirSync(paths.stagings(dataDir), { recursive: true })
  mkdirSync(paths.markers(dataDir), { recursive: true })
  for (const entry of readdirSync(paths.markers(dataDir))) {
    if (entry.endsWith('.tmp')) removeIfPossible(join(paths.markers(dataDir), entry))
  }
  removeIfPossible(paths.scratches(dataDir))
  mendMarkers(dataDir, onDamage)
  return { orphans, strangers: readdirSync(paths.stagings(dataDir)).filter((entry) => !knownReplicas.has(entry)) }
}

/** The private folder of one run. */
export interface Scratch {
  /** Its absolute path. It is made with the first call. */
  path(): string
  /** Removes it with everything in it. Never throws: what is left is removed at the next start. */
  remove(): Promise<void>
}

/** A folder that is not made yet. */
export function createScratch(dataDir: string, syncId: string): Scratch {
  let made: string | null = null
  return {
    path() {
      if (made !== null) return made
      mkdirSync(paths.scratches(dataDir), { recursive: true, mode: 0o700 })
      chmodSync(paths.scratches(dataDir), 0o700)
      made = paths.scratch(dataDir, syncId)
      rmSync(made, { recursive: true, force: true })
      mkdirSync(made, { mode: 0o700 })
      return made
    },
    async remove() {
      if (made !== null) await rm(made, { recursive: true, force: true }).catch(() => {})
    },
  }
}

/** A leftover is in nobody's way: a disk that refuses must not keep the worker from starting. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // The next start removes it.
  }
}
