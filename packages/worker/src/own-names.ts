// own-names.ts — Every name under which Kagami keeps something of its own in a data_dir or inside of a copy, and which
// no reader may see. Taken from the rooms that use them; looks at no disk.
import { basename, dirname } from 'node:path'
import { DISK_OWN, PART_SUFFIX, RESERVED } from './names.ts'
import { OWN_REFS } from './providers/git-refs/selection.ts'
import { STATE_FILE } from './providers/git-lfs/store.ts'
import { NO_CONTENT } from './tree/mount.ts'
import { paths } from './tree/paths.ts'

/** What must not be served of a data_dir. */
export interface OwnNames {
  /** Names of files and folders, at any depth. */
  readonly names: readonly string[]
  /** Ends of names, at any depth. */
  readonly suffixes: readonly string[]
  /** Several names with slashes between them, at any depth. */
  readonly paths: readonly string[]
  /** Names at the top of data_dir, and at the top of a copy that is a disk of its own. */
  readonly tops: readonly string[]
}

/** The names that servers hide. */
export const ownNames: OwnNames = {
  names: [
    basename(paths.own('/')),
    basename(dirname(paths.generations('/', 'name'))),
    ...Object.values(RESERVED),
    ...NO_CONTENT.filter((name) => name !== DISK_OWN),
  ],
  suffixes: [PART_SUFFIX],
  paths: [OWN_REFS, STATE_FILE, `${STATE_FILE}.lock`],
  tops: [DISK_OWN],
}
