// space.ts — How much room the disk of a tree has, and how much of it a sync must leave.
import { statfsSync } from 'node:fs'
import { INTACT } from '@kagami/protocol'
import { freeInodes } from '@kagami/runtime'
import { SyncFailure } from '../provider.ts'

/** A run ends while this much is still free, so that nothing else on the disk is harmed. */
export const FREE_MIN_BYTES = 64 * 1024 * 1024
/** And while so many more files can be made: the worker's own state needs a few. */
export const FREE_MIN_INODES = 100

/** Bytes free for this user on the filesystem of a path; Infinity where that is not known. */
export function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return Infinity
  }
}

/** Whether so many bytes may come onto the disk of a path. */
export function hasRoom(path: string, bytes: number): boolean {
  return bytes + FREE_MIN_BYTES <= freeBytes(path)
}

/** Bytes that must become free before so many may come onto the disk of a path; 0: none. */
export function missingRoom(path: string, bytes: number): number {
  return Math.max(0, bytes + FREE_MIN_BYTES - freeBytes(path))
}

/** The failure for a disk that takes nothing more, bytes or files; null while it has room. */
export function fullDisk(dataDir: string): SyncFailure | null {
  if (freeBytes(dataDir) < FREE_MIN_BYTES)
    return new SyncFailure('disk_full', `less than ${FREE_MIN_BYTES / 1024 ** 2} MiB are free in ${dataDir}`)
  if (freeInodes(dataDir) >= FREE_MIN_INODES) return null
  return new SyncFailure(
    'disk_full',
    `fewer than ${FREE_MIN_INODES} inodes are free in ${dataDir}: its disk takes no more files, whatever their size`,
    { hint: `Remove files from that disk (df -i ${dataDir} shows how many it can take). ${INTACT}` },
  )
}
