// sql-audit.ts — The audit: one row for each write, in the same transaction as the write.
import type { Kysely, Transaction } from 'kysely'
import { doneResults, type AuditEntry } from '@kagami/protocol'
import type { Tables } from './schema.ts'
import type { AuditFilter, NewAudit, Paged, PageRequest } from './store.ts'

/** Adds an entry. */
export async function insertAudit(db: Kysely<Tables> | Transaction<Tables>, entry: NewAudit): Promise<void> {
  const { at, ...rest } = entry
  await db
    .insertInto('audit')
    .values({ ...rest, at: Date.parse(at) })
    .execute()
}

const DONE = [...doneResults]
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

/** One page of entries. The cursor is the id of the last one. */
export async function listAudit(
  db: Kysely<Tables>,
  filter: AuditFilter,
  page: PageRequest,
): Promise<Paged<AuditEntry>> {
  const matching = () => {
    let query = db.selectFrom('audit')
    if (filter.targets?.length) query = query.where('target', 'in', [...filter.targets])
    if (filter.actor) query = query.where('actor', '=', filter.actor)
    if (filter.actions?.length) query = query.where('action', 'in', [...filter.actions])
    if (filter.result) query = query.where('result', filter.result === 'done' ? 'in' : 'not in', DONE)
    return filter.since === undefined ? query : query.where('id', '>', filter.since)
  }
  const { total } = await matching()
    .select((e) => e.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const forward = filter.since !== undefined
  let query = matching().selectAll()
  if (page.cursor) query = query.where('id', forward ? '>' : '<', Number(page.cursor))
  const rows = await query
    .orderBy('id', forward ? 'asc' : 'desc')
    .limit(page.limit + 1)
    .execute()
  const items = rows.slice(0, page.limit).map(auditOf)
  return { items, nextCursor: rows.length > page.limit ? String(items.at(-1)!.id) : null, total: Number(total) }
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
