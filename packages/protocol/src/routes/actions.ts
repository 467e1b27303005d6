// actions.ts — Decisions that are held for some seconds: make, list, cancel.
import Type from 'typebox'
import { Nullable } from '../model.ts'
import { PlainText } from '../printable.ts'
import { heldDecisions, heldSeconds, HELD_MAX_SECONDS, PendingAction } from '../views/actions.ts'
import { get, Id, post, remove } from './route.ts'

const tag = 'fleet'
const usual = Object.entries(heldSeconds).map(([action, seconds]) => `${action} ${seconds}`)

/** Routes about held decisions. */
export const actionRoutes = {
  holdAction: post(
    '/api/v1/actions',
    'Decide something that is carried out only after some seconds: until then it can be cancelled',
    {
      tag,
      body: Type.Object({
        action: Type.Enum(heldDecisions),
        target: Type.String({
          ...Id.properties.id,
          description: 'The worker by id or name; for remove_replica the replica by id or name@worker',
        }),
        reason: Type.Optional(Nullable(PlainText({ maxLength: 1000 }))),
        hold_secs: Type.Optional(
          Type.Integer({ minimum: 0, maximum: HELD_MAX_SECONDS, description: `Absent: ${usual.join(', ')}` }),
        ),
      }),
      status: 202,
      response: PendingAction,
      refuses: ['not_found', 'unknown_worker', 'not_approved', 'no_such_replica', 'conflict'],
    },
  ),
  listActions: get('/api/v1/actions', 'Decisions that are held now, the next one first', {
    tag,
    response: Type.Array(PendingAction),
  }),
  cancelAction: remove('/api/v1/actions/{id}', 'Take back a decision that is still held, by id or unique prefix', {
    tag,
    params: Id,
    refuses: ['not_found', 'conflict'],
  }),
}
