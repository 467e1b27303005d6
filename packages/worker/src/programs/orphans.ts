// orphans.ts — Finds and kills processes left by an earlier run of the worker, by the mark in their environment. Starts
// nothing.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { couldNotLook } from '@kagami/runtime'
import type { ProcessMoves } from '../provider.ts'

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
  return movesOf(prefix).reduce((sum, { read, written }) => sum + read + written, 0)
}

/** What each of the marked processes that live now has moved so far; none where that cannot be read. */
export function movesOf(prefix: string): ProcessMoves[] {
  try {
    return findMarked(prefix).flatMap((pid) => movedBy(pid) ?? [])
  } catch {
    // Without the means to look, nothing is known.
    return []
  }
}

/** Whether this machine tells what processes read and write. */
export function canSeeMoves(): boolean {
  try {
    return /^wchar: /m.test(readFileSync('/proc/self/io', 'utf8'))
  } catch {
    return false
  }
}

function movedBy(pid: number): ProcessMoves | null {
  try {
    const [read = 0, written = 0] = [...readFileSync(`/proc/${pid}/io`, 'utf8').matchAll(/^[rw]char: (\d+)$/gm)].map(
      ([, bytes]) => Number(bytes),
    )
    // The name of the program, in brackets, may itself have brackets and spaces.
    const parent = /^.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1]
    return { pid, parent: Number(parent), program: readlinkSync(`/proc/${pid}/exe`), read, written }
  } catch {
    return null
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
