// join-tokens.ts — Join tokens: made, shown once, listed and withdrawn. Of the secret only a hash is kept, in the database,
// with its audit entry.
import { Refusal, type JoinToken, type NewJoinToken } from '@kagami/protocol'
import { newId, newJoinSecret, writeJoinToken } from '@kagami/runtime'
import type { Caller } from './commands.ts'
import type { JoinTokenRecord } from '../store/store.ts'
import type { Core } from '../supervisor.ts'

export interface Tokens {
  /** Refuses where NATS is open. */
  make(
    asked: { expires_secs?: number | undefined; uses?: number | undefined; worker_id?: string | null | undefined },
    by: Caller,
  ): Promise<NewJoinToken>
  list(): Promise<JoinToken[]>
  remove(id: string, by: Caller): Promise<void>
}

/** Tokens of a supervisor. */
export function createTokens({ accounts, store, clock }: Pick<Core, 'accounts' | 'store' | 'clock'>): Tokens {
  return {
    async make({ expires_secs = 86_400, uses = 1, worker_id }, by) {
      if (!accounts) throw new Refusal('conflict', 'NATS is open here: workers need no join token, only its address')
      const now = clock.now()
      const { secret, hash } = newJoinSecret()
      const record: JoinTokenRecord = {
        id: newId(),
        hash,
        worker_id: worker_id ?? null,
        uses,
        used: 0,
        made_at: now.toISOString(),
        made_by: by.actor,
        expires_at: new Date(now.getTime() + expires_secs * 1000).toISOString(),
      }
      const detail =
        `${uses} ${uses === 1 ? 'use' : 'uses'} until ` + `${record.expires_at}${worker_id ? `, for ${worker_id}` : ''}`
      await store.addJoinToken(record, {
        at: record.made_at,
        ...by,
        action: 'make_join_token',
        target: record.id,
        detail,
        result: 'ok',
      })
      return { ...shown(record), token: writeJoinToken({ ...accounts.invitation, secret }) }
    },
    list: async () => (await store.listJoinTokens()).map(shown),
    async remove(id, by) {
      const removed = await store.removeJoinToken(id, {
        at: clock.now().toISOString(),
        ...by,
        action: 'remove_join_token',
        target: id,
        detail: null,
        result: 'ok',
      })
      if (!removed) throw new Refusal('not_found', `there is no join token ${id}`)
    },
  }
}

function shown({ hash: _hash, ...rest }: JoinTokenRecord): JoinToken {
  return rest
}
