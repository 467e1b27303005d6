// sql-audit.ts — The audit's rows: one for every write, in the transaction of what it tells.
import type { Kysely, Transaction } from 'kysely'
import type { AuditEntry } from '@kagami/protocol'
import type { Tables } from './schema.ts'
import type { NewAudit } from './store.ts'

/** Adds an entry. */
export async function insertAudit(db: Kysely<Tables> | Transaction<Tables>, entry: NewAudit): Promise<void> {
  const { at, ...rest } = entry
  await db.insertInto('audit').values({ ...rest, at: Date.parse(at) }).execute()
}

/** An audit row as the API returns it. */
export function auditOf(row: { id: number; at: number; actor: string; remote: string | null; action: string; target: string | null; detail: string | null; result: string }): AuditEntry {
  return { ...row, at: new Date(row.at).toISOString() }
}

