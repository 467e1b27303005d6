// sql-audit.ts — The audit: one row for each write, in the same transaction as the write.
import type { Kysely, Transaction } from 'kysely'
import type { AuditEntry } from '@kagami/protocol'
import type { Tables } from './schema.ts'
import type { NewAudit } from './store.ts'

/** Adds an entry. */
export async function insertAudit(db: Kysely<Tables> | Transaction<Tables>, entry: NewAudit): Promise<void> {
  const { at, ...rest } = entry
  await db
    .insertInto('audit')
    .values({ ...rest, at: Date.parse(at) })
    .execute()
}

/** Results of writes that were done; any other result is a refusal. */
const DONE = ['ok', 'pending', 'approved', 'rejected']
/** How many refusals are kept: anyone can cause refusals. */
const REFUSALS_MAX = 10_000

/** Removes refusals from before `before`, and all but the newest. Entries of writes that were done stay. */
export async function pruneRefusals(db: Kysely<Tables> | Transaction<Tables>, before: Date): Promise<void> {
  const last = await db
    .selectFrom('audit')
    .select('id')
    .where('result', 'not in', DONE)
    .orderBy('id', 'desc')
    .offset(REFUSALS_MAX)
    .limit(1)
    .executeTakeFirst()
  await db
    .deleteFrom('audit')
    .where('result', 'not in', DONE)
    .where((e) => e.or([e('at', '<', before.getTime()), e('id', '<=', last?.id ?? 0)]))
    .execute()
}

/** An audit row as the API returns it. */
export function auditOf(row: {
  id: number
  at: number
  actor: string
  remote: string | null
  action: string
  target: string | null
  detail: string | null
  result: string
}): AuditEntry {
  return { ...row, at: new Date(row.at).toISOString() }
}
