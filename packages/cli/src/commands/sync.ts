// sync.ts — kagami sync: requests syncs, and with --wait waits until they have ended.
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Replica, Sync, SyncAccepted, TypicalDuration } from '@kagami/protocol'
import type { Command } from 'commander'
import { seconds } from '../numbers.ts'
import { printJson, remark, setExitCode } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { duration, size, state, usualOf } from '../words.ts'
import { apiCommand, typicalOf } from './api.ts'

interface SyncOptions extends ApiOptions {
  wait?: boolean
  timeout?: string
}

type Request = SyncAccepted['requests'][number]

/** How waiting for a sync ended: the sync itself, or why it is no longer waited for. */
type End = Sync | 'timeout' | 'silent'

const POLL_MS = 500

/** Adds `sync`. */
export function addSync(program: Command): void {
  apiCommand<SyncOptions>(
    program,
    'sync <MIRROR...>',
    'sync now: NAME (every copy) or NAME@WORKER',
    async ({ client, options, args }) => {
      const timeoutMs = timeoutOf(options)
      const before = options.wait ? await finishedBefore(client, args) : new Set<string>()
      const requests: Request[] = []
      for (const name of args) requests.push(...(await requestSync(client, name)).requests)
      if (!options.wait) return printRequests(requests, options)
      const wait = { deadline: performance.now() + timeoutMs, before }
      const ends = await Promise.all(requests.map((request) => waitForEnd(client, request, wait)))
      if (options.json) printJson(ends.map((end) => (typeof end === 'string' ? null : end)))
      setExitCode(exitCodeOf(ends))
    },
  )
    .option('--wait', 'wait until they have ended; exit 1 when one failed, 9 when its worker is silent')
    .option('--timeout <SECONDS>', 'with --wait: stop waiting after this time, exit 7; the sync continues')
    .addHelpText(
      'after',
      `
Examples:
  kagami sync debian
  kagami sync debian@sh-12 --wait
  kagami sync debian arch --wait --timeout 3600`,
    )
}

function exitCodeOf(ends: readonly End[]): number {
  if (ends.includes('silent')) return 9
  if (ends.includes('timeout')) return 7
  const failed = ends.filter((end) => typeof end === 'string' || end.outcome !== 'success').length
  return failed === 0 ? 0 : failed === ends.length ? 1 : 8
}

function timeoutOf({ timeout }: SyncOptions): number {
  return timeout === undefined ? Infinity : seconds('--timeout', timeout) * 1000
}

function requestSync(client: Client, name: string): Promise<SyncAccepted> {
  return name.includes('@')
    ? client.call('syncReplica', { params: { id: name } })
    : client.call('syncResource', { params: { id: name } })
}

function printRequests(requests: readonly Request[], options: SyncOptions): void {
  if (options.json) return printJson(requests)
  for (const request of requests) process.stdout.write(`Sync of ${request.name} requested (${request.request_id})\n`)
  remark('Follow: kagami logs -f NAME@WORKER   or add --wait')
}

/** Ids of the newest finished syncs of these mirrors, to tell them from the ones that are waited for. */
async function finishedBefore(client: Client, names: readonly string[]): Promise<Set<string>> {
  const lists = names.map((name) =>
    client
      .call('listSyncs', {
        query: { state: 'finished', limit: 20, ...(name.includes('@') ? { replica: name } : { name }) },
      })
      .catch(() => null),
  )
  return new Set((await Promise.all(lists)).flatMap((list) => list?.items.map((sync) => sync.sync_id) ?? []))
}

interface Wait {
  /** Unix ms. */
  readonly deadline: number
  /** Syncs that had finished before the request. */
  readonly before: ReadonlySet<string>
}

/** Waits for the sync of a request until it ends, the deadline comes or its worker is silent. Steps go to stderr. */
async function waitForEnd(client: Client, request: Request, { deadline, before }: Wait): Promise<End> {
  const report = createStepReport(request.name)
  const typical = await typicalOf(client, request.replica_id)
  for (;;) {
    const { items } = await client.call('listSyncs', { query: { replica: request.replica_id, limit: 20 } })
    const running = items.find((sync) => sync.state === 'running')
    const replica = await client.call('getReplica', { params: { id: request.replica_id } }).catch(() => null)
    const ended = items.find((sync) => isEndOf(request, sync, { replica: running ? null : replica, before }))
    if (ended) {
      process.stdout.write(endOf(ended))
      return ended
    }
    if (replica?.worker_presence === 'lost') {
      report(
        `its worker ${replica.worker_name} is silent, so nobody knows when it syncs; the request stays, and counts ` +
          `once it is back. Look: kagami workers get ${replica.worker_name}`,
      )
      return 'silent'
    }
    if (performance.now() > deadline) {
      report(`${running ? 'still running' : 'not started yet'}; no longer waiting for it`)
      return 'timeout'
    }
    report(running ? stepOf(running, typical) : queueOf(replica))
    await pause(POLL_MS)
  }
}

/**
 * Whether this sync serves the request. Requests that arrive together are served by one sync, which names only one of
 * them: then it is the first new sync after which nothing is requested any more.
 */
function isEndOf(
  request: Request,
  sync: Sync,
  { replica, before }: { replica: Replica | null; before: ReadonlySet<string> },
): boolean {
  if (sync.state !== 'finished') return false
  const nothingLeft = replica?.activity === 'idle' && replica.pending_requests === 0
  return sync.request_id === request.request_id || (nothingLeft && !before.has(sync.sync_id))
}

/** Writes each step of a sync once. */
function createStepReport(name: string): (step: string) => void {
  let last = ''
  return (step) => {
    if (step !== last) remark(`${name}: ${step}`)
    last = step
  }
}

function endOf({ outcome, name, worker_name: worker, duration_ms: took, bytes, message, sync_id: id }: Sync): string {
  const received = bytes === null ? '' : `, ${size(bytes)} received`
  const facts = `${duration(took ?? 0)}${received}${message ? `: ${message}` : ''}`
  return `${state(outcome ?? 'unknown')} ${name}@${worker}. ${facts}   kagami logs ${id}\n`
}

function queueOf(replica: Replica | null): string {
  return replica?.queue
    ? `queued: position ${replica.queue.position}, ${replica.queue.reason}`
    : 'waiting for the worker to start it'
}

/** Phase, percent in steps of ten if the tool reports one, and what is left by what is usual. */
function stepOf({ progress, started_at: startedAt }: Sync, typical: TypicalDuration | null): string {
  const percent = !progress || progress.percent === null ? '' : ` ${Math.floor(progress.percent / 10) * 10}%`
  const usual = typical && usualOf(typical, startedAt)
  return `${progress?.phase ?? 'running'}${percent}${usual ? `; ${usual}` : ''}`
}
