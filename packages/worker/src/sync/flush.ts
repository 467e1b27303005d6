// flush.ts — Makes sure that what was written is on the disk before anybody is told so.
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SyncFailure, type RunCommand } from '../providers/provider.ts'

/** Entries of a tree up to which each is flushed by itself. */
const FLUSH_SINGLY_MAX = 300

/** Flushes a small tree file by file, a large one with its whole filesystem: one fsync per file would cost minutes there. */
export async function flushTree(tree: string, run: RunCommand): Promise<void> {
  const entries = (await readdir(tree, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() || entry.isDirectory())
  if (entries.length > FLUSH_SINGLY_MAX && (await flushFilesystem(tree, run))) return
  for (const entry of entries) flushPath(join(entry.parentPath, entry.name))
  flushPath(tree)
}

/** Flushes the filesystem a path is on; false where no program does that. */
export async function flushFilesystem(path: string, run: RunCommand): Promise<boolean> {
  try {
    return (await run('sync', ['-f', path])).code === 0
  } catch (error) {
    if (error instanceof SyncFailure && error.reason === 'tool_missing') return false
    throw error
  }
}

/** Flushes one file or directory. */
export function flushPath(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
