// sql-keys.ts — Join tokens and the keys of workers in SQL, the same for both databases.
import type { Kysely, Selectable } from 'kysely'
import type { Tables } from './schema.ts'
import { insertAudit } from './sql-audit.ts'
import type { Fence } from './sql-fence.ts'
import type { JoinTokenRecord, KeyStore, WorkerKey } from './store.ts'

/** The part of the store for join tokens and keys. */
export function createKeyStore(db: Kysely<Tables>, fence: Fence): KeyStore {
  return { ...createTokens(db, fence), ...createKeys(db, fence) }
}

function createTokens(
  db: Kysely<Tables>,
  fence: Fence,
): Pick<KeyStore, 'addJoinToken' | 'findJoinToken' | 'listJoinTokens' | 'removeJoinToken'> {
  return {
    addJoinToken: (token, audit) =>
      fence.write(async (trx) => {
        await trx
          .insertInto('join_tokens')
          .values({ ...token, made_at: Date.parse(token.made_at), expires_at: Date.parse(token.expires_at) })
          .execute()
        await insertAudit(trx, audit)
      }),
    async findJoinToken(hash) {
      const row = await db.selectFrom('join_tokens').selectAll().where('hash', '=', hash).executeTakeFirst()
      return row ? tokenOf(row) : null
    },
    async listJoinTokens() {
      const rows = await db
        .selectFrom('join_tokens')
        .selectAll()
        .orderBy('made_at', 'desc')
        .orderBy('id', 'desc')
        .execute()
      return rows.map(tokenOf)
    },
    removeJoinToken: (id, audit) =>
      fence.write(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('join_tokens').where('id', '=', id).executeTakeFirstOrThrow()
        if (numDeletedRows > 0) await insertAudit(trx, audit)
        return numDeletedRows > 0
      }),
  }
}

function createKeys(
  db: Kysely<Tables>,
  fence: Fence,
): Pick<KeyStore, 'findKeys' | 'claimKey' | 'rememberKey' | 'revokeKeys' | 'listRevokedKeys'> {
  return {
    async findKeys(workerId, publicKey) {
      const rows = await db
        .selectFrom('worker_keys')
        .selectAll()
        .where((e) => e.or([e('worker_id', '=', workerId), e('public_key', '=', publicKey)]))
        .execute()
      return rows.map(keyOf)
    },
    claimKey: (key, tokenId, audit) =>
      fence.write(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('join_tokens')
          .set((e) => ({ used: e('used', '+', 1) }))
          .where('id', '=', tokenId)
          .whereRef('used', '<', 'uses')
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) return false
        await trx.insertInto('worker_keys').values(rowOf(key)).execute()
        await insertAudit(trx, audit)
        return true
      }),
    async rememberKey(key) {
      await fence.write((trx) =>
        trx
          .insertInto('worker_keys')
          .values(rowOf(key))
          .onConflict((c) => c.column('public_key').doNothing())
          .execute(),
      )
    },
    revokeKeys: (workerId, at, audit) =>
      fence.write(async (trx) => {
        const rows = await trx
          .updateTable('worker_keys')
          .set({ revoked_at: at.getTime() })
          .where('worker_id', '=', workerId)
          .where('revoked_at', 'is', null)
          .returningAll()
          .execute()
        await insertAudit(trx, audit)
        return rows.map(keyOf)
      }),
    async listRevokedKeys() {
      const rows = await db.selectFrom('worker_keys').selectAll().where('revoked_at', 'is not', null).execute()
      return rows.map(keyOf)
    },
  }
}

const instant = (ms: number) => new Date(ms).toISOString()

function tokenOf(row: Selectable<Tables['join_tokens']>): JoinTokenRecord {
  return { ...row, made_at: instant(row.made_at), expires_at: instant(row.expires_at) }
}

function keyOf(row: Selectable<Tables['worker_keys']>): WorkerKey {
  return {
    ...row,
    claimed_at: instant(row.claimed_at),
    revoked_at: row.revoked_at === null ? null : instant(row.revoked_at),
  }
}

function rowOf(key: WorkerKey): Tables['worker_keys'] {
  return {
    ...key,
    claimed_at: Date.parse(key.claimed_at),
    revoked_at: key.revoked_at === null ? null : Date.parse(key.revoked_at),
  }
}
