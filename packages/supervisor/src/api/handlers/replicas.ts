// replicas.ts — Replicas under /api/v1: list, get, history, edit, sync, rename, remove, pause, decide about holds, go
// back, restore.
import { HISTORY_DAYS, Refusal } from '@kagami/protocol'
import type { ReplicaEntry } from '../../core/entries.ts'
import { effectOf } from '../../core/edits.ts'
import { historyOf, historySpan } from '../../core/history/buckets.ts'
import { replicaOf } from '../../core/views.ts'
import { findReplica, findSyncTarget } from './find.ts'
import type { Context, Handlers } from './handler.ts'
import { addExtras } from '../lists/list-extras.ts'
import { showPage } from '../lists/pages.ts'
import { replicaPage } from '../lists/replica-pages.ts'
import { searchOf } from '../lists/replica-search.ts'

export const replicaHandlers: Pick<
  Handlers,
  | 'listReplicas'
  | 'getReplica'
  | 'replicaHistory'
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
    const { fleet, clock } = supervisor.services
    const found = await replicaPage(fleet, searchOf(fleet, query, clock.now().getTime()))
    // One may go while the page is made.
    const page = await showPage(found, (entry) => (entry.gone ? null : replicaOf(entry)))
    return { ...page, items: await addExtras(supervisor.services, page.items, query.include) }
  },
  getReplica({ params }, context) {
    const replica = replicaOf(replicaIn(context, params.id))
    if (replica.etag) void context.reply.header('etag', replica.etag)
    return replica
  },
  async replicaHistory({ params, query }, context) {
    const { store, clock } = context.supervisor.services
    const { replicaId } = replicaIn(context, params.id)
    const span = historySpan(Number(query.days || HISTORY_DAYS[0]), clock.now().getTime())
    return historyOf(replicaId, span, await store.readHistory(replicaId, span))
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
