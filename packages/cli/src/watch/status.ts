// status.ts — kagami status: the fleet on one screen, worst first.
import { quietTroubles, type Summary, type Worker } from '@kagami/protocol'
import type { Command } from 'commander'
import { printJson, setExitCode, writeData } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { cutText, terminalRoom, wrapParts } from '../table.ts'
import { age, duration, fullIn, healthParts, healthsOf, size, state, usedOf } from '../words.ts'
import { apiCommand } from '../commands/api.ts'

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
        writeData(
          [
            ...factsOf(summary, client.baseUrl),
            'Needs attention',
            ...attentionOf(summary, { pending: pending.items, lost: lost.items }),
            '',
          ].join('\n'),
        )
      const bad = healthsOf('--fail-on', options.failOn)
      if (bad.some((health) => (summary.health_counts[health] ?? 0) > 0)) setExitCode(1)
    },
  )
    .option('--fail-on <HEALTHS>', 'exit 1 when a replica has one of these, for example failed,stale')
    .addHelpText(
      'after',
      `
Examples:
  kagami status
  kagami status --json | jq .health_counts
  kagami status --fail-on failed,stale || mail -s mirrors ops < /dev/null`,
    )
}

function factsOf(summary: Summary, api: string): string[] {
  const { nats, jobs } = summary
  const up = duration(Date.parse(summary.at) - Date.parse(summary.started_at))
  const natsWords = nats.connected ? `ok (${nats.server_version ?? 'unknown version'})` : 'not reached'
  const unknown = jobs.unknown ? `, ${jobs.unknown} unknown` : ''
  const slots = `Syncing ${jobs.running}${unknown}, queued ${jobs.queued}, slots ${jobs.limit}`
  return [
    `Supervisor  ${api}  ${summary.version}  up ${up}   NATS ${natsWords}`,
    `Workers     ${workersOf(summary)}`,
    ...wrapParts([`Mirrors     ${mirrorsOf(summary)} `, ...healthParts(summary.health_counts), ` ${slots}`], {
      room: terminalRoom(),
      indent: FACT_INDENT,
    }),
    `Storage     ${storageOf(summary)}`,
  ]
}

/** Where what is said of a fact begins. */
const FACT_INDENT = 12

/** States are counted by replica. */
function mirrorsOf({ resources_total: mirrors, replicas_total: replicas }: Summary): string {
  return mirrors === replicas ? String(mirrors) : `${mirrors} (${replicas} replicas)`
}

function workersOf({ workers }: Summary): string {
  if (workers.total === 0) return 'none yet: kagami run worker --nats-url URL --data-dir DIR'
  return (['online', 'late', 'lost', 'pending'] as const)
    .filter((word) => workers[word] > 0)
    .map((word) => state(word, workers[word]))
    .join('  ')
}

/** Use of all disks, and which is full first. */
function storageOf({ storage, disks }: Summary): string {
  if (storage.total_bytes === 0) return '- (no worker has reported its disk yet)'
  const worst = disks?.worst.find(({ forecast }) => forecast.verdict === 'full')
  const first = worst ? `   ${worst.name} full in ${fullIn(worst.forecast)}` : ''
  return `${usedOf(storage)}${first}`
}

/** What needs a person, each with the command that leads on. */
function attentionOf(summary: Summary, workers: { pending: Worker[]; lost: Worker[] }): string[] {
  const lines = [
    ...summary.causes.flatMap(causeLines),
    ...quietLines(summary),
    ...diskLines(summary),
    ...workers.pending.map(({ name }) => `  ${state('pending')}  worker ${name}  → kagami workers approve ${name}`),
    ...workers.lost.map(silentLine),
  ]
  if (lines.length > 0) return lines
  const failure = summary.last_failure
  return [`  Nothing needs you.${failure ? ` Last failure ${age(failure.at)} (${failure.name})` : ''}`]
}

/** A silent worker: since when, and how many syncs ran on it then. */
function silentLine({ name, last_seen_at: seen, jobs }: Worker): string {
  const since = seen === null ? '' : ` for ${duration(Math.max(0, Date.now() - Date.parse(seen)))}`
  const ran = jobs?.running ?? 0
  const syncs = ran === 0 ? '' : `, ${ran} ${ran === 1 ? 'sync' : 'syncs'} unknown since`
  return `  ${state('lost')}  worker ${name}${since}${syncs}  → kagami workers get ${name}`
}

const QUIET = {
  stale: 'the last good sync is too long ago, though none failed',
  stuck: 'a sync makes no progress',
}

/** What no sync that failed tells of. */
function quietLines({ health_counts: counts }: Summary): string[] {
  const troubles = quietTroubles.filter((health) => (counts[health] ?? 0) > 0)
  return troubles.flatMap((health) => {
    const parts = [`  ${state(health, counts[health])}`, QUIET[health], `→ kagami replicas --health ${health}`]
    return wrapParts(parts, { room: terminalRoom(), indent: CAUSE_INDENT })
  })
}

/** Where further lines of what needs attention begin. */
const CAUSE_INDENT = 5

function diskLines({ disks }: Summary): string[] {
  const soon = (disks?.worst ?? []).filter((disk) => disk.full_soon)
  const more = (disks?.full_soon ?? 0) - soon.length
  return [
    ...soon.map((disk) => {
      const full = disk.forecast.verdict === 'full' ? `full in ${fullIn(disk.forecast)}` : fullIn(disk.forecast)
      const what = `${disk.name}  ${full}, ${size(disk.free_bytes)} free`
      return `  ${state('disk')}  ${what}  → kagami storage get ${disk.name}`
    }),
    ...(more > 0 ? [`  ${state('disk')}  ${more} more  → kagami storage`] : []),
  ]
}

function causeLines(cause: Summary['causes'][number]): string[] {
  const { message, replicas, held = 0, since, workers, workers_total: on = workers.length, reason, hint } = cause
  const others = on > workers.length ? ` and ${on - workers.length} more` : ''
  const where = `${replicas} ${replicas === 1 ? 'replica' : 'replicas'} on ${workers.join(', ')}${others}`
  const long = since && held < replicas ? `, failing since ${age(since)}` : ''
  const words = [
    ...(held < replicas ? [state('failed', held > 0 ? replicas - held : undefined)] : []),
    ...(held > 0 ? [state('held', held < replicas ? held : undefined)] : []),
  ]
  const parts = [`  ${words.join(', ')}`, message, `${where}${long}`, `→ kagami replicas --cause ${reason}`]
  const room = terminalRoom()
  const advice = wrapParts(`     ${hint}`.split(/(?<=\S) /), { room, indent: CAUSE_INDENT, gap: ' ' })
  return [...wrapParts(parts, { room, indent: CAUSE_INDENT }), ...lastLines(cause), ...advice]
}

/** What the replica that failed last said, in one line of the terminal. */
function lastLines({ last }: Summary['causes'][number]): string[] {
  if (!last) return []
  return [cutText(`     ${last.name}@${last.worker_name}, ${age(last.at)}: ${last.line}`, terminalRoom())]
}
