// flush.ts — Makes sure that what was written is on the disk, before anything depends on it.
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { copyingFailure } from '../local-failure.ts'
import { pathBytes, readEntries } from '../names.ts'
import { SyncFailure, type RunCommand } from '../provider.ts'

/** Up to this many files and directories, each is flushed by itself. */
const FLUSH_SINGLY_MAX = 300

/** Flushes a tree and everything in it. */
export async function flushTree(tree: string, run: RunCommand): Promise<void> {
  const few = ['']
  for (const path of walkFlushable(tree)) {
    if (few.push(path) > FLUSH_SINGLY_MAX) break
  }
  if (few.length > FLUSH_SINGLY_MAX && (await flushFilesystem(tree, run))) return
  for (const path of few.length > FLUSH_SINGLY_MAX ? ['', ...walkFlushable(tree)] : few) flushPath(join(tree, path))
}

/**
 * Flushes paths below a folder: a few one by one; many by flushing their whole filesystem, because one fsync for each
 * would take minutes.
 */
export async function flushPaths(folder: string, names: readonly string[], run: RunCommand): Promise<void> {
  if (names.length > FLUSH_SINGLY_MAX && (await flushFilesystem(folder, run))) return
  for (const name of names) flushPath(join(folder, name))
}

/** Flushes the filesystem of a path; false where no program can do that. Throws what the disk refuses. */
export async function flushFilesystem(path: string, run: RunCommand): Promise<boolean> {
  try {
    const { code, tail } = await run('sync', ['-f', path])
    const refused = code === 0 ? null : copyingFailure(tail, path)
    if (refused) throw refused
    return code === 0
  } catch (error) {
    if (error instanceof SyncFailure && error.reason === 'tool_missing') return false
    throw error
  }
}

/** The pause after an early flush, as a multiple of the time it took: other work on the disk needs most of it. */
const EARLY_PAUSE = 3

/** Flushes a filesystem from time to time while more is written to it, so that the last flush has less to do. */
export interface EarlyFlush {
  /** Begins one in the background, unless one goes on or has just ended. */
  begin(path: string): void
  /** Waits for it. Throws the first that failed: the kernel tells only once what could not be written. */
  settle(): Promise<void>
}

/** The early flushes of one run. */
export function createEarlyFlush(run: RunCommand): EarlyFlush {
  let running: Promise<void> | null = null
  let failed: { readonly error: unknown } | null = null
  let nextAt = 0
  const flush = async (path: string) => {
    const began = performance.now()
    try {
      await flushFilesystem(path, run)
    } catch (error) {
      failed ??= { error }
    }
    nextAt = performance.now() + EARLY_PAUSE * (performance.now() - began)
    running = null
  }
  return {
    begin(path) {
      if (running === null && failed === null && performance.now() >= nextAt) running = flush(path)
    },
    async settle() {
      await running
      if (failed !== null) throw failed.error
    },
  }
}

/** Flushes one file or directory. */
export function flushPath(path: string): void {
  const handle = openSync(pathBytes(path), 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Files and directories of a tree below a folder of it, which itself is left out; links are not followed. */
export function* walkFlushable(root: string, below = ''): Generator<string> {
  for (const entry of readEntries(join(root, below))) {
    if (!entry.isFile() && !entry.isDirectory()) continue
    const path = join(below, entry.name)
    yield path
    if (entry.isDirectory()) yield* walkFlushable(root, path)
  }
}
