// access-tokens.ts — Access tokens: create, list, remove. The secret is shown once; the database keeps only its hash.
import {
  describeScope,
  Refusal,
  reservedNames,
  type AccessToken,
  type NewAccessToken,
  type RouteInput,
} from '@kagami/protocol'
import { newId, newSecret, secretHash } from '@kagami/runtime'
import type { Services } from '../services.ts'
import type { AccessTokenRecord } from '../store/store.ts'
import { auditEntry } from './save.ts'
import type { Caller } from './types.ts'

/** The commands about access tokens. */
export interface AccessTokens {
  /** Refuses a name that is taken, whatever its case. */
  create(request: RouteInput<'makeAccessToken'>['body'], by: Caller): Promise<NewAccessToken>
  /** By name. */
  list(): Promise<AccessToken[]>
  /** By id or name. */
  remove(idOrName: string, by: Caller): Promise<void>
}

/** The access tokens of one supervisor. */
export function createAccessTokens(services: Pick<Services, 'store' | 'clock'>): AccessTokens {
  const { store, clock } = services
  return {
    async create({ name, role, scope = {}, expires_secs = null }, by) {
      const secret = newSecret('kgt')
      const now = clock.now().getTime()
      const record: AccessTokenRecord = {
        token_id: newId(),
        hash: secretHash(secret),
        name,
        role,
        scope,
        made_at: new Date(now).toISOString(),
        made_by: by.actor,
        expires_at: expires_secs === null ? null : new Date(now + expires_secs * 1000).toISOString(),
        last_used_at: null,
      }
      const audit = auditEntry(services, by, { action: 'make_token', target: name, detail: detailOf(record) })
      if (reservedNames.includes(name.toLowerCase()) || !(await store.addAccessToken(record, audit)))
        throw new Refusal('conflict', `the name ${name} is taken`, 'name', 'Choose another name, or remove that token.')
      return { ...withoutHash(record), token: secret }
    },
    list: async () => (await store.listAccessTokens()).map(withoutHash),
    async remove(idOrName, by) {
      const auditOf = (token: AccessTokenRecord) =>
        auditEntry(services, by, { action: 'remove_token', target: token.name, detail: detailOf(token) })
      if ((await store.removeAccessToken(idOrName, auditOf)) === null)
        throw new Refusal('not_found', `there is no access token "${idOrName}"`, null, 'List them: kagami tokens.')
    },
  }
}

function detailOf({ role, scope, expires_at }: AccessTokenRecord): string {
  const scoped = Object.keys(scope).length > 0 ? `, for replicas with ${describeScope(scope)}` : ''
  return `${role}${scoped}, ${expires_at === null ? 'until it is removed' : `until ${expires_at}`}`
}

function withoutHash({ hash: _hash, ...rest }: AccessTokenRecord): AccessToken {
  return rest
}
