// trial.ts — What a worker finds when it tries an upstream: which one, each step, and what they mean together.
import Type, { type Static } from 'typebox'
import { Auth, FailureReason, Nullable, Options } from '../model.ts'
import { Kind, ReplicaId } from '../names.ts'

/** How long an upstream is tried, seconds. */
export const TRIAL_SECONDS = 10

/** An upstream to try, as a replica would have it. */
export const NewTrial = Type.Object({
  kind: Kind,
  upstream: Type.String({ maxLength: 4096 }),
  interval_secs: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
  options: Type.Optional(Nullable(Options)),
  auth: Type.Optional(Nullable(Auth)),
  replica_id: Type.Optional(
    Nullable({
      ...ReplicaId,
      description: 'A replica of this worker: without "auth", its credentials are used, for its own upstream alone',
    }),
  ),
})
export type NewTrial = Static<typeof NewTrial>

/** One thing that was looked at. */
export const TrialStep = Type.Object({
  what: Type.String({
    maxLength: 32,
    description: 'settings, address, proxy, dns, connection, tls, answer; later versions may have more',
  }),
  ok: Type.Boolean(),
  detail: Type.String({ maxLength: 1000, description: 'What was found, or why not; one line' }),
  ms: Type.Integer({ minimum: 0, description: 'How long it took' }),
})
export type TrialStep = Static<typeof TrialStep>

/** What was found; the last step is the one that failed when `ok` is false. */
export const Trial = Type.Object({
  ok: Type.Boolean(),
  reason: Nullable({ ...FailureReason, description: 'Why a sync would fail now; null: it would begin' }),
  hint: Nullable(Type.String({ maxLength: 2000 })),
  steps: Type.Array(TrialStep, { maxItems: 32 }),
  duration_ms: Type.Integer({ minimum: 0 }),
  free_bytes: Nullable(
    Type.Integer({ minimum: 0, description: 'Free on the disk of the worker, where the copy would be; null: unknown' }),
  ),
})
export type Trial = Static<typeof Trial>
