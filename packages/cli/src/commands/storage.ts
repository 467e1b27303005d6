// storage.ts — kagami storage [list] | get: how full disks are, when they will be, and what grows on them.
import type { Disk, Filesystem, Grower } from '@kagami/protocol'
import { Refusal } from '@kagami/protocol'
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, fullIn, size, state, usedOf } from '../words.ts'
import { apiCommand, collect, limitOf } from './api.ts'

/** As many as one answer has at most. */
const PAGE_MAX = 100

/** Adds `storage` and its verbs. */
export function addStorage(program: Command): void {
  const storage = program
    .command('storage')
    .description('disks of workers: how full they are, when they will be, what grows on them')
  apiCommand<ApiOptions & { limit?: string }>(
    storage,
    'list',
    'all disks, soonest full first',
    async ({ client, options }) => {
      const { items, total } = await collect(limitOf(options.limit), (cursor, limit) =>
        client.call('listStorage', { query: { cursor, limit: Math.min(PAGE_MAX, limit) } }),
      )
      if (options.json) return printJson(items)
      if (total === 0) return remark('No worker has said yet how full its disk is: kagami workers')
      printTable(COLUMNS, items.map(rowOf))
      if (items.length < total) remark(`${items.length} of ${total} disks shown; --limit shows more`)
    },
  )
    .option('--limit <N>', 'rows at most (100 on a terminal)')
    .addHelpText(
      'after',
      `
FULL IN is a forecast by the growth of the last 14 days, with the range by its fast and slow times in parentheses.

Examples:
  kagami storage
  kagami storage get sh-12
  kagami storage --json | jq '.[] | select(.full_soon) | .name'`,
    )
  apiCommand<ApiOptions>(
    storage,
    'get <WORKER>',
    'the disk of one worker, by name or id, and what grows on it',
    async ({ client, options, args: [worker = ''] }) => {
      const [disk] = (await client.call('listStorage', { query: { worker } })).items
      if (!disk) throw new Refusal('not_found', `${worker} has not said yet how full its disk is, or is not approved`)
      if (options.json) return printJson(disk)
      printTable(['FIELD', 'VALUE'], detailsOf(disk))
      if (disk.growers.length === 0) return
      process.stdout.write('\n')
      printTable(['REPLICA', 'GREW', 'SINCE', 'SIZE', 'QUOTA'], disk.growers.map(growerRow))
    },
  )
}

const COLUMNS = [
  'DISK',
  'USED',
  'FREE',
  { head: 'REPLICAS', drop: 2 },
  'FULL IN',
  { head: 'A DAY', drop: 1 },
  { head: 'AS OF', drop: 3 },
]

function rowOf(disk: Filesystem): string[] {
  return [
    nameOf(disk),
    shareOf(disk),
    size(disk.free_bytes),
    disk.replicas_measured > 0 ? size(disk.replicas_bytes) : '-',
    fullIn(disk.forecast),
    perDay(disk.forecast.bytes_per_day),
    age(disk.as_of),
  ]
}

function nameOf({ name, workers_total }: Disk): string {
  return workers_total > 1 ? `${name} +${workers_total - 1}` : name
}

function shareOf({ used_share, used_bytes, free_bytes }: Disk): string {
  return `${Math.round(used_share * 100)}% of ${size(used_bytes + free_bytes)}`
}

function perDay(bytes: number | null): string {
  if (bytes === null) return '-'
  return bytes < 0 ? `-${size(-bytes)}` : `+${size(bytes)}`
}

function detailsOf(disk: Filesystem): string[][] {
  const measured = `${disk.replicas_measured} of ${disk.replicas_total} with a known size`
  const more = disk.workers_total - disk.workers.length
  return [
    ['workers', disk.workers.map(({ name, presence }) => `${state(presence)} ${name}`).join('\n')],
    ...(more > 0 ? [['', `and ${more} more`]] : []),
    ['host', disk.hostname ?? '-'],
    ['used', usedOf({ ...disk, available_bytes: disk.free_bytes })],
    ['free', size(disk.free_bytes)],
    ['replicas', `${size(disk.replicas_bytes)}, ${measured}`],
    ['full in', fullIn(disk.forecast)],
    ['a day', perDay(disk.forecast.bytes_per_day)],
    ['as of', age(disk.as_of)],
  ]
}

function growerRow({ name, worker_name, grew_bytes, since, size_bytes, quota_bytes }: Grower): string[] {
  const grew = grew_bytes === null ? 'not known' : `+${size(grew_bytes)}`
  return [`${name}@${worker_name}`, grew, since === null ? '-' : age(since), size(size_bytes), size(quota_bytes)]
}
