// status.ts — kagami status: the fleet on one screen, worst first.
import type { Summary } from '@kagami/protocol'
import type { Command } from 'commander'
import { endWith, printJson } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, healthCounts, size, span, state } from '../words.ts'
import { apiCommand } from './api.ts'

/** Adds `status`. */
export function addStatus(program: Command): void {
  apiCommand<ApiOptions & { failOn?: string }>(
    program,
    'status',
    'the fleet on one screen',
    async ({ client, options }) => {
      const [summary, pending, lost] = await Promise.all([
        client.call('summary'),
        client.call('listWorkers', { query: { admission: 'pending', limit: 5 } }),
        client.call('listWorkers', { query: { admission: 'approved', presence: 'lost', limit: 5 } }),
      ])
      if (options.json) printJson(summary)
      else
        process.stdout.write(
          textOf(summary, { api: client.baseUrl, pending: pending.items.map(nameOf), lost: lost.items.map(nameOf) }),
        )
      const bad = (options.failOn ?? '').split(',').filter(Boolean)
      if (bad.some((health) => (summary.health_counts[health] ?? 0) > 0)) endWith(1)
    },
  )
    .option('--fail-on <HEALTHS>', 'exit 1 when a replica has one of these, for example failed,stale')
    .addHelpText(
      'after',
      '\nExamples:\n  kagami status\n  kagami status --json | jq .health_counts\n  kagami status --fail-on ' +
        'failed,stale || mail -s mirrors ops < /dev/null',
    )
}

const nameOf = (worker: { name: string }) => worker.name

function textOf(summary: Summary, { api, pending, lost }: { api: string; pending: string[]; lost: string[] }): string {
  const { workers, storage, jobs } = summary
  const up = span(Date.parse(summary.at) - Date.parse(summary.started_at))
  const workerCounts = [
    workers.online && state('online', workers.online),
    workers.late && state('late', workers.late),
    workers.lost && state('lost', workers.lost),
    workers.pending && state('pending', workers.pending),
  ].filter(Boolean)
  const lines = [
    `Supervisor  ${api}  ${summary.version}  up ${up}   NATS ` +
      `${summary.nats.connected ? `ok (${summary.nats.server_version ?? 'unknown version'})` : 'not reached'}`,
    `Workers     ${workers.total === 0 ? 'none yet: kagami ' + 'run worker ' + '--nats-url URL ' + '--data-dir DIR' : workerCounts.join('  ')}`,
    `Mirrors     ${summary.resources_total}   ${healthCounts(summary.health_counts)}   Syncing ` +
      `${jobs.running}, queued ${jobs.queued}, slots ${jobs.limit}`,
    `Storage     ${storage.total_bytes > 0 ? `${size(storage.used_bytes)} / ` + `${size(storage.total_bytes)} ` + `(${Math.round((storage.used_bytes / storage.total_bytes) * 100)}%)` : '- (no worker has ' + 'told yet)'}`,
    'Needs attention',
  ]
  for (const cause of summary.causes) {
    lines.push(
      `  ${state('failed')}  ${cause.message}  ${cause.replicas} ` +
        `${cause.replicas === 1 ? 'replica' : 'replicas'} on ${cause.workers.join(', ')}  → kagami replicas ` +
        `--cause ${cause.reason}`,
      `     ${cause.hint}`,
    )
  }
  for (const name of pending) lines.push(`  ${state('pending')}  worker ${name}  → kagami workers approve ${name}`)
  for (const name of lost) lines.push(`  ${state('lost')}  worker ${name} is silent  → kagami workers get ${name}`)
  if (lines.at(-1) === 'Needs attention')
    lines.push(
      '  Nothing needs ' +
        `you.${summary.last_failure ? ` Last failure ${age(summary.last_failure.at)} ` + `(${summary.last_failure.name})` : ''}`,
    )
  return `${lines.join('\n')}\n`
}
