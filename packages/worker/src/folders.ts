// folders.ts — Which folders of this machine's data_dir belong to no replica: for the command line, beside a worker
// that may be running.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '@kagami/runtime'
import type { WorkerConfig } from './config/config.ts'
import { declaredReplicas } from './config/replicas.ts'
import { providers } from './providers/index.ts'
import { openWorkerFiles } from './state.ts'
import { findStrangers, type Stranger } from './tree/strangers.ts'

/**
 * The folders without a replica: not declared in this configuration or at the last start of the worker, and not added
 * by the API as far as the worker has been told. Throws ConfigError when no worker has said what it declares, because
 * then its folders would be listed too.
 */
export function foldersWithoutReplica(config: WorkerConfig): Stranger[] {
  const { data_dir } = config
  const files = existsSync(join(data_dir, '.kagami')) ? openWorkerFiles(data_dir) : null
  const declared = files?.readDeclared() ?? null
  if (!files || !declared)
    throw new ConfigError(
      `${data_dir}: no worker of this version has run here yet, so it is not known which folders are in use`,
      'Give the data_dir of the worker with --data-dir or --config, and start the worker once.',
    )
  const configured = declaredReplicas(config, { workerId: 'here', kinds: providers, warnings: [] })
  const added = files.readDesired()?.replicas ?? []
  return findStrangers(data_dir, new Set([...declared, ...[...configured, ...added].map(({ name }) => name)]))
}
