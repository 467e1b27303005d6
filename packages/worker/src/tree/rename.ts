// rename.ts — Gives the files of a replica another name. Each step leaves a state from which the next start goes on.
import { lstatSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ReplicaSpec } from '@kagami/protocol'
import { ConfigError, removeDurably } from '@kagami/runtime'
import { SyncFailure } from '../provider.ts'
import { flushPath } from './flush.ts'
import { currentGeneration, pointTo } from './generations.ts'
import { nameOfReplica, readMarker, removeMarker, writeMarker, type Marker } from './marker.ts'
import { renameKeptFiles } from './kept-files.ts'
import { renameOwnFiles } from './own-files.ts'
import { paths } from './paths.ts'

/** A replica that has another name than before. The ids differ when it is one of worker.toml. */
export interface Renaming {
  readonly was: string
  readonly wasId: string
  readonly name: string
  readonly replicaId: string
  readonly kind: string
}

/**
 * The steps of a renaming, each durable when it is yielded; none when the files have that name already, or there are
 * none. The mark of the new name is written first and says where the files come from; that of the old name goes last.
 * Throws ConfigError when the new name is taken. Call it only while the data_dir is locked and no program runs in it.
 */
export function* renamingSteps(dataDir: string, renaming: Renaming): Generator<string> {
  const { was, wasId, name, replicaId } = renaming
  const from = markOf(dataDir, was)
  const to = markOf(dataDir, name)
  const old = from?.name === was ? from : null
  const begun = to?.renamed_from === was && to.name === name
  if (!begun && (!old || !hasFiles(dataDir, was))) return
  if (!begun) {
    refuseTaken(dataDir, renaming, old!)
    writeMarker(dataDir, { ...old!, replica_id: replicaId, name, renamed_from: was })
    yield 'the new mark is written'
  }
  const number = currentGeneration(dataDir, was)
  move(paths.generations(dataDir, was), paths.generations(dataDir, name))
  yield 'the generations are moved'
  if (number === null) move(paths.published(dataDir, was), paths.published(dataDir, name))
  else {
    pointTo({ dataDir, name }, number)
    yield 'the new name is published'
    removeDurably(paths.published(dataDir, was))
  }
  yield 'the published files are moved'
  if (wasId !== replicaId && isThere(paths.staging(dataDir, wasId))) {
    rmSync(paths.staging(dataDir, replicaId), { recursive: true, force: true })
    move(paths.staging(dataDir, wasId), paths.staging(dataDir, replicaId))
  }
  if (paths.marker(dataDir, was) !== paths.marker(dataDir, name))
    for (const rename of [renameOwnFiles, renameKeptFiles]) rename(dataDir, was, name)
  yield 'what was not published yet is moved'
  if (paths.marker(dataDir, was) !== paths.marker(dataDir, name)) removeMarker(dataDir, was)
  yield 'the old mark is gone'
  const { renamed_from: _done, ...mark } = markOf(dataDir, name) ?? { ...old!, replica_id: replicaId, name }
  writeMarker(dataDir, mark)
}

/**
 * Moves the files of a replica that was renamed while the worker ran: to the name in its spec, from the one they have.
 * Returns that name, or null when nothing was to be moved. Throws SyncFailure local_conflict when they cannot be moved.
 * Call it in a run of that replica, before anything else looks for its files.
 */
export function followRenaming(
  dataDir: string,
  { replica_id: replicaId, name, kind }: Pick<ReplicaSpec, 'replica_id' | 'name' | 'kind'>,
): string | null {
  const mark = readMarker(dataDir, name)
  const was = mark?.name === name ? (mark.renamed_from ?? null) : nameOfReplica(dataDir, replicaId)
  if (was === null || was === name) return null
  try {
    const steps = [...renamingSteps(dataDir, { was, wasId: replicaId, name, replicaId, kind })]
    return steps.length > 0 ? was : null
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new SyncFailure(
      'local_conflict',
      `${error.message}. Make room for it, or give the replica its old name again`,
    )
  }
}

function hasFiles(dataDir: string, name: string): boolean {
  return [paths.published(dataDir, name), paths.generations(dataDir, name)].some(isThere)
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function markOf(dataDir: string, name: string): Marker | null {
  try {
    return readMarker(dataDir, name)
  } catch (error) {
    throw new ConfigError((error as Error).message)
  }
}

function refuseTaken(dataDir: string, { was, name, kind }: Renaming, old: Marker): void {
  const folder = paths.published(dataDir, name)
  if (old.kind !== kind)
    throw new ConfigError(
      `${paths.published(dataDir, was)} cannot become ${name}: it is a mirror of kind ${old.kind}, and ${name} is of ` +
        `kind ${kind}`,
      'Only files of the same kind can be kept. Remove was, and the mirror is fetched anew.',
    )
  if (hasFiles(dataDir, name))
    throw new ConfigError(
      `the files of ${was} cannot get the name ${name}, because ${folder} exists; nothing was moved`,
      `Move ${folder} away to keep those of ${was}, or remove was to keep those of ${name}.`,
    )
}

/** Renames what is there; a folder that an earlier start has moved is no longer there. */
function move(from: string, to: string): void {
  if (!isThere(from)) return
  try {
    renameSync(from, to)
  } catch (error) {
    throw new ConfigError(
      `${from} cannot be renamed to ${to}: ${(error as Error).message}`,
      'A folder that is a filesystem of its own cannot be renamed: remove was, and mount it under the new name.',
    )
  }
  for (const folder of new Set([dirname(from), dirname(to)])) flushPath(folder)
}
