// forgotten.ts — What replicas that are gone have left below .kagami, which no list of folders shows: first copies that
// were never published, and logs. It goes some days after its last change.
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isSafeId, paths } from '../tree/paths.ts'
import { discardOwn } from './trash.ts'

/** How long it stays, days: a replica that was removed by mistake goes on with it when it is added again by then. */
export const FORGOTTEN_DAYS = 7

const DAY_MS = 24 * 3_600_000

/** What was found, as paths in data_dir: moved to the trash now, and what will be once it is old enough. */
export interface Forgotten {
  readonly moved: readonly string[]
  readonly later: readonly string[]
}

/**
 * Moves what is old enough to the trash. `isKnown`: whether a replica has this id; call it only once the worker knows
 * all of its replicas. A time in the future counts as now. Throws what the disk says.
 */
export function moveForgotten(
  dataDir: string,
  { isKnown, now }: { isKnown(id: string): boolean; now: Date },
): Forgotten {
  const found = [paths.stagings(dataDir), paths.allLogs(dataDir)].flatMap((folder) =>
    entriesOf(folder)
      .filter((entry) => isSafeId(entry) && !isKnown(entry))
      .map((entry) => join(folder, entry)),
  )
  const due = new Set(found.filter((path) => changedAt(path) + FORGOTTEN_DAYS * DAY_MS <= now.getTime()))
  for (const path of due) discardOwn(dataDir, path)
  return { moved: [...due], later: found.filter((path) => !due.has(path)) }
}

/** The last change of a folder, or of what is directly in it, ms. */
function changedAt(folder: string): number {
  const all = [folder, ...entriesOf(folder).map((entry) => join(folder, entry))]
  return Math.max(...all.map((path) => lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0))
}

function entriesOf(folder: string): string[] {
  return existsSync(folder) && lstatSync(folder).isDirectory() ? readdirSync(folder) : []
}
