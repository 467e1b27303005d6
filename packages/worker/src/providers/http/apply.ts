// apply.ts — Puts what was fetched in place: a first tree whole, later ones file by file by rename, deletions last.
import { lstatSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { clearPath } from './receive.ts'
import { removeOthers } from './local.ts'
import { yieldToEventLoop, STATE_FOLDER, type KnownFile, type TreeMemory } from './tree-memory.ts'
import { moveAnywhere, pathBytes, showName } from '../../names.ts'
import type { SyncContext } from '../../provider.ts'

const BREATHE_EVERY = 2000

export interface PublishParts {
  readonly context: SyncContext
  readonly memory: TreeMemory
  readonly folder: string
  /** Files of `folder` that go into the tree. */
  readonly fetched: ReadonlyMap<string, KnownFile>
  readonly wanted: (path: string) => boolean
  /** Whether what is not wanted is deleted. */
  readonly deletes: boolean
  /** What is neither file nor directory in the published tree: links, at most; nothing is written through them. */
  readonly strange: readonly string[]
}

/** Makes staging the published tree. */
export async function publishFirst({ context, memory, wanted }: PublishParts): Promise<void> {
  context.progress({ phase: 'publishing', percent: null })
  await removeOthers(context.tree.staging, wanted, STATE_FOLDER)
  await memory.drop()
  await context.tree.publish()
}

/**
 * Brings the published tree to what was fetched. In place, readers see each file before or after; with publish =
 * "swap", all of them at once. Returns how many files were not put in place, since something that must not be deleted
 * is there.
 */
export async function publishChanges({
  context,
  folder,
  fetched,
  wanted,
  deletes,
  strange,
}: PublishParts): Promise<number> {
  context.progress({ phase: 'publishing', percent: null })
  const fork = await context.tree.fork()
  // In place a file is seen as soon as it is renamed: it must be on the disk before.
  if (fork.path === context.tree.published) await context.tree.flush(folder, [...fetched.keys()])
  if (deletes) for (const path of strange) rmSync(pathBytes(join(fork.path, path)), { force: true })
  let count = 0
  let inTheWay = 0
  for (const path of fetched.keys()) {
    if (deletes || hasRoom(fork.path, path)) await moveFile(folder, fork.path, path)
    else {
      inTheWay++
      context.log(`not put in place, since nothing is deleted now: ${showName(path)}`)
    }
    if (++count % BREATHE_EVERY === 0) await yieldToEventLoop()
  }
  if (deletes) {
    context.progress({ phase: 'deleting', percent: null })
    const removed = await removeOthers(fork.path, wanted)
    if (removed > 0) context.log(`deleted ${removed} files`)
  }
  await fork.publish()
  return inTheWay
}

async function moveFile(folder: string, into: string, path: string): Promise<void> {
  const [from, to] = [join(folder, path), join(into, path)]
  try {
    await moveAnywhere(from, to)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR') throw error
    clearPath(into, path)
    await moveAnywhere(from, to)
  }
}

/** Whether a file can be put at a path without deleting anything of another kind. */
function hasRoom(folder: string, path: string): boolean {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    if (kindAt(folder, path.slice(0, slash))?.isDirectory() === false) return false
  }
  return !kindAt(folder, path)?.isDirectory()
}

const kindAt = (folder: string, path: string) => lstatSync(pathBytes(join(folder, path)), { throwIfNoEntry: false })
