// space.ts — How much room the disk of a tree has, and how much of it a sync must leave.
import { statfsSync } from 'node:fs'

/** A run ends while this much is still free, so that nothing else on the disk is harmed. */
export const FREE_MIN_BYTES = 64 * 1024 * 1024

/** Bytes free for this user on the filesystem of a path; Infinity where that is not known. */
export function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return Infinity
  }
}
