// folders.ts — Which folders of this machine's data_dir belong to no replica: for the command line, beside a worker
// that may be running.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { replicaNameKey } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime'
import type { WorkerConfig } from './config/config.ts'
import { declaredReplicas, renamedReplicas } from './config/replicas.ts'
import { providersOf } from './providers/index.ts'
import { openWorkerFiles, type WorkerFiles } from './state.ts'
import { paths } from './tree/paths.ts'
import { findStrangers, measureTrees, namesInTransit, type Size, type Stranger } from './leftovers/strangers.ts'
import { discardFolder, emptyTrash } from './leftovers/trash.ts'

/** A folder without a replica, measured. */
export type MeasuredFolder = Omit<Stranger, 'roots' | 'entry'> & Size

/**
 * The folders without a replica: not declared in this configuration or at the last start of the worker, and not added
 * by the API as far as the worker has been told. Throws ConfigError when no worker has said what it declares, because
 * then its folders would be listed too.
 */
export async function foldersWithoutReplica(config: WorkerConfig): Promise<MeasuredFolder[]> {
  const found: MeasuredFolder[] = []
  for (const { roots, entry: _entry, ...stranger } of findStrangers(config.data_dir, ownedNames(config)))
    found.push({ ...stranger, ...(await measureTrees(roots)) })
  return found
}

/** A folder without a replica that can be deleted. */
export interface RemovableFolder extends MeasuredFolder {
  /** Deletes it, for good. Throws ConfigError when a replica has it meanwhile. */
  remove(): Promise<void>
}

/**
 * The folder of this name, as `kagami folders` shows it. Throws ConfigError when a replica has it, may get it, or had
 * it under another spelling; and when there is none.
 */
export async function removableFolder(config: WorkerConfig, name: string): Promise<RemovableFolder> {
  const { roots, entry, ...stranger } = findRemovable(config, name)
  return {
    ...stranger,
    ...(await measureTrees(roots)),
    async remove() {
      findRemovable(config, name)
      const { data_dir: dataDir } = config
      const files = openWorkerFiles(dataDir)
      const known = new Set([
        ...files.readReplicas().keys(),
        ...(files.readDesired()?.replicas ?? []).map((one) => one.replica_id),
      ])
      discardFolder({ dataDir, entry, hasReplica: (id) => known.has(id) })
      await deleteTrash(dataDir)
    },
  }
}

function findRemovable(config: WorkerConfig, name: string): Stranger {
  const owned = ownedNames(config)
  const owner = [...owned].find((one) => replicaNameKey(one) === replicaNameKey(name))
  if (owner !== undefined)
    throw new ConfigError(
      `${name} cannot be removed: it is the folder of a replica called ${owner}; nothing was deleted`,
      'Stop mirroring first: kagami replicas remove, or take it out of worker.toml and restart the worker.',
    )
  const found = findStrangers(config.data_dir, owned).find((stranger) => stranger.name === name)
  if (found) return found
  throw new ConfigError(
    `there is no folder ${name} in ${config.data_dir}; nothing was deleted`,
    'kagami folders lists those that belong to no replica; write the name as it is there.',
  )
}

async function deleteTrash(dataDir: string): Promise<void> {
  try {
    await emptyTrash(dataDir)
  } catch (error) {
    throw new ConfigError(
      `the folder is gone from ${dataDir}, but not all of it could be deleted: ${(error as Error).message}`,
      `The rest is in ${paths.trash(dataDir)}: delete it yourself, or start the worker again, which tries once more.`,
    )
  }
}

/** The names that folders of replicas have or will have. Throws ConfigError as `foldersWithoutReplica` does. */
function ownedNames(config: WorkerConfig): ReadonlySet<string> {
  const { data_dir } = config
  const files = existsSync(join(data_dir, '.kagami')) ? openWorkerFiles(data_dir) : null
  if (!files?.readDeclared())
    throw new ConfigError(
      `${data_dir}: no worker of this version has run here yet, so it is not known which folders are in use`,
      'Give the data_dir of the worker with --data-dir or --config, and start the worker once.',
    )
  const configured = declaredReplicas(config, { workerId: 'here', kinds: providersOf(config), warnings: [] })
  const renamed = renamedReplicas(config).map(({ was }) => was)
  return new Set([...rememberedNames(data_dir, files), ...configured.map(({ name }) => name), ...renamed])
}

/** The names in use as far as data_dir says: declared at the last start, added by the API, on the way to another. */
function rememberedNames(dataDir: string, files: WorkerFiles): string[] {
  const added = files.readDesired()?.replicas ?? []
  return [...(files.readDeclared() ?? []), ...added.map(({ name }) => name), ...namesInTransit(dataDir)]
}
