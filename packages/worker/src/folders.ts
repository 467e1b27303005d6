// folders.ts — Which folders of this machine's data_dir belong to no replica: for the command line, beside a worker
// that may be running.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '@kagami/runtime'
import type { WorkerConfig } from './config/config.ts'
import { declaredReplicas, renamedReplicas } from './config/replicas.ts'
import { providers } from './providers/index.ts'
import { openWorkerFiles, type WorkerFiles } from './state.ts'
import { findStrangers, measureTrees, namesInTransit, type Size, type Stranger } from './tree/strangers.ts'

/** A folder without a replica, measured. */
export type MeasuredFolder = Omit<Stranger, 'roots'> & Size

/**
 * The folders without a replica: not declared in this configuration or at the last start of the worker, and not added
 * by the API as far as the worker has been told. Throws ConfigError when no worker has said what it declares, because
 * then its folders would be listed too.
 */
export async function foldersWithoutReplica(config: WorkerConfig): Promise<MeasuredFolder[]> {
  const found: MeasuredFolder[] = []
  for (const { roots, ...stranger } of strangersOf(config)) found.push({ ...stranger, ...(await measureTrees(roots)) })
  return found
}

/** As `foldersWithoutReplica`, not measured. */
export function strangersOf(config: WorkerConfig): Stranger[] {
  return findStrangers(config.data_dir, ownedNames(config))
}

/** The names that folders of replicas have or will have. Throws ConfigError as `foldersWithoutReplica` does. */
export function ownedNames(config: WorkerConfig): ReadonlySet<string> {
  const { data_dir } = config
  const files = existsSync(join(data_dir, '.kagami')) ? openWorkerFiles(data_dir) : null
  if (!files?.readDeclared())
    throw new ConfigError(
      `${data_dir}: no worker of this version has run here yet, so it is not known which folders are in use`,
      'Give the data_dir of the worker with --data-dir or --config, and start the worker once.',
    )
  const configured = declaredReplicas(config, { workerId: 'here', kinds: providers, warnings: [] })
  const renamed = renamedReplicas(config).map(({ was }) => was)
  return new Set([...rememberedNames(data_dir, files), ...configured.map(({ name }) => name), ...renamed])
}

/** The names in use as far as data_dir says: declared at the last start, added by the API, on the way to another. */
function rememberedNames(dataDir: string, files: WorkerFiles): string[] {
  const added = files.readDesired()?.replicas ?? []
  return [...(files.readDeclared() ?? []), ...added.map(({ name }) => name), ...namesInTransit(dataDir)]
}
