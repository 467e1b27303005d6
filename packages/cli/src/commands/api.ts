// api.ts — What every command that calls the API has: --api, --json, and a client.
import { printable, printableValue, type Client, type TypicalDuration } from '@kagami/protocol'
import type { Command } from 'commander'
import { openClient, type ApiOptions } from '../session.ts'
import { watch, watchSeconds } from '../watch/watch.ts'

/** Commands that show how things are. */
const WATCHED = new Set(['list', 'status'])

/** What a command does, with a client for its options and its arguments. */
export type Action<O extends ApiOptions> = (call: { client: Client; options: O; args: string[] }) => Promise<void>

/** Adds a command that calls the API. One called `list` also runs when only its parent is named. */
export function apiCommand<O extends ApiOptions>(
  parent: Command,
  usage: string,
  description: string,
  action: Action<O>,
): Command {
  const command = parent
    .command(usage, { isDefault: usage === 'list' })
    .description(description)
    .option('--api <URL>', 'supervisor to use (KAGAMI_API, default http://127.0.0.1:21000)')
    .option('--context <NAME>', 'a supervisor of `kagami context list` (KAGAMI_CONTEXT)')
    .option('--json', 'print JSON for programs')
  if (WATCHED.has(usage))
    command.option('--watch [SECONDS]', 'again and again; on a terminal in place, else what changed')
  return command.action(async (...given: unknown[]) => {
    const { watch: every, ...rest } = given.at(-2) as O & { watch?: string | true }
    const options = rest as unknown as O
    const args = given
      .slice(0, -2)
      .filter((word) => word !== undefined)
      .flat() as string[]
    const client = openClient(options)
    // People see what upstreams and workers wrote; programs get it as it is.
    const run = () => action({ client: options.json ? client : printableClient(client), options, args })
    await (every === undefined ? run() : watch(run, watchSeconds(every)))
  })
}

/** A client whose answers have nothing in them that a terminal would obey. */
export function printableClient(client: Client): Client {
  return {
    baseUrl: client.baseUrl,
    call: async (name, ...input) => {
      const answer = (await client.call(name, ...input)) as unknown
      if (typeof answer !== 'object' || answer === null || !('headers' in answer))
        return printableValue(answer) as never
      const { text, headers } = answer as { text: string; headers: Headers }
      return { text: printable(text), headers } as never
    },
  }
}

/** Every item of a list, page by page. */
export async function* allPages<T>(
  fetchPage: (cursor: string | undefined) => Promise<{ items: T[]; next_cursor: string | null }>,
): AsyncGenerator<T> {
  let cursor: string | undefined
  do {
    const page = await fetchPage(cursor)
    yield* page.items
    cursor = page.next_cursor ?? undefined
  } while (cursor)
}

/** Up to `limit` items of a list, or all when it is null, and how many there are. */
export async function collect<T>(
  limit: number | null,
  fetchPage: (
    cursor: string | undefined,
    size: number,
  ) => Promise<{ items: T[]; next_cursor: string | null; total: number }>,
): Promise<{ items: T[]; total: number }> {
  let total = 0
  const items: T[] = []
  const pages = allPages(async (cursor) => {
    const page = await fetchPage(cursor, Math.min(500, limit ?? 500))
    total = page.total
    return page
  })
  for await (const item of pages) {
    items.push(item)
    if (limit !== null && items.length >= limit) break
  }
  return { items, total }
}

/** How long syncs of a replica usually take; null when nobody can say, as an earlier supervisor. */
export async function typicalOf(client: Client, replicaId: string): Promise<TypicalDuration | null> {
  const history = await client.call('replicaHistory', { params: { id: replicaId } }).catch(() => null)
  return history?.typical ?? null
}

/** Rows to show: as many as asked for, else 100 on a terminal, and all for programs. */
export function limitOf(asked: string | undefined): number | null {
  if (asked !== undefined) return Math.max(1, Number.parseInt(asked, 10) || 100)
  return process.stdout.isTTY ? 100 : null
}
