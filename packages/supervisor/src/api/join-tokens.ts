// join-tokens.ts — Who gets credentials on a locked NATS, and who loses them: join tokens and revocations under /api/v1.
import type { Handlers } from './handlers.ts'
import { findWorker } from './find.ts'

export const tokenHandlers: Pick<Handlers, 'makeJoinToken' | 'listJoinTokens' | 'removeJoinToken' | 'revokeWorker'> = {
  makeJoinToken: ({ body }, { supervisor, caller }) => supervisor.tokens.make(body, caller),
  listJoinTokens: (_, { supervisor }) => supervisor.tokens.list(),
  async removeJoinToken({ params }, { supervisor, caller }) {
    await supervisor.tokens.remove(params.id, caller)
    return undefined
  },
  async revokeWorker({ params, body }, { supervisor, caller }) {
    const { workers } = supervisor.core.fleet
    // A terminated worker is forgotten, and its credentials can still be revoked by its id.
    const named = [...workers.values()].some((worker) => worker.record.name === params.id)
    const id =
      !workers.has(params.id) && named ? findWorker(supervisor.core.fleet, params.id).record.worker_id : params.id
    await supervisor.commands.revoke(id, body?.reason ?? null, caller)
    return undefined
  },
}
