// trash.ts — Deletes the files of a folder that belongs to no replica. They are moved below .kagami first, so that a
// crash leaves either the folder or something that nobody reads, which the next call or start deletes.
import { chownSync, lstatSync, mkdirSync, renameSync } from 'node:fs'
import { chmod, lstat, rmdir, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ConfigError, newId, previousOf } from '@kagami/runtime'
import { bytesOf, pathBytes, showName } from '../names.ts'
import { flushPath } from '../tree/flush.ts'
import { batchesOf, type Rest } from './gently.ts'
import { readMarker, type Marker } from '../tree/marker.ts'
import { isSafeId, paths } from '../tree/paths.ts'

/** What is to be moved away: all that has the name `entry`, and an unfinished download when it has no replica. */
export interface Discarded {
  readonly dataDir: string
  /** As it is on the disk. */
  readonly entry: string
  /** Whether a replica has this id. */
  hasReplica(replicaId: string): boolean
}

/**
 * Moves a folder to the trash. Throws ConfigError when it cannot be moved; another call goes on where this one ended.
 */
export function discardFolder(folder: Discarded): void {
  const steps = discardingSteps(folder)
  while (!steps.next().done) continue
}

/**
 * The steps of it, each durable when it is yielded. What people read goes first and the mark last: until then the
 * folder, or its rest, is still listed and can be removed again.
 */
export function* discardingSteps({ dataDir, entry, hasReplica }: Discarded): Generator<string> {
  const into = join(paths.trash(dataDir), newId())
  const mark = markOf(dataDir, entry)
  moveAway(dataDir, join(dataDir, entry), join(into, 'files'))
  yield 'the files are moved'
  moveAway(dataDir, join(dataDir, '.generations', entry), join(into, 'generations'))
  yield 'the generations are moved'
  if (mark?.name !== entry) return
  if (isSafeId(mark.replica_id) && !hasReplica(mark.replica_id)) {
    moveAway(dataDir, paths.staging(dataDir, mark.replica_id), join(into, 'staging'))
    yield 'what was not published yet is moved'
  }
  for (const [record, as] of [
    [paths.ownFiles(dataDir, entry), 'own.json'],
    [paths.keptFiles(dataDir, entry), 'kept.json'],
  ] as const) {
    moveAway(dataDir, previousOf(record), join(into, `${as}.previous`))
    moveAway(dataDir, record, join(into, as))
  }
  moveAway(dataDir, previousOf(paths.marker(dataDir, entry)), join(into, 'mark.json.previous'))
  moveAway(dataDir, paths.marker(dataDir, entry), join(into, 'mark.json'))
  yield 'the mark is moved'
}

/** Moves something below .kagami to the trash, in one durable step. Throws ConfigError when it cannot be moved. */
export function discardOwn(dataDir: string, path: string): void {
  moveAway(dataDir, path, join(paths.trash(dataDir), newId(), basename(path)))
}

/** Deletes what is in the trash, also of calls that did not finish. Throws what the system says when it cannot. */
export async function emptyTrash(dataDir: string, rest?: Rest): Promise<void> {
  const trash = paths.trash(dataDir)
  if (isThere(trash)) await removeTree(bytesOf(trash), rest)
}

/** Null when there is none, and when it cannot be read: it may be that of another spelling of the name. */
function markOf(dataDir: string, entry: string): Marker | null {
  try {
    return isSafeId(entry) ? readMarker(dataDir, entry) : null
  } catch {
    return null
  }
}

function moveAway(dataDir: string, from: string, to: string): void {
  if (!isThere(from)) return
  makeTrash(dataDir, dirname(to))
  try {
    renameSync(pathBytes(from), to)
  } catch (error) {
    throw new ConfigError(
      `${showName(from)} cannot be moved to the trash: ${(error as Error).message}`,
      'A folder that is a filesystem of its own cannot be moved: unmount it. A folder of another user needs that user.',
    )
  }
  for (const folder of [dirname(from), dirname(to)]) flushPath(folder)
}

/** Owned by whoever owns .kagami, so that the worker can empty it after a command of root. */
function makeTrash(dataDir: string, folder: string): void {
  const { uid, gid } = lstatSync(paths.own(dataDir))
  for (const path of [paths.trash(dataDir), folder]) {
    if (isThere(path)) continue
    mkdirSync(path, { mode: 0o700 })
    if (process.getuid?.() === 0) chownSync(path, uid, gid)
    flushPath(dirname(path))
  }
}

async function removeTree(path: Buffer, rest?: Rest): Promise<void> {
  // A mirror may have folders that their owner may not write.
  await chmod(path, 0o700).catch(() => {})
  for await (const batch of batchesOf(path)) {
    for (const entry of batch) {
      const found = await lstat(entry).catch(ignoreMissing)
      if (found?.isDirectory()) await removeTree(entry, rest)
      else if (found) await unlink(entry).catch(ignoreMissing)
    }
    await rest?.()
  }
  await rmdir(path).catch(ignoreMissing)
}

/** Another call may be emptying the trash too. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

function isThere(path: string): boolean {
  return lstatSync(pathBytes(path), { throwIfNoEntry: false }) !== undefined
}
