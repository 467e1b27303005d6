// events.ts — kagami events [list]: who asked for what, when, and with which result; with -f as it happens.
import { setTimeout as pause } from 'node:timers/promises'
import type { AuditEntry, Client } from '@kagami/protocol'
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { apiCommand, collect, limitOf } from '../commands/api.ts'

interface EventOptions extends ApiOptions {
  target?: string
  actor?: string
  action?: string
  refused?: boolean
  done?: boolean
  follow?: boolean
  limit?: string
}

type Filter = Partial<Record<'target' | 'actor' | 'action', string>> & { result?: 'done' | 'refused' }

const POLL_MS = 1000
/** How many of the last ones are shown before those that come. */
const BEFORE = 10

/** Adds `events`. */
export function addEvents(program: Command): void {
  const events = program.command('events').description('who asked for what, when, and with which result')
  apiCommand<EventOptions>(events, 'list', 'the newest first', async ({ client, options }) => {
    const filter: Filter = {
      ...(options.target === undefined ? {} : { target: options.target }),
      ...(options.actor === undefined ? {} : { actor: options.actor }),
      ...(options.action === undefined ? {} : { action: options.action }),
      ...(options.refused ? { result: 'refused' } : options.done ? { result: 'done' } : {}),
    }
    return options.follow ? follow(client, filter, options.json === true) : list(client, filter, options)
  })
    .option('--target <TARGET>', 'about this worker, NAME@WORKER, or id')
    .option('--actor <NAME>', 'by this one')
    .option('--action <ACTIONS>', 'such as approve, reject, terminate, add_replica, remove_replica, edit, sync, pause')
    .option('--refused', 'only requests that were refused')
    .option('--done', 'only what was done')
    .option('-f, --follow', 'the last ones, and then each as it happens, oldest first')
    .option('--limit <N>', 'rows at most (100 on a terminal)')
    .addHelpText(
      'after',
      `
Examples:
  kagami events --target debian@sh-12
  kagami events --refused
  kagami events -f --json | jq .action`,
    )
}

async function list(client: Client, filter: Filter, { json, limit }: EventOptions): Promise<void> {
  const { items, total } = await collect(limitOf(limit), (cursor, size) =>
    client.call('audit', { query: { ...filter, cursor, limit: size } }),
  )
  if (json) return printJson(items)
  if (total === 0) return remark('Nothing of this kind is on record.')
  printTable(COLUMNS, items.map(rowOf))
  if (items.length < total) remark(`${items.length} of ${total} events shown; --limit shows more`)
}

/** Prints the last entries, then each that comes. A supervisor that is away is asked again, and said once. */
async function follow(client: Client, filter: Filter, json: boolean): Promise<void> {
  const print = (entry: AuditEntry): void =>
    json ? printJson(entry) : void process.stdout.write(`${rowOf(entry).join('  ')}\n`)
  const last = await client.call('audit', { query: { ...filter, limit: BEFORE } })
  last.items.toReversed().forEach(print)
  let since = last.items[0]?.id ?? (await client.call('audit', { query: { limit: 1 } })).items[0]?.id ?? 0
  let away = false
  for (;;) {
    await pause(POLL_MS)
    try {
      const { items } = await client.call('audit', { query: { ...filter, since, limit: 500 } })
      items.forEach(print)
      since = items.at(-1)?.id ?? since
      if (away) remark('The supervisor is back; nothing was missed.')
      away = false
    } catch (error) {
      if ((error as { code?: string }).code !== 'unreachable') throw error
      if (!away) remark('The supervisor does not answer; waiting for it.')
      away = true
    }
  }
}

const COLUMNS = ['WHEN', 'WHO', 'ACTION', 'TARGET', 'RESULT', { head: 'DETAIL', cut: 20 }, { head: 'FROM', drop: 1 }]

function rowOf({ at, actor, action, target, target_name, result, detail, remote }: AuditEntry): string[] {
  return [
    at.replace('T', ' ').replace(/\.\d+Z$/, 'Z'),
    actor,
    action,
    target_name ?? target ?? '-',
    result,
    detail ?? '-',
    remote ?? '-',
  ]
}
