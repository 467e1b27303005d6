// join-tokens.ts — Join tokens: create, list and withdraw. The secret is shown once; the database keeps only its hash.
import { Refusal, type JoinToken, type NewJoinToken } from '@kagami/protocol'
import { newId, newSecret, secretHash, writeJoinToken } from '@kagami/runtime'
import type { Services } from '../services.ts'
import type { JoinTokenRecord } from '../store/store.ts'
import { auditEntry } from './save.ts'
import type { Caller } from './types.ts'

/** What the caller wants of a new token. */
export interface JoinTokenOptions {
  /** Default: one day. */
  readonly expires_secs?: number | undefined
  /** Default: one. */
  readonly uses?: number | undefined
  /** The only worker id that may use it; null for any. */
  readonly worker_id?: string | null | undefined
}

/** The commands about join tokens. */
export interface JoinTokens {
  /** Refuses where NATS is open. */
  create(options: JoinTokenOptions, by: Caller): Promise<NewJoinToken>
  list(): Promise<JoinToken[]>
  remove(id: string, by: Caller): Promise<void>
}

/** The join tokens of one supervisor. */
export function createJoinTokens(services: Pick<Services, 'accounts' | 'store' | 'clock'>): JoinTokens {
  const { store } = services
  return {
    create: (options, by) => createToken(services, options, by),
    list: async () => (await store.listJoinTokens()).map(withoutHash),
    async remove(id, by) {
      const audit = auditEntry(services, by, { action: 'remove_join_token', target: id, detail: null })
      const removed = await store.removeJoinToken(id, audit)
      if (!removed) throw new Refusal('not_found', `there is no join token ${id}`)
    },
  }
}

async function createToken(
  services: Pick<Services, 'accounts' | 'store' | 'clock'>,
  { expires_secs = 86_400, uses = 1, worker_id }: JoinTokenOptions,
  by: Caller,
): Promise<NewJoinToken> {
  const { accounts, store, clock } = services
  if (!accounts)
    throw new Refusal('conflict', 'NATS is open here: workers need no join token, only the address of NATS')
  const now = clock.now()
  const secret = newSecret()
  const record: JoinTokenRecord = {
    id: newId(),
    hash: secretHash(secret),
    worker_id: worker_id ?? null,
    uses,
    used: 0,
    made_at: now.toISOString(),
    made_by: by.actor,
    expires_at: new Date(now.getTime() + expires_secs * 1000).toISOString(),
  }
  const limits = `${uses} ${uses === 1 ? 'use' : 'uses'} until ${record.expires_at}`
  const detail = worker_id ? `${limits}, for ${worker_id}` : limits
  await store.addJoinToken(record, auditEntry(services, by, { action: 'make_join_token', target: record.id, detail }))
  return { ...withoutHash(record), token: writeJoinToken({ ...accounts.invitation, secret }) }
}

function withoutHash({ hash: _hash, ...rest }: JoinTokenRecord): JoinToken {
  return rest
}
