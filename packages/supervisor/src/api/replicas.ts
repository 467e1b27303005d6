// replicas.ts — What is decided about one replica under /api/v1: pause, resume, holds, earlier trees.
import { findReplica } from './find.ts'
import type { Context, Handlers } from './handlers.ts'

type Deciding = 'pauseReplica' | 'resumeReplica' | 'approveHold' | 'rejectHold' | 'rollbackReplica'

export const decidingHandlers: Pick<Handlers, Deciding> = {
  async pauseReplica({ params, body }, { supervisor, caller }) {
    await supervisor.commands.pauseReplica(meant(supervisor, params.id), body?.reason ?? null, caller)
    return undefined
  },
  async resumeReplica({ params }, { supervisor, caller }) {
    await supervisor.commands.resumeReplica(meant(supervisor, params.id), caller)
    return undefined
  },
  async approveHold({ params, body }, { supervisor, caller }) {
    return {
      requests: [
        await supervisor.commands.decideHold(
          meant(supervisor, params.id),
          { action: 'approve', holdId: body?.hold_id ?? null },
          caller,
        ),
      ],
    }
  },
  async rejectHold({ params, body }, { supervisor, caller }) {
    return {
      requests: [
        await supervisor.commands.decideHold(
          meant(supervisor, params.id),
          { action: 'reject', holdId: body?.hold_id ?? null },
          caller,
        ),
      ],
    }
  },
  async rollbackReplica({ params, body }, { supervisor, caller }) {
    return {
      requests: [await supervisor.commands.rollBack(meant(supervisor, params.id), body?.generation ?? null, caller)],
    }
  },
}

function meant(supervisor: Context['supervisor'], text: string) {
  return findReplica(supervisor.core.fleet, text)
}
