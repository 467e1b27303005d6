// replicas.ts — kagami replicas [list] | get | remove. What adds one is in adding/, edits are in edit.ts, decisions
// about one in decisions.ts, tests of upstreams in trial/.
import {
  heldSeconds,
  isLastCopy,
  type Client,
  type Hold,
  type Replica,
  type TypicalDuration,
  workerTomlOf,
} from '@kagami/protocol'
import type { Command } from 'commander'
import { addReplicaAdd } from '../adding/add.ts'
import { addReplicaImport } from '../adding/import.ts'
import { addReplicaPresets } from '../adding/presets.ts'
import { confirmTyped } from '../confirm.ts'
import { printJson, printTable, remark, writeData } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, duration, nextOf, size, state, usualOf } from '../words.ts'
import { addHold, holdOrDo, type HoldOptions } from './actions.ts'
import { apiCommand, collect, limitOf, typicalOf } from './api.ts'
import { addReplicaDecisions } from './decisions.ts'
import { addReplicaEdit } from './edit.ts'
import { addFilterOptions, FILTERS_HELP, filtersOf, type FilterOptions } from '../filters.ts'
import { addReplicaTest } from '../trial/test-upstream.ts'

interface ListOptions extends ApiOptions, FilterOptions {
  sort?: string
  limit?: string
}

/** Adds `replicas` and its verbs. */
export function addReplicas(program: Command): void {
  const replicas = program
    .command('replicas')
    .description('replicas: list, look at, add, test, edit, remove, pause, decide about held syncs')
  addList(replicas)
  addGet(replicas)
  addReplicaAdd(replicas)
  addReplicaPresets(replicas)
  addReplicaImport(replicas)
  addReplicaEdit(replicas)
  addReplicaTest(replicas)
  addRemove(replicas)
  addReplicaDecisions(replicas)
}

function addList(replicas: Command): void {
  const command = apiCommand<ListOptions>(replicas, 'list', 'all replicas, worst first', async ({ client, options }) =>
    list(client, options),
  )
  addFilterOptions(command)
    .option(
      '--sort <KEY>',
      'worst, name, worker, last_success_at, size_bytes, next_due_at; with "-" before it in reverse',
    )
    .option('--limit <N>', 'rows at most (100 on a terminal)')
    .addHelpText('after', FILTERS_HELP)
}

function addGet(replicas: Command): void {
  apiCommand<ApiOptions & { toml?: boolean }>(
    replicas,
    'get <REPLICA>',
    'one replica: NAME@WORKER, or its id',
    async ({ client, options, args: [id = ''] }) => {
      const replica = await client.call('getReplica', { params: { id } })
      if (options.toml) return writeData(workerTomlOf(replica, replica.has_credentials === true))
      if (options.json) return printJson(replica)
      printTable(['FIELD', 'VALUE'], detailsOf(replica, await typicalOf(client, replica.replica_id)))
    },
  ).option('--toml', 'print it as the [[providers]] table of worker.toml, without credentials')
}

function addRemove(replicas: Command): void {
  const remove = apiCommand<HoldOptions & { yes?: boolean }>(
    replicas,
    'remove <REPLICA>',
    'stop mirroring it; its files stay',
    async ({ client, options, args: [id = ''] }) => {
      const replica = await client.call('getReplica', { params: { id } })
      if (!options.yes) await confirmRemoval(client, replica)
      const target = replica.replica_id
      await holdOrDo(client, options, {
        action: 'remove_replica',
        target,
        asked: !options.yes,
        async atOnce() {
          await client.call('dropReplica', { params: { id: target } })
          if (options.json) return printJson({ replica_id: target, removed: true })
          process.stdout.write(`Removed ${replica.name}@${replica.worker_name}. Its files stay on the worker.\n`)
        },
      })
    },
  ).option('--yes', 'do not ask for confirmation')
  addHold(remove, `default ${heldSeconds.remove_replica} when asked, 0 with --yes`)
}

/** Asks, and says what is lost. Throws ConfigError when something else is typed, or when stdin is no terminal. */
async function confirmRemoval(client: Client, replica: Replica): Promise<void> {
  const full = `${replica.name}@${replica.worker_name}`
  await confirmTyped({
    question: async () => {
      const last = await isLastCopy(client, replica)
      const lost =
        last === null
          ? '  Whether other workers have a copy could not be found out.\n'
          : last
            ? `  It is the ONLY copy of ${replica.name}.\n`
            : ''
      return (
        `! Remove ${full} (${client.baseUrl})\n${lost}` +
        `  It is synced no more. Its files (${size(replica.size_bytes)}) stay on the worker.\n` +
        (replica.origin === 'config'
          ? '  It is declared in worker.toml: remove it there too, or it may come back.\n'
          : '') +
        'Type its name to go on: '
      )
    },
    answer: replica.name,
    what: 'removing a replica',
    instead: `kagami replicas remove ${full} --yes`,
  })
}

async function list(client: Client, options: ListOptions): Promise<void> {
  const { json, limit, sort } = options
  const query = { ...filtersOf(options), sort }
  const { items, total } = await collect(limitOf(limit), (cursor, size) =>
    client.call('listReplicas', { query: { ...query, cursor, limit: size } }),
  )
  if (json) return printJson(items)
  if (total === 0)
    return remark(
      Object.values(query).some(Boolean)
        ? 'No replica matches.'
        : 'No replicas yet. Add one: kagami replicas add URL --worker WORKER',
    )
  printTable(COLUMNS, items.map(rowOf))
  const failing = items.find((replica) => replica.health === 'failed')
  const why = failing ? ` Why: kagami logs ${failing.name}@${failing.worker_name}` : ''
  remark(`${items.length} of ${total} replicas shown.${why}`)
}

const COLUMNS = [
  'HEALTH',
  'REPLICA',
  { head: 'KIND', drop: 3 },
  'LAST OK',
  { head: 'FAILING', drop: 2 },
  { head: 'CAUSE', cut: 24 },
  { head: 'SIZE', drop: 4 },
  { head: 'NEXT', drop: 1 },
]

function rowOf(replica: Replica): string[] {
  const failing = replica.failures > 0
  return [
    state(replica.health),
    `${replica.name}@${replica.worker_name}`,
    replica.kind,
    age(replica.last_success_at),
    failing ? failingOf(replica) : '-',
    failing || replica.hold ? (replica.last_sync?.message ?? replica.last_sync?.reason ?? '-') : '-',
    size(replica.size_bytes),
    replica.activity === 'queued' ? `queued ${replica.queue?.position ?? ''}` : nextOf(replica),
  ]
}

/** How often it failed in a row, and for how long where that is known: `3x in 2h`. */
function failingOf({ failures, failing_since: since }: Replica): string {
  return since ? `${failures}x in ${duration(Math.max(0, Date.now() - Date.parse(since)))}` : `${failures}x`
}

function detailsOf(replica: Replica, typical: TypicalDuration | null): string[][] {
  const { last_sync: last, hold, paused, current } = replica
  const usual = typical && usualOf(typical, current?.started_at ?? null)
  const labels = Object.entries(replica.labels).map((pair) => pair.join('='))
  const pairs: [string, string | null][] = [
    ['replica', `${replica.name}@${replica.worker_name}`],
    ['id', replica.replica_id],
    ['health', `${state(replica.health)}: ${replica.health_detail}`],
    ['kind', replica.kind],
    ['upstream', replica.upstream],
    ['interval', replica.interval_secs ? `${replica.interval_secs} s` : 'only on request'],
    ['labels', labels.join(' ')],
    ['options', Object.entries(replica.options).map(describeOption).join(' ')],
    ['credentials', replica.has_credentials ? 'set' : null],
    ['edit', replica.edit_pending ? 'the last edit waits until the worker takes it' : null],
    ['origin', replica.origin === 'config' ? 'worker.toml' : 'added by API'],
    ['last ok', age(replica.last_success_at)],
    ['last sync', last ? withReason(`${state(last.outcome)} ${age(last.ended_at)}`, last.message) : 'never'],
    [
      'running',
      current
        ? [`since ${duration(Date.now() - Date.parse(current.started_at))}`, usual].filter(Boolean).join(', ')
        : null,
    ],
    ['duration', current ? null : usual],
    ['hint', replica.failures > 0 || hold ? (last?.hint ?? null) : null],
    ['would delete', hold && hold.removed > 0 && hold.reason !== 'missing_disk' ? deletionsOf(hold) : null],
    ['paused', paused ? withReason(`by ${paused.by} ${age(paused.at)}`, paused.reason) : null],
    ['content of', replica.content_at ? age(replica.content_at) : null],
    ['generation', typeof replica.generation === 'number' ? String(replica.generation) : null],
    ['failing since', replica.failing_since ? age(replica.failing_since) : null],
    ['next', nextOf(replica)],
    ['size', `${size(replica.size_bytes)}, ${replica.files ?? '-'} ${replica.kind === 'git' ? 'refs' : 'files'}`],
    ['revision', replica.revision],
  ]
  return pairs.filter((pair): pair is [string, string] => pair[1] !== null && pair[1] !== '')
}

const describeOption = ([key, value]: [string, unknown]): string =>
  `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`

const withReason = (text: string, reason: string | null): string => (reason ? `${text}: ${reason}` : text)

function deletionsOf({ removed, total, examples }: Hold): string {
  return `${removed} of ${total}: ${examples.slice(0, 5).join(', ')}${removed > 5 ? ', …' : ''}`
}
