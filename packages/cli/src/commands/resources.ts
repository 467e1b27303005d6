// resources.ts — kagami resources [list] | get | pause | resume: mirrors, each all replicas of one name.
import type { Resource } from '@kagami/protocol'
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, due, nextOf, healthCounts, size, state } from '../words.ts'
import { apiCommand, collect, limitOf } from './api.ts'
import { addMirrorDecisions } from './decisions.ts'

/** Adds `resources`, also called `mirrors`. */
export function addResources(program: Command): void {
  const resources = program.command('resources').alias('mirrors').description('mirrors: all replicas of one name')
  apiCommand<ApiOptions & { status?: string; limit?: string }>(
    resources,
    'list',
    'all mirrors, worst first',
    async ({ client, options }) => {
      const { items, total } = await collect(limitOf(options.limit), (cursor, limit) =>
        client.call('listResources', { query: { cursor, limit, status: options.status } }),
      )
      if (options.json) return printJson(items)
      if (total === 0) return remark('No mirrors yet. Add one: kagami replicas add URL --worker WORKER')
      printTable(COLUMNS, items.map(rowOf))
      if (items.length < total) remark(`${items.length} of ${total} mirrors shown; --limit shows more`)
    },
  )
    .option('--status <WORDS>', 'ready, syncing, failed, error')
    .option('--limit <N>', 'rows at most (100 on a terminal)')
  apiCommand<ApiOptions>(
    resources,
    'get <NAME>',
    'one mirror and its replicas',
    async ({ client, options, args: [id = ''] }) => {
      const resource = await client.call('getResource', { params: { id } })
      if (options.json) return printJson(resource)
      printTable(
        ['HEALTH', 'WORKER', 'LAST OK', 'SIZE', 'REVISION', 'NEXT'],
        resource.replicas.map((replica) => [
          state(replica.health),
          replica.worker_name,
          age(replica.last_success_at),
          size(replica.size_bytes),
          replica.revision ?? '-',
          nextOf(replica),
        ]),
      )
    },
  )
  addMirrorDecisions(resources)
}

const COLUMNS = [
  'HEALTH',
  'MIRROR',
  'REPLICAS',
  { head: 'KIND', drop: 3 },
  'NEWEST OK',
  { head: 'SIZE', drop: 2 },
  { head: 'NEXT', drop: 1 },
]

function rowOf(resource: Resource): string[] {
  return [
    state(resource.worst_health),
    resource.name,
    healthCounts(resource.health_counts),
    resource.kinds.join(','),
    age(resource.newest_success_at),
    size(resource.size_bytes),
    due(resource.next_due_at),
  ]
}
