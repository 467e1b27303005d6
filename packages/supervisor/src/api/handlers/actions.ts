// actions.ts — Held decisions under /api/v1/actions: make, list, cancel.
import { heldSeconds, roleFor, routes } from '@kagami/protocol'
import { requireRole } from '../../access/grant.ts'
import { findReplica, findWorker } from './find.ts'
import type { Handlers } from './handler.ts'

export const actionHandlers: Pick<Handlers, 'holdAction' | 'listActions' | 'cancelAction'> = {
  holdAction({ body }, { supervisor, caller, grant }) {
    const { fleet } = supervisor.services
    const { action: decision, target, reason = null, hold_secs = heldSeconds[decision] } = body
    if (grant && decision === 'terminate') requireRole(grant, roleFor(routes.terminate)!)
    const replica = decision === 'remove_replica' ? findReplica(fleet, target) : null
    const worker = replica?.worker ?? findWorker(fleet, target)
    return supervisor.actions.hold({ decision, worker, replica, reason, holdSeconds: hold_secs }, caller)
  },
  listActions: (_, { supervisor }) => supervisor.actions.list(),
  async cancelAction({ params }, { supervisor, caller }) {
    await supervisor.actions.cancel(params.id, caller)
    return undefined
  },
}
