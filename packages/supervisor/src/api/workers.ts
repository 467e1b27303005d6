// workers.ts — Workers under /api/v1: list, get, revoke.
import type { WorkerEntry } from '../core/entries.ts'
import { workerOf } from '../core/views.ts'
import { findWorker } from './find.ts'
import type { Handlers } from './handler.ts'
import { compareText, mentions, pageOfList, wordsOf } from './pages.ts'

export const workerHandlers: Pick<Handlers, 'listWorkers' | 'getWorker' | 'listFolders' | 'revokeWorker'> = {
  listWorkers({ query }, { supervisor }) {
    const [admissions, presences] = [wordsOf(query.admission), wordsOf(query.presence)]
    const found = [...supervisor.services.fleet.workers.values()].filter(
      ({ record, presence }) =>
        mentions(query.q, record.name, record.worker_id, record.hostname) &&
        (!admissions || admissions.has(record.admission)) &&
        (!presences || presences.has(presence)),
    )
    found.sort(pendingFirst)
    const page = pageOfList(found, query)
    return { ...page, items: page.items.map(workerOf) }
  },
  getWorker: ({ params }, { supervisor }) => workerOf(findWorker(supervisor.services.fleet, params.id)),
  listFolders({ params }, { supervisor }) {
    const { folders } = findWorker(supervisor.services.fleet, params.id)
    return folders ?? { items: [], total: null, looked_at: null }
  },
  async revokeWorker({ params, body }, { supervisor, caller }) {
    const { fleet } = supervisor.services
    // A terminated worker is no longer in the fleet; its credentials can still be revoked by its id.
    const named = [...fleet.workers.values()].some((worker) => worker.record.name === params.id)
    const id = !fleet.workers.has(params.id) && named ? findWorker(fleet, params.id).record.worker_id : params.id
    await supervisor.commands.revoke(id, body?.reason ?? null, caller)
    return undefined
  },
}

/** Workers that wait for a decision, then the others by name. */
function pendingFirst(a: WorkerEntry, b: WorkerEntry): number {
  const pending = (worker: WorkerEntry) => Number(worker.record.admission === 'pending')
  return pending(b) - pending(a) || compareText(a.record.name, b.record.name)
}
