// bulk.ts — Bulk jobs: one action on many replicas, with a result for each. What is chosen, what is answered.
import Type, { type Static } from 'typebox'
import { ReplicaPatch } from '../edits.ts'
import { FailureReason, Health, Instant, Nullable } from '../model.ts'
import { LAST_OK } from '../routes/filters.ts'
import { FilterWords, Text } from '../routes/route.ts'

const Count = Type.Integer({ minimum: 0 })

/** What is done with each replica of a bulk job. */
export const BulkAction = Type.Enum(['sync', 'pause', 'resume', 'edit', 'remove'])
export type BulkAction = Static<typeof BulkAction>

/** How far a bulk job is. */
export const BulkState = Type.Enum(['running', 'finished', 'cancelled'])
export type BulkState = Static<typeof BulkState>

/** What became of one replica of a bulk job. */
export const BulkResult = Type.Enum(['waiting', 'ok', 'refused', 'cancelled'])
export type BulkResult = Static<typeof BulkResult>

/** How the words of a filter are written that are not known in advance. */
const SYNTAX = ', comma-separated; "!" before one leaves it out, "\\" before a comma makes it part of a word'

/** The filters of the list of replicas: a replica is meant when it fits all that are given. */
export const replicaFilters = {
  q: Text('Part of name, upstream or worker'),
  health: FilterWords(Health.enum),
  worker: Text(`Ids or names of workers${SYNTAX}`),
  kind: Text(`Kinds of upstream${SYNTAX}`),
  upstream: Text(`Hosts of upstreams${SYNTAX}`),
  name: Text(`Exact names${SYNTAX}`),
  cause: FilterWords(FailureReason.enum, 'Failure reasons of the last sync, comma-separated'),
  label: Text(`key=value, or key; of one key any, of different keys each${SYNTAX}`),
  last_ok: Type.Optional(
    Type.String({
      maxLength: 16,
      pattern: LAST_OK,
      description:
        '>24h: no good copy for so long, or never one; <24h: a good copy since; never: none yet; "!" in front ' +
        'reverses it. Units: m, h, d',
    }),
  ),
}

/** Replicas by the filters of their list. */
export const ReplicaQuery = Type.Object(replicaFilters, { additionalProperties: false })
export type ReplicaQuery = Static<typeof ReplicaQuery>

const { interval_secs, labels, options } = ReplicaPatch.properties

/** What an edit of many replicas changes: what makes sense for one alone, such as its upstream, is not in it. */
export const BulkPatch = Type.Object({ interval_secs, labels, options }, { additionalProperties: false })
export type BulkPatch = Static<typeof BulkPatch>

/** What an edit changes, as its keys are written: `interval_secs = 3600, labels.env = prod`; null: as by default. */
export function describePatch({ interval_secs: seconds, labels: tags, options: set }: BulkPatch): string {
  const each = (name: string, values: object | null | undefined) =>
    values === null
      ? [[name, null] as const]
      : Object.entries(values ?? {}).map(([key, value]: [string, unknown]) => [`${name}.${key}`, value] as const)
  const pairs = [
    ...(seconds === undefined ? [] : [['interval_secs', seconds] as const]),
    ...each('labels', tags),
    ...each('options', set),
  ]
  return pairs.map(([key, value]) => `${key} = ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ')
}

/** The filters of a query, as they are in an address: `health=failed, worker=sh-12`. */
export const describeQuery = (query: ReplicaQuery): string =>
  Object.entries(query)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')

/** A bulk job. */
export const BulkJob = Type.Object({
  job_id: Type.String(),
  action: BulkAction,
  state: BulkState,
  total: Type.Integer({ minimum: 1, description: 'Replicas; each is waiting, ok, refused or cancelled' }),
  waiting: Count,
  ok: Count,
  refused: Count,
  cancelled: Count,
  names: Type.Array(Type.String(), { description: 'NAME@WORKER of the first five' }),
  query: Nullable({ ...ReplicaQuery, description: 'What the replicas were chosen by; null: one by one' }),
  patch: Nullable(BulkPatch),
  reason: Nullable(Type.String()),
  retry_of: Nullable(Type.String({ description: 'The job whose refused replicas it tries again' })),
  started_by: Type.String(),
  started_at: Instant,
  ended_at: Nullable(Instant),
})
export type BulkJob = Static<typeof BulkJob>

/** One replica of a bulk job. Code, message and hint are those of the error; null where it was not refused. */
export const BulkItem = Type.Object({
  position: Count,
  replica_id: Type.String(),
  worker_id: Type.String(),
  name: Type.String({ description: 'NAME@WORKER when the job began' }),
  result: BulkResult,
  code: Nullable(Type.String()),
  message: Nullable(Type.String()),
  hint: Nullable(Type.String()),
})
export type BulkItem = Static<typeof BulkItem>

/** What a bulk request concerns, and the job that it started. */
export const BulkAnswer = Type.Object({
  matching: Type.Integer({ minimum: 0, description: 'Replicas that it concerns' }),
  names: Type.Array(Type.String(), { description: 'NAME@WORKER of the first five' }),
  workers: Type.Integer({ minimum: 0, description: 'Workers that have these replicas' }),
  last_copies: Type.Array(Type.String(), {
    description: 'Mirrors that would have no replica left, the first hundred; empty for other actions than remove',
  }),
  last_copies_total: Count,
  job: Nullable({ ...BulkJob, description: 'null: it was a dry run, and nothing was done' }),
})
export type BulkAnswer = Static<typeof BulkAnswer>
