// workers.ts — Workers under /api/v1: list, get, ask, revoke.
import { healthOrder } from '@kagami/protocol'
import type { WorkerEntry } from '../../core/entries.ts'
import { requireApproved } from '../../core/records.ts'
import { workerOf } from '../../core/views.ts'
import { planImport } from '../../importing/plan.ts'
import { findWorker } from './find.ts'
import type { Handlers } from './handler.ts'
import { mentions, pageOf, showPage, wordsOf, type Order } from '../lists/pages.ts'

export const workerHandlers: Pick<
  Handlers,
  'listWorkers' | 'getWorker' | 'listFolders' | 'tryUpstream' | 'planImport' | 'revokeWorker'
> = {
  async listWorkers({ query }, { supervisor }) {
    const [admissions, presences] = [wordsOf(query.admission), wordsOf(query.presence)]
    const matches = ({ record, presence }: WorkerEntry) =>
      mentions(query.q, record.name, record.worker_id, record.hostname) &&
      (!admissions || admissions.has(record.admission)) &&
      (!presences || presences.has(presence))
    const order = query.sort === 'worst' ? worstFirst : pendingFirst
    const page = await pageOf(supervisor.services.fleet.workers.values(), { matches, order, query })
    return showPage(page, workerOf)
  },
  getWorker: ({ params }, { supervisor }) => workerOf(findWorker(supervisor.services.fleet, params.id)),
  listFolders({ params }, { supervisor }) {
    const { folders } = findWorker(supervisor.services.fleet, params.id)
    return folders ?? { items: [], total: null, looked_at: null }
  },
  tryUpstream({ params, body }, { supervisor, caller }) {
    const { record } = findWorker(supervisor.services.fleet, params.id)
    return supervisor.commands.tryUpstream(record.worker_id, body, caller)
  },
  planImport({ params, body }, { supervisor }) {
    const { fleet } = supervisor.services
    const { worker_id: id } = findWorker(fleet, params.id).record
    return planImport(requireApproved(fleet.workers.get(id), id), body)
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
const pendingFirst: Order<WorkerEntry> = {
  columns: [
    ({ record }) => Number(record.admission !== 'pending'),
    ({ record }) => record.name,
    ({ record }) => record.worker_id,
  ],
}

/** Workers with the most replicas of the worst health, then of the next. */
const worstFirst: Order<WorkerEntry> = {
  columns: [
    ...healthOrder.map(
      (health) =>
        ({ healths }: WorkerEntry) =>
          -healths.get(health),
    ),
    ({ record }) => record.name,
    ({ record }) => record.worker_id,
  ],
}
