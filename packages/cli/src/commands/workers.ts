// workers.ts — kagami workers [list] | get | approve | reject | terminate | revoke | hosts
import { heldSeconds, lastCopiesOf, usableOf, usedShare, workerState, type Client, type Worker } from '@kagami/protocol'
import type { Command } from 'commander'
import { confirmTyped } from '../confirm.ts'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, fullIn, healthCounts, size, state, usedOf } from '../words.ts'
import { apiCommand, collect, limitOf } from './api.ts'
import { addHold, holdOrDo, type HoldOptions } from './actions.ts'
import { addHostsOf } from '../ssh/hosts.ts'

interface ListOptions extends ApiOptions {
  limit?: string
  admission?: string
  presence?: string
}

/** Adds `workers` and its verbs. */
export function addWorkers(program: Command): void {
  const workers = program
    .command('workers')
    .description('workers: list, look at, approve, reject, terminate, revoke, hosts')
  apiCommand<ListOptions>(
    workers,
    'list',
    'all workers, those that wait for a decision first',
    async ({ client, options }) => list(client, options),
  )
    .option('--admission <WORDS>', 'pending, approved, rejected')
    .option('--presence <WORDS>', 'online, late, lost')
    .option('--limit <N>', 'rows at most (100 on a terminal)')
  apiCommand<ApiOptions>(
    workers,
    'get <WORKER>',
    'one worker, by name or id',
    async ({ client, options, args: [id = ''] }) => {
      const worker = await client.call('getWorker', { params: { id } })
      if (options.json) return printJson(worker)
      printTable(['FIELD', 'VALUE'], detailsOf(worker))
    },
  )
  addAdmission(workers)
  addRemoval(workers)
  addHostsOf(workers)
}

function addAdmission(workers: Command): void {
  const approve = apiCommand<HoldOptions>(
    workers,
    'approve <WORKER...>',
    'let workers sync',
    async ({ client, options, args }) => {
      for (const name of args) {
        const { worker_id: id, name: shown } = await client.call('getWorker', { params: { id: name } })
        await holdOrDo(client, options, {
          action: 'approve',
          target: id,
          asked: false,
          async atOnce() {
            await client.call('approve', { params: { id } })
            if (options.json) printJson({ worker_id: id, admission: 'approved' })
            else process.stdout.write(`Approved ${shown}\n`)
          },
        })
      }
    },
  )
  const reject = apiCommand<HoldOptions & { reason?: string }>(
    workers,
    'reject <WORKER>',
    'refuse a worker; its process stops itself',
    async ({ client, options, args: [name = ''] }) => {
      const { worker_id: id, name: shown } = await client.call('getWorker', { params: { id: name } })
      const reason = options.reason ?? null
      await holdOrDo(client, options, {
        action: 'reject',
        target: id,
        reason,
        asked: false,
        async atOnce() {
          await client.call('reject', { params: { id }, body: { reason } })
          if (options.json) printJson({ worker_id: id, admission: 'rejected' })
          else process.stdout.write(`Rejected ${shown}. To come back it must be approved, then started again.\n`)
        },
      })
    },
  ).option('--reason <TEXT>', 'why; sent to the worker and stored')
  addHold(approve, 'default 0')
  addHold(reject, 'default 0')
}

function addRemoval(workers: Command): void {
  apiCommand<ApiOptions & { reason?: string }>(
    workers,
    'revoke <WORKER>',
    'revoke the NATS credentials of a worker and disconnect it at once; locked NATS only',
    async ({ client, options, args: [name = ''] }) => {
      await client.call('revokeWorker', { params: { id: name }, body: { reason: options.reason ?? null } })
      if (options.json) printJson({ worker: name, revoked: true })
      else
        process.stdout.write(
          `Revoked ${name}. To come back it needs a new key and a new join token, and must be approved.\n`,
        )
    },
  ).option('--reason <TEXT>', 'why; stored, and sent to the worker while it is still connected')
  const terminate = apiCommand<HoldOptions & { yes?: boolean }>(
    workers,
    'terminate <WORKER>',
    'remove a worker from the fleet; its process stops, files on its disk stay',
    async ({ client, options, args: [name = ''] }) => {
      const worker = await client.call('getWorker', { params: { id: name } })
      if (!options.yes) await confirm(client, worker)
      const id = worker.worker_id
      await holdOrDo(client, options, {
        action: 'terminate',
        target: id,
        asked: !options.yes,
        async atOnce() {
          await client.call('terminate', { params: { id } })
          if (options.json) printJson({ worker_id: id, terminated: true })
          else process.stdout.write(`Terminated ${worker.name}\n`)
        },
      })
    },
  ).option('--yes', 'do not ask for confirmation')
  addHold(terminate, `default ${heldSeconds.terminate} when asked, 0 with --yes`)
}

async function list(client: Client, options: ListOptions): Promise<void> {
  const { items, total } = await collect(limitOf(options.limit), (cursor, size) =>
    client.call('listWorkers', {
      query: { cursor, limit: size, admission: options.admission, presence: options.presence },
    }),
  )
  if (options.json) return printJson(items)
  if (total === 0)
    return remark(
      'No workers. Start one: kagami run worker --nats-url URL --data-dir DIR --config worker.toml\n' +
        'Where NATS is locked, leave out --nats-url and set KAGAMI_JOIN_TOKEN to what `kagami nats token` prints.',
    )
  printTable(COLUMNS, items.map(rowOf))
  if (items.length < total) remark(`${items.length} of ${total} workers shown; --limit shows more`)
}

const COLUMNS = [
  'STATE',
  'NAME',
  { head: 'ID', drop: 4 },
  { head: 'VERSION', drop: 3 },
  'REPLICAS',
  { head: 'SYNCING', drop: 2 },
  { head: 'DISK', drop: 1 },
  { head: 'FULL IN', drop: 1 },
  'SEEN',
]

function rowOf(worker: Worker): string[] {
  const { storage, jobs, disk_forecast: forecast } = worker
  return [
    state(workerState(worker)),
    worker.name,
    worker.worker_id,
    worker.version ?? (worker.older_wire ? 'older' : '-'),
    worker.admission === 'approved' ? healthCounts(worker.health_counts) : `${worker.replicas_total} declared`,
    jobs && jobs.limit > 0 ? `${jobs.running}/${jobs.limit}${jobs.queued ? ` +${jobs.queued}` : ''}` : '-',
    storage ? `${Math.round(usedShare(storage) * 100)}% of ${size(usableOf(storage))}` : '-',
    forecast?.verdict === 'full' ? `~${forecast.days}d` : '-',
    age(worker.last_seen_at),
  ]
}

function detailsOf(worker: Worker): string[][] {
  const { storage } = worker
  const decided = worker.decided_by ? ` by ${worker.decided_by}, ${age(worker.decided_at)}` : ''
  const pairs: [string, string | null][] = [
    ['name', worker.name],
    ['id', worker.worker_id],
    ['admission', `${state(worker.admission)}${decided}`],
    ['reason', worker.reason],
    ['presence', `${state(worker.presence)}, seen ${age(worker.last_seen_at)}`],
    ['conflict', worker.conflict],
    ['host', worker.hostname],
    ['metrics', worker.http_addr],
    ['data_dir', worker.data_dir],
    ['version', worker.version],
    ['kinds', worker.kinds.map(kindOf).join('\n')],
    ['replicas', `${worker.replicas_total}   ${healthCounts(worker.health_counts)}`],
    ['applied', `revision ${worker.observed_rev} of ${worker.desired_rev}`],
    ['disk', storage ? usedOf(storage) : '-'],
    ['full in', worker.disk_forecast ? fullIn(worker.disk_forecast) : null],
  ]
  return pairs.filter((pair): pair is [string, string] => pair[1] !== null && pair[1] !== '')
}

function kindOf({ available, kind, detail, roots }: Worker['kinds'][number]): string {
  return `${available ? '✓' : '✕'} ${kind} (${detail})${roots ? `, also file:// below ${roots.join(', ')}` : ''}`
}

/** Asks for the name of the worker. Throws ConfigError when another one is typed, or when stdin is no terminal. */
async function confirm(client: Client, worker: Worker): Promise<void> {
  await confirmTyped({
    question: async () => {
      const lost = await lastCopiesOf(client, worker.worker_id)
      return (
        `! Terminate ${worker.name} (${client.baseUrl})\n  ${worker.replicas_total} replicas, ` +
        `${worker.jobs?.running ?? 0} running syncs. Files on its disk stay.\n` +
        (lost.length > 0 ? `  These mirrors lose their ONLY copy: ${lost.join(', ')}\n` : '') +
        "Type the worker's name to go on: "
      )
    },
    answer: worker.name,
    what: 'terminating a worker',
    instead: `kagami workers terminate ${worker.worker_id} --yes`,
  })
}
