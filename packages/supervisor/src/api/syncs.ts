// syncs.ts — Syncs under /api/v1, running and finished: list, get, log, cancel.
import { Refusal, type Sync } from '@kagami/protocol'
import type { Fleet, ReplicaEntry } from '../core/entries.ts'
import { finishedSyncOf, runningSyncOf } from '../core/views.ts'
import type { Supervisor } from '../supervisor.ts'
import { findReplica, findWorker } from './find.ts'
import type { Handlers } from './handler.ts'
import { wordsOf } from './lists/pages.ts'

export const syncHandlers: Pick<Handlers, 'listSyncs' | 'getSync' | 'syncLog' | 'cancelSync'> = {
  async listSyncs({ query }, { supervisor }) {
    const { fleet, store } = supervisor.services
    const workerId = query.worker ? findWorker(fleet, query.worker).record.worker_id : undefined
    const replicaId = query.replica
      ? fleet.replicas.has(query.replica)
        ? query.replica
        : replicaIdOf(fleet, query.replica)
      : undefined
    const outcomes = [...(wordsOf(query.outcome) ?? [])]
    const limit = query.limit ?? 100
    const running =
      query.cursor || query.state === 'finished' || outcomes.length > 0
        ? []
        : runningSyncs(fleet).filter(
            (sync) =>
              (!workerId || sync.worker_id === workerId) &&
              (!replicaId || sync.replica_id === replicaId) &&
              (!query.name || sync.name === query.name),
          )
    if (query.state === 'running') return { items: running.slice(0, limit), next_cursor: null, total: running.length }
    const page = await store.listSyncs(
      { workerId, replicaId, name: query.name, outcomes },
      { cursor: query.cursor || null, limit },
    )
    return {
      items: [...running, ...page.items.map((report) => finishedSyncOf(fleet, report))],
      next_cursor: page.nextCursor,
      total: page.total + running.length,
    }
  },
  async getSync({ params }, { supervisor }) {
    return (await findSync(supervisor, params.id)).sync
  },
  async syncLog({ params, query }, { supervisor, reply }) {
    const { sync } = await findSync(supervisor, params.id)
    const log = await supervisor.commands.readLog({
      workerId: sync.worker_id,
      replicaId: sync.replica_id,
      syncId: sync.sync_id,
      offset: query?.offset ?? 0,
      limit: query?.limit ?? 65_536,
    })
    void reply
      .header('x-log-offset', log.offset)
      .header('x-log-next-offset', log.next_offset)
      .header('x-log-size', log.size_bytes)
      .header('x-log-running', String(log.running))
    return log.text
  },
  async cancelSync({ params }, { supervisor, caller }) {
    const { sync, entry } = await findSync(supervisor, params.id)
    if (!entry) throw new Refusal('conflict', 'the sync has already ended')
    await supervisor.commands.cancelSync(entry, sync.sync_id, caller)
    return undefined
  },
}

function replicaIdOf(fleet: Fleet, text: string): string {
  // A replica that was removed still has its history under its id.
  return /@/.test(text) ? findReplica(fleet, text).replicaId : text
}

function runningSyncs(fleet: Fleet): Sync[] {
  const running: Sync[] = []
  for (const worker of fleet.workers.values()) {
    if (worker.jobs?.running === 0) continue
    for (const entry of worker.replicas) {
      const sync = entry.running ? runningSyncOf(entry) : null
      if (sync) running.push(sync)
    }
  }
  return running.sort((a, b) => (a.started_at > b.started_at ? -1 : 1))
}

/** A sync by id or unique prefix: among the running ones, then in the history. */
async function findSync(supervisor: Supervisor, id: string): Promise<{ sync: Sync; entry: ReplicaEntry | null }> {
  const { fleet, store } = supervisor.services
  for (const worker of fleet.workers.values()) {
    for (const entry of worker.replicas) {
      const running = entry.running ? runningSyncOf(entry) : null
      if (!running?.sync_id.startsWith(id)) continue
      // Its report may have arrived before the heartbeat that says it has ended.
      const report = await store.findSync(running.sync_id)
      if (!report) return { sync: running, entry }
    }
  }
  const report = id.length < 4 ? null : await store.findSync(id)
  if (!report) throw new Refusal('not_found', `there is no sync "${id}"; it may be older than the history that is kept`)
  return { sync: finishedSyncOf(fleet, report), entry: null }
}
