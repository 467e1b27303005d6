// new-replica.ts — Checks a request to add a replica and makes the replica's specification. Pure; refuses with the
// field named.
import {
  intervalProblem,
  policyOf,
  Refusal,
  replicaNameKey,
  replicaNameProblem,
  scheduleProblem,
  upstreamProblem,
  type Auth,
  type Labels,
  type Options,
  type ReplicaSpec,
  type ReplicaState,
} from '@kagami/protocol'
import { Check, Errors } from 'typebox/value'
import type { WorkerEntry } from './entries.ts'

/** A replica to add, as the API receives it. */
export interface NewReplica {
  name: string
  kind: string
  upstream: string
  interval_secs?: number | null | undefined
  labels?: Labels | null | undefined
  options?: Options | null | undefined
  auth?: Auth | null | undefined
  paused?: boolean | null | undefined
}

/** The specification of the replica that a request asks for. A Refusal names the wrong field. */
export function specFrom(worker: WorkerEntry, request: NewReplica, newId: () => string): ReplicaSpec {
  checkName(request.name)
  checkKind(worker, request)
  checkUpstream(worker, request)
  checkInterval(request.interval_secs)
  checkOptions(worker, request)
  refuseTaken(worker, request.name)
  return {
    replica_id: newId(),
    name: request.name,
    kind: request.kind,
    upstream: request.upstream,
    interval_secs: request.interval_secs || null,
    labels: request.labels ?? {},
    options: request.options ?? {},
    auth: request.auth ?? null,
    origin: 'api',
  }
}

/** Refuses a name that an added replica cannot get. `replicaId`: the replica that is renamed. */
export function checkNewName(worker: WorkerEntry, name: string, replicaId: string): void {
  checkName(name)
  refuseTaken(worker, name, replicaId)
}

/** Refuses an upstream that does not fit its kind, or a folder that the worker does not allow. */
export function checkUpstream(worker: WorkerEntry, { kind, upstream }: Pick<NewReplica, 'kind' | 'upstream'>): void {
  const problem = upstreamProblem(kind, upstream, announcedKind(worker, kind)?.roots)
  if (problem) throw new Refusal('invalid_upstream', `upstream ${problem}`, 'upstream')
}

/** Refuses an interval that is out of range. */
export function checkInterval(seconds: NewReplica['interval_secs']): void {
  const problem = intervalProblem(seconds)
  if (problem) throw new Refusal('invalid_interval', `interval_secs ${problem}`, 'interval_secs')
}

function checkName(name: string) {
  const problem = replicaNameProblem(name)
  if (problem) throw new Refusal('invalid_name', `name ${problem}`, 'name')
}

function refuseTaken(worker: WorkerEntry, name: string, except: string | null = null) {
  const clash = replicaWithName(worker, name, except)
  if (clash) throw new Refusal('name_taken', `worker ${worker.record.name} already has a replica "${clash}"`, 'name')
}

function announcedKind(worker: WorkerEntry, kind: string): WorkerEntry['record']['kinds'][number] | undefined {
  return worker.record.kinds.find((announced) => announced.kind === kind)
}

/** Refuses a kind that the worker does not offer. */
export function checkKind(worker: WorkerEntry, request: Pick<NewReplica, 'kind'>): void {
  const { older_wire, kinds } = worker.record
  const offered = older_wire ? ['git', 'rsync', 'http'] : kinds.map((announced) => announced.kind)
  if (offered.includes(request.kind)) return
  throw new Refusal(
    'invalid_kind',
    `kind must be one of ${offered.join(', ') || 'the kinds the worker announces; it has not joined yet'}`,
    'kind',
  )
}

/** Checks options against the schema the worker announced. It came from NATS, so it is interpreted, never compiled. */
export function checkOptions(worker: WorkerEntry, request: Pick<NewReplica, 'kind' | 'options'>): void {
  const options = request.options ?? {}
  const announced = announcedKind(worker, request.kind)?.options as
    | { properties?: Record<string, { default?: unknown; enum?: unknown }>; required?: unknown }
    | undefined
  const unknownOption = Object.keys(options).find((key) => !Object.hasOwn(announced?.properties ?? {}, key))
  if (unknownOption)
    throw new Refusal(
      'invalid_options',
      `kind ${request.kind} has no option "${unknownOption}"`,
      `options.${unknownOption}`,
    )
  if (!announced) return
  const defaults = Object.entries(announced.properties ?? {}).flatMap(([key, property]) =>
    property.default === undefined ? [] : [[key, property.default]],
  )
  const whole = { ...(Object.fromEntries(defaults) as object), ...options }
  if (Check(announced as never, whole)) {
    const schedule = scheduleProblem(policyOf(options))
    if (schedule)
      throw new Refusal(
        'invalid_options',
        `options.${schedule.field}: ${schedule.message}`,
        `options.${schedule.field}`,
      )
    return
  }
  const problem = Errors(announced as never, whole)[0]
  const required: readonly unknown[] = Array.isArray(announced.required) ? announced.required : []
  const missing = required.filter((key) => typeof key === 'string').find((key) => !Object.hasOwn(whole, key))
  const path = problem?.instancePath.split('/').slice(1) ?? []
  const key = path[0] ?? missing ?? ''
  const field = ['options', ...(path.length > 0 ? path : key === '' ? [] : [key])].join('.')
  const said = path.length === 0 && key !== '' ? 'is required' : (problem?.message ?? 'does not fit')
  throw new Refusal('invalid_options', `${field} ${said}${choicesOf(announced.properties?.[key])}`, field)
}

/** The values that an option may have, where they are a few words; in a clause. */
function choicesOf(property: { enum?: unknown } | undefined): string {
  const { enum: choices } = property ?? {}
  return Array.isArray(choices) && choices.length > 0 ? `: one of ${choices.slice(0, 50).map(String).join(', ')}` : ''
}

/**
 * The replica that has this name on the worker, ignoring case: one that it reports, or one that was added. `except` is
 * the id of one that does not count.
 */
function replicaWithName(worker: WorkerEntry, name: string, except: string | null): string | null {
  const key = replicaNameKey(name)
  const added = worker.record.replicas.find((spec) => spec.replica_id !== except && replicaNameKey(spec.name) === key)
  if (added) return added.name
  for (const entry of worker.replicas) {
    if (replicaNameKey(entry.name) !== key || entry.replicaId === except) continue
    const { replica_id, origin } = entry.state
    const beingRemoved =
      worker.record.removed.includes(replica_id) ||
      (origin === 'api' && !worker.record.replicas.some((spec) => spec.replica_id === replica_id))
    if (!beingRemoved) return entry.name
  }
  return null
}

/** The revision number of a state that no worker reported: theirs begin at 1. */
export const UNREPORTED = 0

/** What is shown of an added replica until its worker reports it. */
export function unreportedState(spec: ReplicaSpec): ReplicaState {
  const { replica_id, name, kind, upstream, interval_secs, labels, options, origin } = spec
  return {
    replica_id,
    revision_no: UNREPORTED,
    name,
    kind,
    upstream,
    interval_secs,
    labels,
    options,
    origin,
    status: 'init',
    activity: 'idle',
    queue: null,
    current: null,
    last_sync: null,
    last_success_at: null,
    next_due_at: null,
    failures: 0,
    size_bytes: null,
    files: null,
    revision: null,
  }
}
