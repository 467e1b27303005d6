// bulk.ts — kagami bulk [list] | get | items | retry | cancel | sync | pause | resume | edit | remove: one action on
// many replicas, as a job of the supervisor.
import { setTimeout as sleep } from 'node:timers/promises'
import type { BulkAction, BulkAnswer, BulkItem, BulkJob, BulkPatch, Client, ReplicaQuery } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { confirmTyped } from '../confirm.ts'
import { printJson, printTable, remark, setExitCode } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, state } from '../words.ts'
import { apiCommand, collect, limitOf } from '../commands/api.ts'
import { addSettingOptions, settingsPatchOf, type SettingOptions } from '../commands/edit.ts'
import { addFilterOptions, FILTERS_HELP, filtersOf, type FilterOptions } from '../filters.ts'

interface StartOptions extends ApiOptions, Omit<FilterOptions, 'label'>, Omit<SettingOptions, 'label'> {
  /** What an edit sets, and other actions choose by. */
  label?: string | string[]
  /** What an edit chooses by. */
  labelled?: string
  all?: boolean
  reason?: string
  dryRun?: boolean
  yes?: boolean
  wait?: boolean
}

const POLL_MS = 500
/** Refused replicas that `get` and `--wait` show. */
const REFUSED_SHOWN = 20

const ACTIONS: Readonly<Record<BulkAction, string>> = {
  sync: 'sync many replicas now',
  pause: 'pause many replicas; running syncs continue to their end',
  resume: 'resume many paused replicas',
  edit: 'change interval, labels or options of many replicas; what is not given stays',
  remove: 'stop mirroring many replicas; their files stay',
}

/** Adds `bulk` and its verbs. */
export function addBulk(program: Command): void {
  const bulk = program
    .command('bulk')
    .description('many replicas at once, as a job with a result for each: sync, pause, resume, edit, remove')
  addJobs(bulk)
  for (const action of Object.keys(ACTIONS) as BulkAction[]) addAction(bulk, action)
}

function addAction(bulk: Command, action: BulkAction): void {
  const command = apiCommand<StartOptions>(
    bulk,
    `${action} [REPLICA...]`,
    ACTIONS[action],
    async ({ client, options, args: replicas }) => start(client, { action, options, replicas }),
  )
  // In an edit --label is what is set.
  addFilterOptions(command, action === 'edit' ? '--labelled <KEY=VALUE>' : undefined)
  if (action === 'edit') addSettingOptions(command)
  command
    .option('--all', 'every replica of the fleet')
    .option('--reason <TEXT>', 'why; kept with the job and in the audit')
    .option('--dry-run', 'only say which replicas it concerns')
    .option('--wait', 'wait until the job has ended; exit 8 when some were refused, 1 when all were')
  if (action === 'remove') command.option('--yes', 'do not ask for confirmation')
  command.addHelpText(
    'after',
    `\nReplicas are chosen by name (NAME@WORKER, or id) or by filters.\n${FILTERS_HELP}\n\n${EXAMPLES[action]}`,
  )
}

const EXAMPLES: Readonly<Record<BulkAction, string>> = {
  sync:
    'Examples:\n  kagami bulk sync --cause upstream_unreachable --health failed\n' +
    '  kagami bulk sync debian@sh-12 arch@hk-3',
  pause: 'Examples:\n  kagami bulk pause --worker sh-12 --reason "new disks"',
  resume: 'Examples:\n  kagami bulk resume --worker sh-12 --wait',
  edit: 'Examples:\n  kagami bulk edit --kind rsync --worker sh-12 --option bwlimit_kbps=20000 --dry-run',
  remove: 'Examples:\n  kagami bulk remove --worker sh-12 --dry-run\n  kagami bulk remove --label env=test --yes',
}

interface Start {
  readonly action: BulkAction
  readonly options: StartOptions
  readonly replicas: readonly string[]
}

async function start(client: Client, { action, options, replicas }: Start): Promise<void> {
  const choice = choiceOf(options, replicas)
  const patch = action === 'edit' ? patchOf(options) : undefined
  const body = { action, ...choice, ...(patch ? { patch } : {}) }
  const seen = await client.call('startBulk', { body: { ...body, dry_run: true } })
  if (options.dryRun) return options.json ? printJson(seen) : printSeen(action, seen)
  if (action === 'remove' && !options.yes && seen.matching > 0) await confirmRemoval(client, seen)
  const reason = options.reason === undefined ? {} : { reason: options.reason }
  const { job } = await client.call('startBulk', { body: { ...body, ...reason, expected: seen.matching } })
  if (!job) throw new Error('the supervisor started no job')
  await follow(client, job, options)
}

function choiceOf(
  { label, labelled, ...options }: StartOptions,
  replicas: readonly string[],
): { replicas: string[] } | { query: ReplicaQuery } {
  const chosenBy = typeof label === 'string' ? label : labelled
  const query = filtersOf({ ...options, ...(chosenBy === undefined ? {} : { label: chosenBy }) })
  const ways = [replicas.length > 0, Object.keys(query).length > 0, options.all === true].filter(Boolean).length
  if (ways === 1) return replicas.length > 0 ? { replicas: [...replicas] } : { query }
  throw new ConfigError(
    ways === 0 ? 'no replicas are chosen; nothing was done' : 'give names, filters or --all, not several of them',
    'Name them (NAME@WORKER …), choose them by --health, --worker, --kind, --cause, --label or another filter, or ' +
      'say --all.',
  )
}

function patchOf({ label, ...options }: StartOptions): BulkPatch {
  const patch = settingsPatchOf({ ...options, ...(typeof label === 'object' ? { label } : {}) })
  if (Object.keys(patch).length > 0) return patch
  throw new ConfigError(
    'nothing was given that would change the replicas',
    'Give at least one of --interval, --label, --remove-label, --option, --unset.',
  )
}

function printSeen(action: BulkAction, seen: BulkAnswer): void {
  process.stdout.write(`${action} would concern ${countOf(seen)}${namesOf(seen)}\n`)
  for (const line of lossOf(seen)) process.stdout.write(`${line}\n`)
  remark('Nothing was done. Do it: run it again without --dry-run')
}

const countOf = ({ matching, workers }: BulkAnswer): string =>
  `${matching} ${matching === 1 ? 'replica' : 'replicas'} on ${workers} ${workers === 1 ? 'worker' : 'workers'}`

const namesOf = ({ names, matching }: BulkAnswer): string =>
  names.length === 0 ? '' : `: ${names.join(', ')}${matching > names.length ? ', …' : ''}`

function lossOf({ last_copies: lost, last_copies_total: total }: BulkAnswer): string[] {
  if (total === 0) return []
  return [
    `${total === 1 ? 'This mirror loses' : `These ${total} mirrors lose`} the ONLY copy: ` +
      `${lost.slice(0, 12).join(', ')}${total > 12 ? ', …' : ''}`,
  ]
}

/** Asks, and says what is lost. Throws ConfigError when something else is typed, or when stdin is no terminal. */
async function confirmRemoval(client: Client, seen: BulkAnswer): Promise<void> {
  await confirmTyped({
    question:
      `! Remove ${countOf(seen)} (${client.baseUrl})${namesOf(seen)}\n` +
      lossOf(seen)
        .map((line) => `  ${line}\n`)
        .join('') +
      '  They are synced no more. Their files stay on the workers.\n' +
      `Type the number of replicas to go on: `,
    answer: String(seen.matching),
    what: 'removing many replicas',
    instead: 'the same command with --dry-run to see what it concerns, then with --yes',
  })
}

async function follow(client: Client, job: BulkJob, { wait, json }: StartOptions): Promise<void> {
  if (wait) return waitForEnd(client, job, json === true)
  if (json) return printJson(job)
  process.stdout.write(`Job ${job.job_id}: ${job.action} ${job.total} ${job.total === 1 ? 'replica' : 'replicas'}\n`)
  remark(`Look: kagami bulk get ${job.job_id}   or add --wait`)
}

async function waitForEnd(client: Client, { job_id }: BulkJob, json: boolean): Promise<void> {
  let said = ''
  for (;;) {
    const job = await client.call('getBulk', { params: { id: job_id } })
    if (job.state !== 'running') return showEnd(client, job, json)
    const step = `${job.ok + job.refused} of ${job.total} done`
    if (step !== said) remark(step)
    said = step
    await sleep(POLL_MS)
  }
}

async function showEnd(client: Client, job: BulkJob, json: boolean): Promise<void> {
  const missed = job.refused + job.cancelled
  setExitCode(missed === 0 ? 0 : missed === job.total ? 1 : 8)
  if (json) return printJson(job)
  process.stdout.write(`${job.action} ${countsOf(job)}\n`)
  await showRefused(client, job)
}

const countsOf = ({ total, ok, refused, cancelled, waiting }: BulkJob): string =>
  [
    `${ok} of ${total} ok`,
    ...Object.entries({ refused, cancelled, waiting })
      .filter(([, count]) => count > 0)
      .map(([word, count]) => `${count} ${word}`),
  ].join(', ')

async function showRefused(client: Client, job: BulkJob): Promise<void> {
  if (job.refused === 0) return
  const { items } = await client.call('listBulkItems', {
    params: { id: job.job_id },
    query: { result: 'refused', limit: REFUSED_SHOWN },
  })
  printItems(items)
  if (job.refused > items.length) remark(`All ${job.refused}: kagami bulk items ${job.job_id} --result refused`)
  if (items[0]?.hint) remark(`hint: ${items[0].hint}`)
  remark(`Try them again: kagami bulk retry ${job.job_id}`)
}

const printItems = (items: readonly BulkItem[]): void =>
  printTable(
    ['RESULT', 'REPLICA', { head: 'WHY', cut: 40 }],
    items.map(({ result, name, message }) => [state(result), name, message ?? '-']),
  )

function addJobs(bulk: Command): void {
  apiCommand<ApiOptions & { limit?: string }>(
    bulk,
    'list',
    'bulk jobs, the newest first',
    async ({ client, options }) => {
      const { items, total } = await collect(limitOf(options.limit), (cursor, limit) =>
        client.call('listBulk', { query: { cursor, limit } }),
      )
      if (options.json) return printJson(items)
      if (total === 0) return remark('No bulk jobs yet. Start one: kagami bulk sync --health failed')
      printTable(COLUMNS, items.map(rowOf))
      if (items.length < total) remark(`${items.length} of ${total} jobs shown; --limit shows more`)
    },
  ).option('--limit <N>', 'rows at most (100 on a terminal)')
  apiCommand<ApiOptions>(
    bulk,
    'get <JOB>',
    'one bulk job, and what it could not do',
    async ({ client, options, args }) => {
      const job = await client.call('getBulk', { params: { id: args[0] ?? '' } })
      if (options.json) return printJson(job)
      printTable(['FIELD', 'VALUE'], detailsOf(job))
      await showRefused(client, job)
    },
  )
  apiCommand<ApiOptions & { result?: string; limit?: string }>(
    bulk,
    'items <JOB>',
    'what became of each replica of a bulk job',
    async ({ client, options, args: [id = ''] }) => {
      const { items, total } = await collect(limitOf(options.limit), (cursor, limit) =>
        client.call('listBulkItems', { params: { id }, query: { cursor, limit, result: options.result } }),
      )
      if (options.json) return printJson(items)
      printItems(items)
      if (items.length < total) remark(`${items.length} of ${total} replicas shown; --limit shows more`)
    },
  )
    .option('--result <WORDS>', 'waiting, ok, refused, cancelled')
    .option('--limit <N>', 'rows at most (100 on a terminal)')
  addJobWrites(bulk)
}

function addJobWrites(bulk: Command): void {
  apiCommand<ApiOptions & { wait?: boolean }>(
    bulk,
    'retry <JOB>',
    'try again what a bulk job could not do, as a new job',
    async ({ client, options, args: [id = ''] }) =>
      follow(client, await client.call('retryBulk', { params: { id } }), options),
  ).option('--wait', 'wait until the job has ended; exit 8 when some were refused, 1 when all were')
  apiCommand<ApiOptions>(
    bulk,
    'cancel <JOB>',
    'cancel a bulk job: what is not done is not done, what is done stays',
    async ({ client, options, args: [id = ''] }) => {
      await client.call('cancelBulk', { params: { id } })
      const job = await client.call('getBulk', { params: { id } })
      if (options.json) return printJson(job)
      process.stdout.write(`Cancelled: ${countsOf(job)}\n`)
    },
  )
}

const COLUMNS = ['STATE', 'ACTION', 'REPLICAS', 'OK', 'REFUSED', 'WAITING', { head: 'BY', drop: 1 }, 'STARTED', 'JOB']

function rowOf(job: BulkJob): string[] {
  return [
    state(job.state),
    job.action,
    String(job.total),
    String(job.ok),
    String(job.refused),
    String(job.waiting),
    job.started_by,
    age(job.started_at),
    job.job_id,
  ]
}

function detailsOf(job: BulkJob): string[][] {
  const query = Object.entries(job.query ?? {}).map(([key, value]) => `${key}=${value}`)
  const pairs: [string, string | null][] = [
    ['job', job.job_id],
    ['state', state(job.state)],
    ['action', job.action],
    ['replicas', countsOf(job)],
    [
      'chosen',
      job.query ? query.join(' ') || 'all' : job.names.join(', ') + (job.total > job.names.length ? ', …' : ''),
    ],
    ['change', job.patch && JSON.stringify(job.patch)],
    ['reason', job.reason],
    ['retry of', job.retry_of],
    ['started', `by ${job.started_by} ${age(job.started_at)}`],
    ['ended', job.ended_at && age(job.ended_at)],
  ]
  return pairs.filter((pair): pair is [string, string] => pair[1] !== null)
}
