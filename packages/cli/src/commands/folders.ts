// folders.ts — kagami folders: what lies in the data_dir of this machine's worker and belongs to no replica.
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import { size } from '../words.ts'

interface FolderOptions {
  config?: string
  dataDir?: string
  json?: boolean
}

/** Adds `folders`. */
export function addFolders(program: Command): void {
  program
    .command('folders')
    .description('folders in the data_dir of the worker on this machine that belong to no replica')
    .option('--config <FILE>', 'worker.toml of the worker (default ./worker.toml)')
    .option('--data-dir <DIR>', 'where its mirrored files are (KAGAMI_DATA_DIR)')
    .option('--json', 'print JSON for programs')
    .action(async (options: FolderOptions) => {
      const { foldersWithoutReplica, loadWorkerConfig } = await import('@kagami/worker')
      const config = loadWorkerConfig({ file: options.config, flags: { data_dir: options.dataDir } })
      const folders = await foldersWithoutReplica(config)
      if (options.json) return printJson(folders)
      if (folders.length === 0) return remark(`Every folder in ${config.data_dir} belongs to a replica.`)
      printTable(
        ['FOLDER', 'SIZE', 'FILES', 'FILES ARE OF'],
        folders.map(({ name, bytes, files, mirrored }) => [
          name,
          size(bytes),
          files === null ? '-' : String(files),
          mirrored ? `${mirrored.kind} ${mirrored.upstream}` : 'not known to Kagami',
        ]),
      )
      remark(
        `${folders.length} ${folders.length === 1 ? 'folder belongs' : 'folders belong'} to no replica; Kagami ` +
          'leaves them alone. To go on with one, declare a replica of its name, or one with was = "its name". ' +
          'To free the space, remove it yourself.',
      )
    })
    .addHelpText(
      'after',
      `
Replicas are those that the worker declared at its last start, those of worker.toml, and those that were added by the
API as far as the worker has been told.

Examples:
  kagami folders --config /etc/kagami/worker.toml
  kagami folders --data-dir /srv/mirrors --json`,
    )
}
