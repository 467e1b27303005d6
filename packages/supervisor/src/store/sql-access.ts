// sql-access.ts — Access tokens and the sessions of people in SQL, the same for both databases.
import type { Kysely, Selectable } from 'kysely'
import type { Role, Scope } from '@kagami/protocol'
import type { Tables } from './schema.ts'
import { insertAudit } from './sql-audit.ts'
import type { Fence } from './sql-fence.ts'
import type { AccessStore, AccessTokenRecord, SessionRecord } from './store.ts'

/** The part of the store for access tokens and sessions. */
export function createAccessStore(db: Kysely<Tables>, fence: Fence): AccessStore {
  return { ...createTokens(db, fence), ...createSessions(db, fence) }
}

type Tokens = Exclude<keyof AccessStore, 'addSession' | 'findSession' | 'removeSession'>

function createTokens(db: Kysely<Tables>, fence: Fence): Pick<AccessStore, Tokens> {
  return {
    addAccessToken: (token, audit) =>
      fence.write(async (trx) => {
        const { numInsertedOrUpdatedRows } = await trx
          .insertInto('access_tokens')
          .values(rowOfToken(token))
          .onConflict((c) => c.column('name_key').doNothing())
          .executeTakeFirstOrThrow()
        if (numInsertedOrUpdatedRows !== 1n) return false
        await insertAudit(trx, audit)
        return true
      }),
    async findAccessToken(hash) {
      const row = await db.selectFrom('access_tokens').selectAll().where('hash', '=', hash).executeTakeFirst()
      return row ? tokenOf(row) : null
    },
    async listAccessTokens() {
      return (await db.selectFrom('access_tokens').selectAll().orderBy('name_key').execute()).map(tokenOf)
    },
    removeAccessToken: (idOrName, auditOf) =>
      fence.write(async (trx) => {
        const found = await trx
          .selectFrom('access_tokens')
          .selectAll()
          .where((e) => e.or([e('token_id', '=', idOrName), e('name_key', '=', idOrName.toLowerCase())]))
          .execute()
        const row = found.find(({ token_id }) => token_id === idOrName) ?? found[0]
        if (!row) return null
        await trx.deleteFrom('access_tokens').where('token_id', '=', row.token_id).execute()
        await insertAudit(trx, auditOf(tokenOf(row)))
        return row.token_id
      }),
    async noteTokenUse(tokenId, at) {
      await fence.write((trx) =>
        trx.updateTable('access_tokens').set({ last_used_at: at.getTime() }).where('token_id', '=', tokenId).execute(),
      )
    },
  }
}

function createSessions(db: Kysely<Tables>, fence: Fence): Omit<AccessStore, Tokens> {
  return {
    async addSession(session) {
      await fence.write(async (trx) => {
        await trx.deleteFrom('sessions').where('expires_at', '<=', Date.parse(session.made_at)).execute()
        await trx.insertInto('sessions').values(rowOfSession(session)).execute()
      })
    },
    async findSession(hash) {
      const row = await db.selectFrom('sessions').selectAll().where('hash', '=', hash).executeTakeFirst()
      return row ? sessionOf(row) : null
    },
    async removeSession(hash) {
      await fence.write((trx) => trx.deleteFrom('sessions').where('hash', '=', hash).execute())
    },
  }
}

const instant = (ms: number) => new Date(ms).toISOString()
const instantOrNull = (ms: number | null) => (ms === null ? null : instant(ms))
const msOrNull = (text: string | null) => (text === null ? null : Date.parse(text))

function rowOfToken({ scope, made_at, expires_at, last_used_at, ...rest }: AccessTokenRecord): Tables['access_tokens'] {
  return {
    ...rest,
    name_key: rest.name.toLowerCase(),
    scope: JSON.stringify(scope),
    made_at: Date.parse(made_at),
    expires_at: msOrNull(expires_at),
    last_used_at: msOrNull(last_used_at),
  }
}

function tokenOf({ name_key: _key, ...row }: Selectable<Tables['access_tokens']>): AccessTokenRecord {
  return {
    ...row,
    role: row.role as Role,
    scope: JSON.parse(row.scope) as Scope,
    made_at: instant(row.made_at),
    expires_at: instantOrNull(row.expires_at),
    last_used_at: instantOrNull(row.last_used_at),
  }
}

function rowOfSession({ scope, made_at, expires_at, ...rest }: SessionRecord): Tables['sessions'] {
  return { ...rest, scope: JSON.stringify(scope), made_at: Date.parse(made_at), expires_at: Date.parse(expires_at) }
}

function sessionOf(row: Selectable<Tables['sessions']>): SessionRecord {
  return {
    ...row,
    role: row.role as Role,
    scope: JSON.parse(row.scope) as Scope,
    made_at: instant(row.made_at),
    expires_at: instant(row.expires_at),
  }
}
