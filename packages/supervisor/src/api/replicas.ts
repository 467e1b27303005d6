// replicas.ts — Replicas under /api/v1: list, get, edit, sync, rename, remove, pause, decide about holds, go back,
// restore.
import { healthOrder, Refusal, type RouteInput } from '@kagami/protocol'
import type { Fleet, ReplicaEntry } from '../core/entries.ts'
import { effectOf } from '../core/edits.ts'
import { replicaOf } from '../core/views.ts'
import { findReplica, findSyncTarget, findWorker } from './find.ts'
import type { Context, Handlers } from './handler.ts'
import { mentions, pageOf, showPage, wordsOf, type Order } from './pages.ts'

export const replicaHandlers: Pick<
  Handlers,
  | 'listReplicas'
  | 'getReplica'
  | 'editReplica'
  | 'syncReplica'
  | 'dropReplica'
  | 'pauseReplica'
  | 'resumeReplica'
  | 'approveHold'
  | 'rejectHold'
  | 'rollbackReplica'
  | 'verifyReplica'
  | 'restoreReplica'
  | 'renameReplica'
> = {
  async listReplicas({ query }, { supervisor }) {
    const candidates = candidatesOf(supervisor.services.fleet, query)
    const page = await pageOf(candidates, { matches: filterOf(query), order: orderOf(query.sort), query })
    return showPage(page, replicaOf)
  },
  getReplica({ params }, context) {
    const replica = replicaOf(replicaIn(context, params.id))
    if (replica.etag) void context.reply.header('etag', replica.etag)
    return replica
  },
  async editReplica({ params, headers, body }, context) {
    const entry = replicaIn(context, params.id)
    const request = { patch: body, ifMatch: headers?.['if-match'] ?? null }
    // A refusal names the present ETag in its header, too.
    const showEtag = () => void context.reply.header('etag', replicaOf(entry).etag ?? '')
    try {
      const changes = await context.supervisor.commands.editReplica(entry, request, context.caller)
      showEtag()
      return { ...replicaOf(entry), changes, takes_effect: changes.length > 0 ? effectOf(entry) : null }
    } catch (error) {
      if (error instanceof Refusal && error.code === 'precondition_failed') showEtag()
      throw error
    }
  },
  async syncReplica({ params }, { supervisor, caller }) {
    const target = findSyncTarget(supervisor.services.fleet, params.id)
    return { requests: await supervisor.commands.syncReplicas([target], caller) }
  },
  async dropReplica({ params }, context) {
    const { worker, replicaId } = replicaIn(context, params.id)
    await context.supervisor.commands.removeReplica(worker.record.worker_id, replicaId, context.caller)
    return undefined
  },
  async pauseReplica({ params, body }, context) {
    const entry = replicaIn(context, params.id)
    await context.supervisor.commands.pauseReplica(entry, body?.reason ?? null, context.caller)
    return undefined
  },
  async resumeReplica({ params }, context) {
    await context.supervisor.commands.resumeReplica(replicaIn(context, params.id), context.caller)
    return undefined
  },
  async approveHold({ params, body }, context) {
    const decision = { action: 'approve' as const, holdId: body?.hold_id ?? null }
    const entry = replicaIn(context, params.id)
    return { requests: [await context.supervisor.commands.decideHold(entry, decision, context.caller)] }
  },
  async rejectHold({ params, body }, context) {
    const decision = { action: 'reject' as const, holdId: body?.hold_id ?? null }
    const entry = replicaIn(context, params.id)
    return { requests: [await context.supervisor.commands.decideHold(entry, decision, context.caller)] }
  },
  async rollbackReplica({ params, body }, context) {
    const entry = replicaIn(context, params.id)
    return { requests: [await context.supervisor.commands.rollBack(entry, body?.generation ?? null, context.caller)] }
  },
  async verifyReplica({ params }, context) {
    return { requests: [await context.supervisor.commands.verify(replicaIn(context, params.id), context.caller)] }
  },
  async restoreReplica({ params, body }, context) {
    const entry = replicaIn(context, params.id)
    return { requests: [await context.supervisor.commands.restore(entry, body.id, context.caller)] }
  },
  async renameReplica({ params, body }, context) {
    const entry = replicaIn(context, params.id)
    return { requests: [await context.supervisor.commands.renameReplica(entry, body.name, context.caller)] }
  },
}

function replicaIn({ supervisor }: Context, text: string): ReplicaEntry {
  return findReplica(supervisor.services.fleet, text)
}

type ReplicaQuery = NonNullable<RouteInput<'listReplicas'>['query']>

/** The replicas to filter: those of one worker or one name when the query gives it, so that others cost nothing. */
function candidatesOf(fleet: Fleet, { worker, name }: ReplicaQuery): Iterable<ReplicaEntry> {
  if (worker) return findWorker(fleet, worker).replicas.values()
  if (name) return fleet.resources.get(name)?.replicas ?? []
  return fleet.replicas.values()
}

function filterOf(query: ReplicaQuery): (entry: ReplicaEntry) => boolean {
  const [healths, kinds, causes] = [wordsOf(query.health), wordsOf(query.kind), wordsOf(query.cause)]
  const [labelKey, labelValue] = query.label?.split('=') ?? []
  return ({ state, health, worker }) =>
    mentions(query.q, state.name, state.upstream, worker.record.name) &&
    (!query.name || state.name === query.name) &&
    (!healths || healths.has(health)) &&
    (!kinds || kinds.has(state.kind)) &&
    (!causes || causes.has(state.last_sync?.reason ?? '')) &&
    (!labelKey || (labelValue === undefined ? labelKey in state.labels : state.labels[labelKey] === labelValue))
}

type Column = (entry: ReplicaEntry) => string | number

const rankOf = ({ health }: ReplicaEntry) => healthOrder.indexOf(health)
const nameOf = ({ name }: ReplicaEntry) => name
const workerOf = ({ worker }: ReplicaEntry) => worker.record.name
const idOf = ({ replicaId }: ReplicaEntry) => replicaId
const successOf = ({ state }: ReplicaEntry) => state.last_success_at ?? ''

const SORTS: Readonly<Record<string, readonly Column[]>> = {
  worst: [rankOf, successOf],
  name: [],
  worker: [workerOf],
  last_success_at: [successOf],
  size_bytes: [({ state }) => state.size_bytes ?? -1],
  next_due_at: [({ state }) => state.next_due_at ?? '~'],
}

/** Equal ones are sorted by name, worker and id, so that pages never overlap. */
function orderOf(sort = 'worst'): Order<ReplicaEntry> {
  const descending = sort.startsWith('-')
  const columns = SORTS[descending ? sort.slice(1) : sort || 'worst']!
  return { columns: [...columns, nameOf, workerOf, idOf], descending }
}
