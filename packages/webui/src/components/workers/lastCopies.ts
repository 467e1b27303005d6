// lastCopies.ts — Finds the mirrors that only one worker has.
import type { Worker } from '@kagami/protocol'
import { api } from '../../api.ts'

const PAGE = 500

/** Names of the mirrors that would have no replica without this worker. Reads all its replicas, and all mirrors. */
export async function lastCopies(worker: Pick<Worker, 'worker_id'>): Promise<string[]> {
  const mine = new Set(
    await all(
      (cursor) => api.call('listReplicas', { query: { worker: worker.worker_id, limit: PAGE, cursor } }),
      (replica) => replica.name,
    ),
  )
  if (mine.size === 0) return []
  const single = await all(
    (cursor) => api.call('listResources', { query: { limit: PAGE, cursor } }),
    (resource) => (resource.replicas_total === 1 ? resource.name : null),
  )
  return single.filter((name) => name !== null && mine.has(name)) as string[]
}

async function all<T, R>(
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
