// orphans.ts — Finds and kills processes left by an earlier run of the worker, by the mark in their environment. Starts
// nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { couldNotLook } from '@kagami/runtime'

/** The environment variable of every program the worker starts; its value is the mark. */
export const MARK_VARIABLE = 'KAGAMI_RUN'

/**
 * Process ids whose environment carries a mark that begins with `prefix`. Empty where there is no /proc. Throws when it
 * has no means to look, as without file descriptors: then nothing is known.
 */
export function findMarked(prefix: string): number[] {
  const wanted = `${MARK_VARIABLE}=${prefix}`
  return listProcesses().filter(
    (pid) => pid !== process.pid && environment(pid).some((entry) => entry.startsWith(wanted)),
  )
}

/**
 * Sends SIGKILL to every marked process and returns how many there were. Call only when no live worker owns the mark.
 */
export function killMarked(prefix: string): number {
  const found = findMarked(prefix)
  for (const pid of found) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // It ended by itself in the meantime, or belongs to another user now.
      if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return found.length
}

/**
 * Bytes that the marked processes which live now have read and written so far, of files, pipes and most sockets; 0
 * where that cannot be read.
 */
export function bytesMoved(prefix: string): number {
  try {
    return findMarked(prefix).reduce((sum, pid) => sum + movedBy(pid), 0)
  } catch {
    // Without the means to look, nothing is known.
    return 0
  }
}

function movedBy(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/io`, 'utf8')
    return [...text.matchAll(/^[rw]char: (\d+)$/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
  } catch {
    return 0
  }
}

function listProcesses(): number[] {
  try {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number)
  } catch (error) {
    if (couldNotLook(error)) throw error
    return []
  }
}

function environment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
  } catch (error) {
    if (couldNotLook(error)) throw error
    return []
  }
}
