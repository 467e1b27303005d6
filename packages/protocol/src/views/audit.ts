// audit.ts — Events: who wrote what, and with which result.
import Type, { type Static } from 'typebox'
import { Instant, Nullable } from '../model.ts'

/** Results of writes that were done; any other one is the code of the error with which a request was refused. */
export const doneResults: readonly string[] = ['ok', 'pending', 'approved', 'rejected']

/** Who wrote what, when, and with which result. */
export const AuditEntry = Type.Object({
  id: Type.Integer({ minimum: 0 }),
  at: Instant,
  actor: Type.String(),
  remote: Nullable(Type.String()),
  action: Type.String(),
  target: Nullable(Type.String()),
  target_name: Type.Optional(
    Nullable(Type.String({ description: 'Name of the target, while there is one: NAME@WORKER, or a worker' })),
  ),
  detail: Nullable(Type.String()),
  result: Type.String({ description: 'ok or what was decided; of a refused request the code of the error' }),
})
export type AuditEntry = Static<typeof AuditEntry>
