// bulk.ts — Bulk jobs under /api/v1: start, list, get, their items, try again, cancel.
import { Refusal, type BulkJob, type RouteInput } from '@kagami/protocol'
import { requireScope } from '../../access/grant.ts'
import type { Supervisor } from '../../supervisor.ts'
import type { Handlers } from './handler.ts'
import { wordsOf } from '../lists/pages.ts'
import { chooseReplicas, describeChosen, targetsAmong } from '../lists/selection.ts'

export const bulkHandlers: Pick<
  Handlers,
  'startBulk' | 'listBulk' | 'getBulk' | 'listBulkItems' | 'retryBulk' | 'cancelBulk'
> = {
  async startBulk({ body }, { supervisor, caller, grant }) {
    checkBody(body)
    const { action, query = null, patch = null, reason = null } = body
    const chosen = await chooseReplicas(supervisor.services.fleet, body, supervisor.services.clock.now().getTime())
    if (body.expected !== undefined && body.expected !== chosen.length)
      throw new Refusal(
        'conflict',
        `${body.expected} replicas were expected and ${chosen.length} match now: nothing was done`,
        'expected',
        'Look at what matches now, then try again.',
      )
    if (grant) requireScope(grant, targetsAmong(supervisor.services.fleet, chosen, patch))
    const seen = describeChosen(supervisor.services.fleet, chosen, action)
    if (body.dry_run) return { ...seen, job: null }
    const targets = chosen.map(({ worker_id, replica_id, name }) => ({ worker_id, replica_id, name }))
    return { ...seen, job: bulkOf(await supervisor.bulk.start({ action, query, patch, reason }, targets, caller)) }
  },
  async listBulk({ query }, { supervisor }) {
    const request = { cursor: query.cursor || null, limit: query.limit ?? 100 }
    const { items, nextCursor, total } = await supervisor.services.store.listBulkJobs(request)
    return { items: items.map(bulkOf), next_cursor: nextCursor, total }
  },
  async getBulk({ params }, { supervisor }) {
    return bulkOf(await findBulk(supervisor, params.id))
  },
  async listBulkItems({ params, query }, { supervisor }) {
    const { job_id } = await findBulk(supervisor, params.id)
    const results = [...(wordsOf(query.result) ?? [])]
    const request = { cursor: query.cursor || null, limit: query.limit ?? 100 }
    const { items, nextCursor, total } = await supervisor.services.store.listBulkItems(job_id, results, request)
    return { items, next_cursor: nextCursor, total }
  },
  async retryBulk({ params }, { supervisor, caller }) {
    return bulkOf(await supervisor.bulk.retry(await findBulk(supervisor, params.id), caller))
  },
  async cancelBulk({ params }, { supervisor, caller }) {
    await supervisor.bulk.cancel(await findBulk(supervisor, params.id), caller)
    return undefined
  },
}

type BulkRecord = Awaited<ReturnType<Supervisor['bulk']['start']>>

/** Shorter texts are no prefix of an id. */
const PREFIX_MIN = 4

/** The bulk job of an id, or of its beginning. */
export async function findBulk({ services }: Supervisor, id: string): Promise<BulkRecord> {
  const job = id.length < PREFIX_MIN ? null : await services.store.findBulkJob(id)
  if (job) return job
  throw new Refusal(
    'not_found',
    `there is no bulk job "${id}"; it may be older than the history that is kept`,
    null,
    'List those there are: kagami bulk list.',
  )
}

/** A job as the API returns it. */
function bulkOf({ actor, remote: _remote, ...job }: BulkRecord): BulkJob {
  const left = job.total - job.ok - job.refused
  const isCancelled = job.state === 'cancelled'
  return {
    ...job,
    waiting: isCancelled ? 0 : left,
    cancelled: isCancelled ? left : 0,
    names: [...job.names],
    started_by: actor,
  }
}

/** What the schema cannot say. */
function checkBody({ action, replicas, query, patch }: RouteInput<'startBulk'>['body']): void {
  if ((replicas === undefined) === (query === undefined))
    throw new Refusal(
      'invalid_request',
      'either replicas or query has to be there',
      'replicas',
      'Name replicas by their ids, or choose them by the filters of GET /api/v1/replicas.',
    )
  if (action === 'edit' && (patch === undefined || Object.keys(patch).length === 0))
    throw new Refusal('invalid_request', 'patch has to say what to change', 'patch')
  if (action !== 'edit' && patch !== undefined)
    throw new Refusal('invalid_request', `patch is for the action edit, not ${action}`, 'patch')
}
