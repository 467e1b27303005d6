// import.ts — kagami replicas import: the replicas that a configuration declares are added to a worker, after what that
// would change was shown.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describeChange, type Client, type ImportRow, type ImportText } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { apiCommand } from '../commands/api.ts'
import { describeError, printJson, printTable, remark, setExitCode } from '../output.ts'
import type { ApiOptions } from '../session.ts'

const YAML = /\.ya?ml$/i
/** What a supervisor takes in one request, without what is around it. */
const FOLDER_MAX_BYTES = 1_000_000

interface ImportOptions extends ApiOptions {
  worker: string
  dryRun?: boolean
  update?: boolean
  only?: string[]
  paused?: boolean
}

/** Adds `import` to `replicas`. */
export function addReplicaImport(replicas: Command): void {
  apiCommand<ImportOptions>(
    replicas,
    'import <FILE>',
    'add the replicas that a configuration declares: worker.toml of Kagami, worker.conf of tunasync, a repository of ' +
      'Yuki or the folder of all of them; -: standard input',
    async ({ client, options, args: [file = ''] }) => importFile(client, options, file),
  )
    .requiredOption('--worker <WORKER>', 'worker that gets them')
    .option('--dry-run', 'only show what would change')
    .option('--update', 'also edit replicas that are there and are declared otherwise')
    .option('--only <NAME...>', 'these alone')
    .option('--paused', 'add them paused: no sync starts until they are resumed')
    .addHelpText(
      'after',
      `
What is there and declared alike stays. Credentials are neither read nor sent on: give them by kagami replicas edit. The
exit code is 8 when some could not be taken over, 1 when none could.

Examples:
  kagami replicas import /etc/tunasync/worker.conf --worker sh-12 --dry-run
  kagami replicas import /etc/yuki/repos --worker sh-12 --dry-run
  kagami replicas import worker.toml --worker sh-12 --only debian ubuntu --paused`,
    )
}

async function importFile(client: Client, options: ImportOptions, file: string): Promise<void> {
  const body = readConfiguration(file)
  const { worker_id: id, name: worker } = await client.call('getWorker', { params: { id: options.worker } })
  const plan = await client.call('planImport', { params: { id }, body })
  const rows = choose(plan.rows, options)
  if (options.dryRun) {
    if (options.json) return printJson({ ...plan, rows })
    printTable(
      ['STATE', 'NAME', 'KIND', 'UPSTREAM', 'WHAT'],
      rows.map((row) => [row.state, row.name, row.replica?.kind ?? '-', row.replica?.upstream ?? '-', detailOf(row)]),
    )
    return remark(
      'Nothing was changed. Without --dry-run, what is new is added; with --update, what differs is edited.',
    )
  }
  const results: object[] = []
  let failed = 0
  for (const row of rows) {
    const said = await takeOver(client, row, { id, worker, options })
    if (said.failed) failed++
    results.push({ name: row.name, state: row.state, result: said.result, why: said.failed ? said.text : null })
    if (options.json) continue
    if (said.failed) remark(`${row.name}: ${said.text}`)
    else process.stdout.write(`${said.text}\n`)
    for (const note of row.notes) remark(`  note: ${note}`)
  }
  if (options.json) printJson(results)
  if (failed > 0) setExitCode(failed === rows.length ? 1 : 8)
}

/** What a file declares, or the files of a folder: Yuki has one for each repository. */
function readConfiguration(file: string): ImportText {
  const isFolder = file !== '-' && readFrom(file, () => statSync(file).isDirectory())
  if (!isFolder) {
    const text = readFrom(file, () => readFileSync(file === '-' ? 0 : file, 'utf8'))
    return YAML.test(file) ? { files: [{ name: basename(file), text }] } : { text }
  }
  const names = readFrom(file, () => readdirSync(file)).filter((name) => YAML.test(name))
  if (names.length === 0)
    throw new ConfigError(
      `${file} has no file that ends in .yaml`,
      'Give the folder that repo_config_dir of Yuki names.',
    )
  const files = names.sort().map((name) => {
    const path = join(file, name)
    return { name, text: readFrom(path, () => readFileSync(path, 'utf8')) }
  })
  const bytes = Buffer.byteLength(JSON.stringify({ files }))
  if (bytes > FOLDER_MAX_BYTES)
    throw new ConfigError(
      `the files of ${file} are too large together: ${bytes} bytes, at most ${FOLDER_MAX_BYTES} are read at once`,
      'Nothing was changed. Give the files one by one, or move some to another folder.',
    )
  return { files }
}

function readFrom<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    throw new ConfigError(`${path} cannot be read: ${code}`, 'Nothing was changed.')
  }
}

function choose(rows: readonly ImportRow[], { only }: ImportOptions): readonly ImportRow[] {
  const unknown = only?.find((name) => rows.every((row) => row.name !== name))
  if (unknown !== undefined)
    throw new ConfigError(`the file declares no ${unknown}`, `It declares ${rows.map(({ name }) => name).join(', ')}.`)
  return only ? rows.filter(({ name }) => only.includes(name)) : rows
}

interface Said {
  readonly result: 'added' | 'edited' | 'kept' | 'refused'
  readonly text: string
  readonly failed: boolean
}

async function takeOver(
  client: Client,
  row: ImportRow,
  { id, worker, options }: { id: string; worker: string; options: ImportOptions },
): Promise<Said> {
  const full = `${row.name}@${worker}`
  const kept = (text: string): Said => ({ result: 'kept', text: `${full} ${text}`, failed: false })
  try {
    if (row.state === 'same') return kept('is so already')
    if (row.state === 'changed' && row.replica_id && row.patch) {
      if (!options.update) return kept(`is there and differs; with --update it is edited: ${detailOf(row)}`)
      const headers = row.etag ? { headers: { 'if-match': row.etag } } : {}
      await client.call('editReplica', { params: { id: row.replica_id }, ...headers, body: row.patch })
      return { result: 'edited', text: `Edited ${full}: ${detailOf(row)}`, failed: false }
    }
    if (row.state !== 'new' || !row.replica) return { result: 'refused', text: row.why ?? 'not possible', failed: true }
    const body = { ...row.replica, ...(options.paused ? { paused: true } : {}) }
    await client.call('addReplica', { params: { id }, body })
    return { result: 'added', text: `Added ${full}`, failed: false }
  } catch (error) {
    return { result: 'refused', text: describeError(error), failed: true }
  }
}

const detailOf = ({ changes, why, notes }: ImportRow): string =>
  [...(why === null ? changes.map(describeChange) : [why]), ...notes].join('; ') || '-'
