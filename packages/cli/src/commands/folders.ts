// folders.ts — kagami folders [list] | adopt | remove: what lies in the data_dir of a worker and belongs to no replica.
import type { Client, Folder, RouteInput } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { confirmTyped } from '../confirm.ts'
import { wholeNumber } from '../numbers.ts'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, size } from '../words.ts'
import { apiCommand } from './api.ts'

/** Where the worker of this machine is. */
export interface HereOptions {
  config?: string
  dataDir?: string
  json?: boolean
}

interface ListOptions extends ApiOptions, Omit<HereOptions, 'json'> {
  worker?: string
}

interface AdoptOptions extends ApiOptions {
  worker: string
  interval?: string
  yes?: boolean
}

/** Adds `folders` and its verbs. */
export function addFolders(program: Command): void {
  const folders = program
    .command('folders')
    .description('folders in the data_dir of a worker that belong to no replica: list, adopt, remove')
  addList(folders)
  addAdopt(folders)
  addRemove(folders)
}

function addList(folders: Command): void {
  const list = apiCommand<ListOptions>(
    folders,
    'list',
    'those of the worker on this machine, or of any worker',
    async ({ client, options }) => (options.worker === undefined ? listHere(options) : listOf(client, options)),
  ).option('--worker <WORKER>', 'ask the supervisor for those of this worker')
  here(list).addHelpText(
    'after',
    `
Replicas are those that the worker declared at its last start, those of worker.toml, and those that were added by the
API as far as the worker has been told.

Examples:
  kagami folders --config /etc/kagami/worker.toml
  kagami folders --data-dir /srv/mirrors --json
  kagami folders --worker sh-12`,
  )
}

function addAdopt(folders: Command): void {
  apiCommand<AdoptOptions>(
    folders,
    'adopt <FOLDER>',
    'add a replica that goes on with a folder which Kagami filled',
    async ({ client, options, args: [name = ''] }) => adopt(client, options, name),
  )
    .requiredOption('--worker <WORKER>', 'worker that has the folder')
    .option('--interval <SECONDS>', 'seconds between syncs; 0: only on request (default)')
    .option('--yes', 'do not ask for confirmation')
}

function addRemove(folders: Command): void {
  here(
    folders
      .command('remove <FOLDER>')
      .description('delete a folder, on the machine of the worker')
      .option('--json', 'print JSON for programs')
      .option('--yes', 'do not ask for confirmation'),
  )
    .action(async (name: string, options: HereOptions & { yes?: boolean }) => remove(name, options))
    .addHelpText(
      'after',
      `
Only on the machine of the worker: nothing that comes over the network deletes files of no replica.

Example:
  kagami folders remove debian-old --config /etc/kagami/worker.toml`,
    )
}

/** Adds the options that say where the worker of this machine is. */
export function here(command: Command): Command {
  return command
    .option('--config <FILE>', 'worker.toml of the worker (default ./worker.toml)')
    .option('--data-dir <DIR>', 'where its mirrored files are (KAGAMI_DATA_DIR)')
}

/** The configuration of the worker of this machine. Throws ConfigError. */
export async function configHere({ config, dataDir }: HereOptions) {
  const { loadWorkerConfig } = await import('@kagami/worker')
  return loadWorkerConfig({ file: config, flags: { data_dir: dataDir } })
}

async function listHere(options: HereOptions): Promise<void> {
  const { foldersWithoutReplica } = await import('@kagami/worker')
  const config = await configHere(options)
  const folders = await foldersWithoutReplica(config)
  if (options.json) return printJson(folders)
  if (folders.length === 0) return remark(`Every folder in ${config.data_dir} belongs to a replica.`)
  printFolders(folders)
  remark(
    `${noReplica(folders.length)} To go on with one, declare a replica of its name, or one with was = "its name". ` +
      'To free the space: kagami folders remove NAME.',
  )
}

async function listOf(client: Client, { worker: id = '', json }: ListOptions): Promise<void> {
  const worker = await client.call('getWorker', { params: { id } })
  const folders = await client.call('listFolders', { params: { id: worker.worker_id } })
  if (json) return printJson(folders)
  const { items, total, looked_at } = folders
  if (total === null)
    return remark(`${worker.name} has not said yet which folders it has; a worker of an earlier version never does.`)
  const looked = `${worker.name} looked ${age(looked_at)}.`
  if (total === 0) return remark(`Every folder in its data_dir belongs to a replica. ${looked}`)
  printFolders(items)
  remark(
    `${items.length < total ? `${items.length} of ` : ''}${noReplica(total)} ${looked} To go on with one: ` +
      `kagami folders adopt NAME --worker ${worker.name}. To free the space, on that machine: ` +
      'kagami folders remove NAME.',
  )
}

function printFolders(folders: readonly Folder[]): void {
  printTable(
    ['FOLDER', 'SIZE', 'FILES', 'FILES ARE OF'],
    folders.map(({ name, bytes, files, mirrored }) => [
      name,
      size(bytes),
      files === null ? '-' : String(files),
      mirrored ? `${mirrored.kind} ${mirrored.upstream}` : 'not known to Kagami',
    ]),
  )
}

const noReplica = (count: number): string =>
  `${count} ${count === 1 ? 'folder belongs' : 'folders belong'} to no replica; Kagami leaves them alone.`

async function adopt(client: Client, options: AdoptOptions, name: string): Promise<void> {
  const worker = await client.call('getWorker', { params: { id: options.worker } })
  const folders = await client.call('listFolders', { params: { id: worker.worker_id } })
  const folder = folders.items.find((one) => one.name === name)
  if (!folder) throw unlisted(name, worker.name, folders.total)
  const { mirrored } = folder
  if (!mirrored)
    throw new ConfigError(
      `${name} on ${worker.name} has no mark of Kagami, so it is not known which upstream its files are of; ` +
        'nothing was added',
      `Give the upstream yourself: kagami replicas add UPSTREAM --worker ${worker.name} --name ${name}. Its first ` +
        `sync shows what it would change: kagami replicas adopt ${name}@${worker.name}`,
    )
  const question = `Adopt ${describe(folder)}, on ${worker.name}? A sync makes it what the upstream has. [yes] `
  const instead = `kagami folders adopt ${name} --worker ${worker.name} --yes`
  if (!options.yes) await confirmTyped({ question, answer: 'yes', what: 'adopting a folder', instead })
  const body = {
    name,
    kind: mirrored.kind,
    upstream: mirrored.upstream,
    interval_secs: options.interval === undefined ? null : wholeNumber('--interval', options.interval),
  } as RouteInput<'addReplica'>['body']
  const added = await client.call('addReplica', { params: { id: worker.worker_id }, body })
  if (options.json) return printJson(added)
  process.stdout.write(`Added ${added.name}@${worker.name}, which goes on with the files in its folder.\n`)
  remark(`Sync it now: kagami sync ${added.name}@${worker.name}`)
}

function unlisted(name: string, worker: string, total: number | null): ConfigError {
  if (total === null)
    return new ConfigError(
      `${worker} has not said yet which folders it has; nothing was added`,
      'Wait until it has; a worker of an earlier version never does. kagami replicas add works in any case.',
    )
  return new ConfigError(
    `${name} is not among the folders of ${worker} that belong to no replica; nothing was added`,
    `kagami folders --worker ${worker} lists them; the worker looks again within a minute.`,
  )
}

async function remove(name: string, options: HereOptions & { yes?: boolean }): Promise<void> {
  const { removableFolder } = await import('@kagami/worker')
  const folder = await removableFolder(await configHere(options), name)
  const question = `! Delete ${describe(folder)}, in ${folder.path}, for good.\nType the name of the folder to go on: `
  const given = [options.config && `--config ${options.config}`, options.dataDir && `--data-dir ${options.dataDir}`]
  const instead = ['kagami folders remove', name, ...given.filter(Boolean), '--yes'].join(' ')
  if (!options.yes) await confirmTyped({ question, answer: name, what: 'removing a folder', instead })
  await folder.remove()
  if (options.json) return printJson({ name, removed: true, bytes: folder.bytes })
  process.stdout.write(`Removed ${describe(folder)}.\n`)
}

/** Name, size and upstream in one phrase. */
function describe({ name, bytes, files, mirrored }: Folder): string {
  const much =
    bytes === null
      ? 'size not known'
      : `${size(bytes)}${files === null ? '' : ` in ${files} ${files === 1 ? 'file' : 'files'}`}`
  return `${name} (${much}, ${mirrored ? `${mirrored.kind} ${mirrored.upstream}` : 'not known to Kagami'})`
}
