// files.ts — Small files that survive a power cut: written to a temporary file, flushed, renamed, directory flushed.
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

/** Replaces a file in one step: readers, and a crash, leave either the old text or the new one. */
export function writeDurably(path: string, text: string, mode = 0o600): void {
  const temporary = `${path}.${process.pid}.tmp`
  const file = openIn(dirname(path), temporary, mode)
  try {
    // writeSync may write only a part when the disk is nearly full, without an error.
    writeFileSync(file, text)
    fsyncSync(file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  flushDirectory(dirname(path))
}

/**
 * Opens a file for writing. Creates its directory when it is missing, and at most the parent of that: a recursive mkdir
 * does not end when its root is deleted meanwhile.
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

/** Removes a file so that it stays removed after a power cut. A missing file is no error. */
export function removeDurably(path: string): void {
  rmSync(path, { force: true })
  flushDirectory(dirname(path))
}

/** The text of a small file; null when there is no such file. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** The parsed JSON of a small file; null when the file is missing or damaged. */
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
