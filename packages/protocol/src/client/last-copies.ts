// last-copies.ts — Finds the mirrors that only one worker has: what would be lost with it. For command line and UI.
import type { Client } from './client.ts'

const PAGE = 500

/** Names of the mirrors that would have no replica without this worker. Reads all its replicas, and all mirrors. */
export async function lastCopiesOf(client: Client, workerId: string): Promise<string[]> {
  const mine = new Set(
    await collect(
      (cursor) => client.call('listReplicas', { query: { worker: workerId, limit: PAGE, cursor } }),
      (replica) => replica.name,
    ),
  )
  if (mine.size === 0) return []
  const single = await collect(
    (cursor) => client.call('listResources', { query: { limit: PAGE, cursor } }),
    (resource) => (resource.replicas_total === 1 ? resource.name : null),
  )
  return single.filter((name) => name !== null && mine.has(name)) as string[]
}

/** Whether this replica is the only copy of its mirror; null: that could not be found out. */
export async function isLastCopy(client: Client, { name }: { readonly name: string }): Promise<boolean | null> {
  const resource = await client.call('getResource', { params: { id: name } }).catch(() => null)
  return resource && resource.replicas_total === 1
}

async function collect<T, R>(
  fetch: (cursor: string | undefined) => Promise<{ items: T[]; next_cursor: string | null }>,
  pick: (item: T) => R,
): Promise<R[]> {
  const picked: R[] = []
  let cursor: string | undefined
  do {
    const page = await fetch(cursor)
    picked.push(...page.items.map(pick))
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return picked
}
