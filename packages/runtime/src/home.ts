// home.ts — The home directory, for users who have none too.
import { homedir } from 'node:os'

/** Home directory of this user; `/nonexistent` for one without any, as a container's whose id is in no passwd file. */
export function homeDirectory(): string {
  try {
    return homedir() || '/nonexistent'
  } catch {
    return '/nonexistent'
  }
}
