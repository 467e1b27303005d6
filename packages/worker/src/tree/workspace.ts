// workspace.ts — Prepares a data_dir once, before the first sync. Deletes nothing that a sync could still use.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
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
  mendMarkers(dataDir, onDamage)
  return { orphans, strangers: readdirSync(paths.stagings(dataDir)).filter((entry) => !knownReplicas.has(entry)) }
}

/** A leftover is in nobody's way: a disk that refuses must not keep the worker from starting. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // The next start removes it.
  }
}
