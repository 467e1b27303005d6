// any-state.ts — Any state that a worker may report, for properties: usual ones, and all that a schema allows besides.
// No assertions.
import { Activity, FailureReason, Outcome, ReplicaStatus, type ReplicaState } from '@kagami/protocol'
import fc from 'fast-check'

const instant = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1_760_000_000_000, max: 1_770_000_000_000 }).map((ms) => new Date(ms).toISOString()),
  },
  fc.constantFrom(
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.000+02:00',
    '1969-01-01T00:00:00.000Z',
    '2026-01-01T00:00:00.123456Z',
  ),
)
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })
const count = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 53, 1e300))
const word = (words: readonly string[]) => fc.constantFrom(...words)
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom('no route to host', '雪'.repeat(300)),
)
const revision = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 40, maxLength: 40 }),
  fc.string(),
  fc.constant('W/"abc"'),
)

const lastSync = fc.record(
  {
    sync_id: fc.oneof(fc.uuid(), fc.string({ maxLength: 64 })),
    outcome: word(Outcome.enum),
    reason: orNull(word(FailureReason.enum)),
    message: orNull(text),
    hint: orNull(text),
    started_at: instant,
    ended_at: instant,
    duration_ms: count,
    bytes: orNull(count),
    of_a_newer_worker: fc.jsonValue(),
  },
  {
    requiredKeys: ['sync_id', 'outcome', 'reason', 'message', 'hint', 'started_at', 'ended_at', 'duration_ms', 'bytes'],
  },
)
const hold = fc.record({
  hold_id: fc.string(),
  since: instant,
  reason: word(FailureReason.enum),
  removed: fc.nat(),
  total: fc.nat(),
  examples: fc.array(fc.string(), { maxLength: 3 }),
  rejected: fc.boolean(),
})
const labels = fc.dictionary(fc.constantFrom('team', 'tier', 'a/b'), fc.constantFrom('x', 'y', '雪'))

/** Any state of the replica with this id. */
export function anyState(
  replicaId: string,
  names: readonly string[] = ['debian', 'arch', '雪'],
): fc.Arbitrary<ReplicaState> {
  const required = {
    replica_id: fc.constant(replicaId),
    revision_no: fc.integer({ min: 1, max: 1000 }),
    name: fc.constantFrom(...names),
    kind: fc.constantFrom('git', 'rsync', 'unknown'),
    upstream: fc.oneof(fc.constantFrom('https://example.org/a.git', 'rsync://h/雪/'), fc.webUrl()),
    interval_secs: fc.constantFrom(null, 0, 60, 3600),
    labels,
    options: fc.oneof(
      fc.constant({}),
      fc.constant({ max_content_age_hours: 2 }),
      fc.dictionary(fc.string(), fc.jsonValue()),
    ),
    origin: fc.constantFrom('config', 'api'),
    status: word(ReplicaStatus.enum),
    activity: word(Activity.enum),
    queue: orNull(fc.record({ position: fc.nat(), reason: text })),
    current: orNull(
      fc.record({ sync_id: fc.uuid(), started_at: instant, trigger: fc.constantFrom('schedule', 'manual') }),
    ),
    last_sync: orNull(lastSync),
    last_success_at: orNull(instant),
    next_due_at: orNull(instant),
    failures: fc.oneof(fc.constant(0), fc.nat(3), fc.constant(1e300)),
    size_bytes: orNull(count),
    files: orNull(count),
    revision: orNull(revision),
  }
  const optional = {
    hold: orNull(hold),
    content_at: orNull(instant),
    failing_since: instant,
    generation: orNull(count),
    kept: fc.constantFrom(null, { count: 1, refs: [] }),
    kept_files: fc.constantFrom(null, { count: 1, size_bytes: 3, next_at: '2026-01-01T00:00:00Z', files: [] }),
    spec_rev: fc.integer({ min: 1, max: 5 }),
    of_a_newer_worker: fc.jsonValue(),
  }
  const requiredKeys = Object.keys(required) as (keyof typeof required)[]
  return fc.record({ ...required, ...optional }, { requiredKeys }) as unknown as fc.Arbitrary<ReplicaState>
}
