// local.ts — What a tree on disk holds, and removing things from it. Follows no link and never leaves the folder.
import { lstatSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { yieldToEventLoop } from './tree-memory.ts'
import { DISK_OWN, hasDiskOwn, pathBytes, readEntries } from '../../names.ts'

/** A regular file: bytes, and seconds since 1970 it was changed. */
export interface LocalFile {
  readonly size: number
  readonly mtime: number
}

export interface LocalTree {
  /** Path below the folder → file; null for what is neither file nor directory. */
  readonly files: ReadonlyMap<string, LocalFile | null>
  /** Every directory below the folder, parents before children. */
  readonly folders: readonly string[]
}

const BREATHE_EVERY = 5000

/**
 * Reads everything below a folder; empty when it does not exist. `skip`: a name at the top that is left out. `look`:
 * how a file is read.
 */
export async function readLocal(folder: string, skip: string | null = null, look = fileAt): Promise<LocalTree> {
  const files = new Map<string, LocalFile | null>()
  const folders: string[] = []
  const open = ['']
  const own = hasDiskOwn(folder) ? DISK_OWN : null
  let seen = 0
  while (open.length > 0) {
    const at = open.pop()!
    for (const entry of entriesOf(join(folder, at))) {
      if (at === '' && (entry.name === skip || entry.name === own)) continue
      const path = at === '' ? entry.name : `${at}/${entry.name}`
      if (entry.isDirectory()) {
        folders.push(path)
        open.push(path)
      } else files.set(path, entry.isFile() ? look(`${folder}/${path}`) : null)
      if (++seen % BREATHE_EVERY === 0) await yieldToEventLoop()
    }
  }
  return { files, folders }
}

function entriesOf(folder: string) {
  try {
    return readEntries(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** The regular file at a path; null when there is none. */
export function fileAt(path: string): LocalFile | null {
  const found = lstatSync(pathBytes(path), { throwIfNoEntry: false })
  return found?.isFile() ? { size: found.size, mtime: Math.floor(found.mtimeMs / 1000) } : null
}

/** Removes what stands in the place of a directory: a file or link at any parent of `path`. */
export function clearParents(folder: string, path: string): void {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const at = pathBytes(join(folder, path.slice(0, slash)))
    const found = lstatSync(at, { throwIfNoEntry: false })
    if (!found) return
    if (!found.isDirectory()) unlinkSync(at)
  }
}

/** Removes a directory that stands in the place of a file. */
export function clearFolder(path: string): void {
  const at = pathBytes(path)
  if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) rmSync(at, { recursive: true })
}

/**
 * Deletes every file that is not wanted, then every empty directory whose path with a slash is not wanted. Returns the
 * number of deleted files.
 */
export async function removeOthers(
  folder: string,
  wanted: (path: string) => boolean,
  skip: string | null = null,
): Promise<number> {
  const { files, folders } = await readLocal(folder, skip, () => null)
  let removed = 0
  for (const path of files.keys()) {
    if (wanted(path)) continue
    unlinkSync(pathBytes(join(folder, path)))
    if (++removed % BREATHE_EVERY === 0) await yieldToEventLoop()
  }
  for (const path of folders.toReversed()) if (!wanted(`${path}/`)) removeIfEmpty(join(folder, path))
  return removed
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(pathBytes(folder))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
  }
}
