// actions.ts — Decisions that the supervisor holds for some seconds, so that they can be taken back.
import Type, { type Static } from 'typebox'
import { Instant, Nullable } from '../model.ts'

/** How long each kind of decision is held unless the request says otherwise, seconds. */
export const heldSeconds = { approve: 5, reject: 10, terminate: 30, remove_replica: 10 } as const

/** The decisions that can be held. */
export const heldDecisions = Object.keys(heldSeconds) as HeldDecision[]
export type HeldDecision = keyof typeof heldSeconds

/** Longest hold, seconds. */
export const HELD_MAX_SECONDS = 3600

/** A decision that is carried out at `executes_at`, unless somebody cancels it before. */
export const PendingAction = Type.Object({
  action_id: Type.String(),
  action: Type.Enum(heldDecisions),
  worker_id: Type.String(),
  worker_name: Type.String(),
  replica_id: Nullable(Type.String({ description: 'The replica to remove' })),
  replica_name: Nullable(Type.String()),
  reason: Nullable(Type.String()),
  requested_by: Type.String(),
  requested_at: Instant,
  executes_at: Instant,
})
export type PendingAction = Static<typeof PendingAction>

/** Whom or what a decision is about, as people write it: `sh-12`, `debian@sh-12`. */
export const subjectOf = ({ replica_name, worker_name }: PendingAction): string =>
  replica_name === null ? worker_name : `${replica_name}@${worker_name}`
