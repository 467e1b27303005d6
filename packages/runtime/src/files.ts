// files.ts — Small files that survive a power cut: written aside, flushed, renamed, directory flushed.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Replaces `path` in one step: readers and crashes see the old text or the new one. */
export function writeDurably(path: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true })
  const aside = `${path}.${process.pid}.tmp`
  const file = openSync(aside, 'w', mode)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(aside, path)
  flushDirectory(dirname(path))
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
