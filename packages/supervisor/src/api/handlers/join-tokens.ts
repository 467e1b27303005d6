// join-tokens.ts — Join tokens under /api/v1: create, list, withdraw.
import type { Handlers } from './handler.ts'

export const joinTokenHandlers: Pick<Handlers, 'makeJoinToken' | 'listJoinTokens' | 'removeJoinToken'> = {
  makeJoinToken: ({ body }, { supervisor, caller }) => supervisor.joinTokens.create(body, caller),
  listJoinTokens: (_, { supervisor }) => supervisor.joinTokens.list(),
  async removeJoinToken({ params }, { supervisor, caller }) {
    await supervisor.joinTokens.remove(params.id, caller)
    return undefined
  },
}
