// sync.ts — kagami sync: asks for syncs, and follows them when told to.
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Sync, SyncAccepted } from '@kagami/protocol'
import type { Command } from 'commander'
import { endWith, printJson, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { size, span, state } from '../words.ts'
import { apiCommand } from './api.ts'

interface SyncOptions extends ApiOptions {
  wait?: boolean
  timeout?: string
}

type Request = SyncAccepted['requests'][number]

/** Adds `sync`. */
export function addSync(program: Command): void {
  apiCommand<SyncOptions>(
    program,
    'sync <MIRROR...>',
    'sync now: NAME (every copy) or NAME@WORKER',
    async ({ client, options, args }) => {
      const requests: Request[] = []
      const before = options.wait ? await newestOf(client, args) : new Set<string>()
      for (const name of args) requests.push(...(await ask(client, name)).requests)
      if (!options.wait) {
        if (options.json) return printJson(requests)
        for (const request of requests)
          process.stdout.write(`Sync of ${request.name} asked for (${request.request_id})\n`)
        return remark('Follow: kagami logs -f NAME@WORKER   or add --wait')
      }
      const deadline = options.timeout ? Date.now() + Number(options.timeout) * 1000 : Infinity
      const ended = await Promise.all(requests.map((request) => follow(client, request, { deadline, before })))
      if (options.json) printJson(ended)
      const failed = ended.filter((sync) => sync?.outcome !== 'success').length
      if (ended.some((sync) => sync === null)) return endWith(7)
      if (failed > 0) endWith(failed === ended.length ? 1 : 8)
    },
  )
    .option('--wait', 'wait until they have ended; exit 1 when one failed')
    .option('--timeout <SECONDS>', 'with --wait: give up waiting after this long, exit 7; the sync goes on')
    .addHelpText(
      'after',
      '\nExamples:\n  kagami sync debian\n  kagami sync debian@sh-12 --wait\n  kagami sync debian arch --wait ' +
        '--timeout 3600',
    )
}

function ask(client: Client, name: string): Promise<SyncAccepted> {
  return name.includes('@')
    ? client.call('syncReplica', { params: { id: name } })
    : client.call('syncResource', { params: { id: name } })
}

/** Ids of the newest finished syncs of what is about to be synced, to tell them from what comes. */
async function newestOf(client: Client, names: readonly string[]): Promise<Set<string>> {
  const lists = names.map((name) =>
    client
      .call('listSyncs', {
        query: { state: 'finished', limit: 20, ...(name.includes('@') ? { replica: name } : { name }) },
      })
      .catch(() => null),
  )
  return new Set((await Promise.all(lists)).flatMap((list) => list?.items.map((sync) => sync.sync_id) ?? []))
}

/** The sync of a request once it has ended, or null when the deadline came first. Says each step on stderr. */
async function follow(
  client: Client,
  request: Request,
  { deadline, before }: { deadline: number; before: ReadonlySet<string> },
): Promise<Sync | null> {
  let said = ''
  const say = (text: string) => {
    if (text !== said) remark(`${request.name}: ${text}`)
    said = text
  }
  for (;;) {
    const { items } = await client.call('listSyncs', { query: { replica: request.replica_id, limit: 20 } })
    const running = items.find((sync) => sync.state === 'running')
    const replica = running
      ? null
      : await client.call('getReplica', { params: { id: request.replica_id } }).catch(() => null)
    // Requests that come together are served by one sync, which bears the name of one of them.
    const settled = replica?.activity === 'idle' && replica.pending_requests === 0
    const ended = items.find(
      (sync) =>
        sync.state === 'finished' && (sync.request_id === request.request_id || (settled && !before.has(sync.sync_id))),
    )
    if (ended) {
      process.stdout.write(
        `${state(ended.outcome ?? 'unknown')} ${ended.name}@${ended.worker_name}. ` +
          `${span(ended.duration_ms ?? 0)}${ended.bytes === null ? '' : `, ${size(ended.bytes)} ` + 'received'}${ended.message ? `: ${ended.message}` : ''}   kagami logs ${ended.sync_id}\n`,
      )
      return ended
    }
    if (Date.now() > deadline) {
      say('still going on; not waiting any longer')
      return null
    }
    say(
      running
        ? stepOf(running)
        : replica?.queue
          ? `queued: position ${replica.queue.position}, ${replica.queue.reason}`
          : 'waiting for the worker to take it up',
    )
    await pause(500)
  }
}

/** Percent only when the tool knows it; one line for each ten. */
function stepOf({ progress }: Sync): string {
  if (!progress) return 'running'
  const percent = progress.percent === null ? '' : ` ${Math.floor(progress.percent / 10) * 10}%`
  return `${progress.phase}${percent}`
}
