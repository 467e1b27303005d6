// logs.ts — kagami logs: the log of a sync, while it runs and afterwards; and kagami syncs, to find one.
import { setTimeout as pause } from 'node:timers/promises'
import { Refusal, syncState, type Client, type Sync } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, duration, shortId, silence, size, state } from '../words.ts'
import { apiCommand, collect, printableClient } from '../commands/api.ts'

/** Adds `logs` and `syncs`. */
export function addLogs(program: Command): void {
  apiCommand<ApiOptions & { follow?: boolean }>(
    program,
    'logs <SYNC>',
    'the log of a sync: its id, or NAME or NAME@WORKER for the newest of a replica',
    async ({ client: caller, options, args: [name = ''] }) => {
      // A log is text for people, with --json too.
      const client = printableClient(caller)
      const sync = await findSync(client, name)
      remark(`── ${sync.name}@${sync.worker_name} · ${sync.trigger} · started ${sync.started_at} ──`)
      await printLog(client, sync.sync_id, options.follow ?? false)
      const after = await client.call('getSync', { params: { id: sync.sync_id } })
      if (after.state === 'finished') remark(endOf(after))
    },
  ).option('-f, --follow', 'keep printing until the sync ends')
  const syncs = program.command('syncs').description('syncs: list, cancel')
  apiCommand<ApiOptions & { replica?: string; worker?: string; outcome?: string; limit?: string }>(
    syncs,
    'list',
    'running syncs, then the history, newest first',
    async ({ client, options }) => {
      const { json, limit, api: _api, context: _context, ...query } = options
      const { items, total } = await collect(Number.parseInt(limit ?? '20', 10) || 20, (cursor, pageSize) =>
        client.call('listSyncs', { query: { ...query, cursor, limit: pageSize } }),
      )
      if (json) return printJson(items)
      if (total === 0) return remark('No syncs yet.')
      printTable(COLUMNS, items.map(rowOf))
      remark(`${items.length} of ${total} syncs shown.`)
    },
  )
    .option('--replica <REPLICA>', 'NAME@WORKER or id')
    .option('--worker <WORKER>', 'only syncs of this worker')
    .option('--outcome <WORDS>', 'success, failed, held, cancelled, interrupted')
    .option('--limit <N>', 'rows at most (20)')
  apiCommand<ApiOptions>(
    syncs,
    'cancel <SYNC>',
    'stop a running sync',
    async ({ client, options, args: [name = ''] }) => {
      const sync = await findSync(client, name)
      await client.call('cancelSync', { params: { id: sync.sync_id } })
      if (options.json) return printJson({ sync_id: sync.sync_id, cancelled: true })
      process.stdout.write(`Cancelled the sync of ${sync.name}@${sync.worker_name}\n`)
    },
  )
}

/** The sync with this id, or the newest of the replica NAME@WORKER, or of the only replica called NAME. */
async function findSync(client: Client, name: string): Promise<Sync> {
  if (name.includes('@')) return newestSync(client, name, name)
  const found = await orNull(client.call('getSync', { params: { id: name } }))
  if (found) return found
  const mirror = await orNull(client.call('getResource', { params: { id: name } }))
  const [first, ...others] = mirror?.replicas ?? []
  if (!first) throw new Refusal('not_found', `there is no sync and no mirror ${name}`)
  const names = [first, ...others].map((replica) => `${replica.name}@${replica.worker_name}`)
  if (others.length > 0)
    throw new ConfigError(
      `${name} has ${names.length} replicas: ${names.slice(0, 20).join(', ')}`,
      `Name one of them: ${names[0]}`,
    )
  return newestSync(client, first.replica_id, names[0]!)
}

/** What was asked for; null when there is no such thing. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if ((error as { code?: unknown }).code === 'not_found') return null
    throw error
  }
}

/** The newest sync of a replica: its id or NAME@WORKER, and what people call it. */
async function newestSync(client: Client, replica: string, name: string): Promise<Sync> {
  const { items } = await client.call('listSyncs', { query: { replica, limit: 1 } })
  if (!items[0]) throw new Refusal('not_found', `${name} has never been synced`)
  return items[0]
}

/** Prints the log as far as it is written; with `follow` until the sync has ended. */
async function printLog(client: Client, syncId: string, follow: boolean): Promise<void> {
  let offset = 0
  for (;;) {
    const { text, headers } = await client.call('syncLog', {
      params: { id: syncId },
      query: { offset, limit: 262_144 },
    })
    process.stdout.write(text)
    offset = Number(headers.get('x-log-next-offset'))
    const whole = offset >= Number(headers.get('x-log-size'))
    if (!whole) continue
    if (!follow || headers.get('x-log-running') !== 'true') return
    await pause(500)
  }
}

/** `── ✕ failed after 2s · no route ──`, and what to do when it failed. */
function endOf({ outcome, duration_ms: took, message, hint }: Sync): string {
  const end = `${state(outcome ?? 'unknown')} after ${duration(took ?? 0)}${message ? ` · ${message}` : ''}`
  return `── ${end} ──${hint && outcome !== 'success' ? `\nhint: ${hint}` : ''}`
}

const COLUMNS = [
  'RESULT',
  'SYNC',
  'REPLICA',
  { head: 'TRIGGER', drop: 3 },
  'STARTED',
  { head: 'TOOK', drop: 1 },
  { head: 'RECEIVED', drop: 2 },
  'CAUSE',
]

function rowOf(sync: Sync): string[] {
  const word = syncState(sync)
  const took = sync.duration_ms ?? Date.now() - Date.parse(sync.started_at)
  return [
    state(word),
    shortId(sync.sync_id),
    `${sync.name}@${sync.worker_name}`,
    sync.trigger,
    age(sync.started_at),
    word === 'unknown' ? '-' : duration(took),
    size(sync.bytes),
    word === 'unknown' ? silence(sync.worker_silent_since ?? null) : (sync.reason ?? '-'),
  ]
}
