// files.ts — Small files that survive a power cut: written aside, flushed, renamed, directory flushed.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Replaces `path` in one step: readers and crashes see the old text or the new one. */
export function writeDurably(path: string, text: string, mode = 0o600): void {
  const aside = `${path}.${process.pid}.tmp`
  const file = openIn(dirname(path), aside, mode)
  try {
    // Not writeSync: on a disk that is nearly full it writes a part, and says so only in what it returns.
    writeFileSync(file, text)
    fsyncSync(file)
  } catch (error) {
    rmSync(aside, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  renameSync(aside, path)
  flushDirectory(dirname(path))
}

/**
 * Makes the directory when it is missing, and looks just once: making a whole path would never end where its root was
 * deleted under us.
 */
function openIn(directory: string, path: string, mode: number): number {
  try {
    return openSync(path, 'w', mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    if (!existsSync(dirname(directory))) mkdirSync(dirname(directory))
    mkdirSync(directory)
    return openSync(path, 'w', mode)
  }
}

/** Removes `path` so that it stays removed after a power cut. A missing file is fine. */
export function removeDurably(path: string): void {
  rmSync(path, { force: true })
  flushDirectory(dirname(path))
}

/** The text of a small file, or null when there is none. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** The parsed JSON of a small file, or null when it is missing or damaged. */
export function readJsonIfThere(path: string): unknown {
  const text = readIfThere(path)
  if (text === null) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function flushDirectory(path: string) {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
