// resources.ts — kagami resources [list] | get | pause | resume: mirrors, each all replicas of one name.
import { healthOrder, type Resource, type RouteInput } from '@kagami/protocol'
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import { FILTERS_HELP, filtersOf } from '../filters.ts'
import type { ApiOptions } from '../session.ts'
import { age, due, nextOf, healthCounts, size, state } from '../words.ts'
import { apiCommand, collect, limitOf } from './api.ts'
import { addMirrorDecisions } from './decisions.ts'

interface ListOptions {
  status?: string
  health?: string
  kind?: string
  label?: string
  sort?: string
  limit?: string
}

/** Adds `resources`, also called `mirrors`. */
export function addResources(program: Command): void {
  const resources = program.command('resources').alias('mirrors').description('mirrors: all replicas of one name')
  apiCommand<ApiOptions & ListOptions>(resources, 'list', 'all mirrors, worst first', async ({ client, options }) => {
    const query = queryOf(options)
    const { items, total } = await collect(limitOf(options.limit), (cursor, limit) =>
      client.call('listResources', { query: { ...query, cursor, limit } }),
    )
    if (options.json) return printJson(items)
    if (total === 0)
      return remark(
        Object.values(query).some(Boolean)
          ? 'No mirror matches.'
          : 'No mirrors yet. Add one: kagami replicas add URL --worker WORKER',
      )
    printTable(COLUMNS, items.map(rowOf))
    if (items.length < total) remark(`${items.length} of ${total} mirrors shown; --limit shows more`)
  })
    .option('--status <WORDS>', 'ready, syncing, failed, error')
    .option('--health <WORDS>', healthOrder.join(', '))
    .option('--kind <KINDS>', 'kinds of upstream, such as git, rsync, http')
    .option('--label <KEY=VALUE>', 'only with this label')
    .option(
      '--sort <KEY>',
      'worst, name, replicas_total, newest_success_at, size_bytes, next_due_at; with "-" before it in reverse',
    )
    .option('--limit <N>', 'rows at most (100 on a terminal)')
    .addHelpText('after', FILTERS_HELP)
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

function queryOf({ status, sort, health, kind, label }: ListOptions): RouteInput<'listResources'>['query'] & object {
  return { ...filtersOf({ health, kind, label }), status, sort }
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
