// record.ts — What of the state of a replica no list is sorted, filtered or counted by, as a few bytes, and back. What
// comes out is what went in: what does not fit the usual form is kept as JSON. Pure.
import type { ReplicaState } from '@kagami/protocol'
import { instantMs, type Packer, type Unpacker } from './packing.ts'
import type { Words } from './words.ts'

/** The part of a state that is in a record. */
export type Rest = Omit<
  ReplicaState,
  | 'replica_id'
  | 'revision_no'
  | 'name'
  | 'kind'
  | 'upstream'
  | 'interval_secs'
  | 'labels'
  | 'options'
  | 'origin'
  | 'status'
  | 'activity'
  | 'size_bytes'
  | 'spec_rev'
>
type Last = NonNullable<ReplicaState['last_sync']>

/** Fields that are columns, and those that a record has a place for. */
const ELSEWHERE = new Set([
  'replica_id',
  'revision_no',
  'name',
  'kind',
  'upstream',
  'interval_secs',
  'labels',
  'options',
  'origin',
  'status',
  'activity',
  'size_bytes',
  'spec_rev',
])
const LAST_FIELDS = 9
/** Fields that may be absent, null, or have a value. */
const OPTIONAL = ['hold', 'content_at', 'generation', 'kept', 'kept_files'] as const

const HAS = { last: 1, failures: 2, files: 4, revision: 8, contentAt: 16, generation: 32, others: 64, nulls: 128 }
const LAST_HAS = { reason: 1, bytes: 2 }

/** Texts that are kept beside a record, as many records have the same: message and hint of the last sync. */
export type Said = readonly [message: string | null, hint: string | null]
export const NOTHING_SAID: Said = [null, null]

/** Writes the record of a state; returns what is kept beside it. */
export function packRest(packer: Packer, words: Words, state: Rest): Said {
  const last = state.last_sync && isUsual(state.last_sync) ? state.last_sync : null
  const failures = isCount(state.failures) ? state.failures : 0
  const files = isCount(state.files) ? state.files : null
  const revision = typeof state.revision === 'string' ? state.revision : null
  const contentAt = typeof state.content_at === 'string' ? instantMs(state.content_at) : null
  const generation = isCount(state.generation) ? state.generation : null
  const nulls = OPTIONAL.reduce((sum, field, index) => sum + (state[field] === null ? 1 << index : 0), 0)
  const others = othersOf(state, { last, failures, files, revision, contentAt, generation })
  packer.begin()
  packer.count(
    (last ? HAS.last : 0) |
      (failures > 0 ? HAS.failures : 0) |
      (files === null ? 0 : HAS.files) |
      (revision === null ? 0 : HAS.revision) |
      (contentAt === null ? 0 : HAS.contentAt) |
      (generation === null ? 0 : HAS.generation) |
      (others === null ? 0 : HAS.others) |
      (nulls === 0 ? 0 : HAS.nulls),
  )
  if (last) packLast(packer, words, last)
  if (failures > 0) packer.count(failures)
  if (files !== null) packer.count(files)
  if (revision !== null) packer.text(revision)
  if (contentAt !== null) packer.count(contentAt)
  if (generation !== null) packer.count(generation)
  if (others !== null) packer.text(JSON.stringify(others))
  if (nulls > 0) packer.count(nulls)
  return last ? [last.message, last.hint] : NOTHING_SAID
}

/** Reads a record. `said`: message and hint of its last sync. */
export function unpackRest(from: Unpacker, words: Words, said: Said): Rest {
  const has = from.count()
  const rest: Record<string, unknown> = { queue: null, current: null }
  rest['last_sync'] = has & HAS.last ? unpackLast(from, words, said) : null
  rest['failures'] = has & HAS.failures ? from.count() : 0
  rest['files'] = has & HAS.files ? from.count() : null
  rest['revision'] = has & HAS.revision ? from.text() : null
  if (has & HAS.contentAt) rest['content_at'] = new Date(from.count()).toISOString()
  if (has & HAS.generation) rest['generation'] = from.count()
  if (has & HAS.others) Object.assign(rest, JSON.parse(from.text()))
  const nulls = has & HAS.nulls ? from.count() : 0
  for (const [index, field] of OPTIONAL.entries()) if (nulls & (1 << index)) rest[field] = null
  return rest as unknown as Rest
}

interface Packed {
  readonly last: Last | null
  readonly failures: number
  readonly files: number | null
  readonly revision: string | null
  readonly contentAt: number | null
  readonly generation: number | null
}

/** The fields that the record has no place for, and those of newer workers; null when there are none. */
function othersOf(state: Rest, packed: Packed): Record<string, unknown> | null {
  let others: Record<string, unknown> | null = null
  for (const field in state) {
    const value = state[field as keyof Rest] as unknown
    if (value === undefined || ELSEWHERE.has(field) || isPacked(field, value, packed)) continue
    others ??= {}
    others[field] = value
  }
  return others
}

function isPacked(field: string, value: unknown, packed: Packed): boolean {
  switch (field) {
    case 'last_sync':
      return value === null || packed.last !== null
    case 'failures':
      return packed.failures === value
    case 'files':
      return value === null || packed.files !== null
    case 'revision':
      return value === null || packed.revision !== null
    case 'content_at':
      return value === null || packed.contentAt !== null
    case 'generation':
      return value === null || packed.generation !== null
    case 'last_success_at':
    case 'next_due_at':
    case 'failing_since':
      // The columns have their times.
      return value === null || instantMs(value as string) !== null
    case 'queue':
    case 'current':
    case 'hold':
    case 'kept':
    case 'kept_files':
      return value === null
    default:
      return false
  }
}

function packLast(packer: Packer, words: Words, last: Last): void {
  const [started, ended] = [instantMs(last.started_at)!, instantMs(last.ended_at)!]
  packer.count((last.reason === null ? 0 : LAST_HAS.reason) | (last.bytes === null ? 0 : LAST_HAS.bytes))
  packer.text(last.sync_id)
  packer.count(words.numberOf(last.outcome))
  if (last.reason !== null) packer.count(words.numberOf(last.reason))
  packer.count(started)
  packer.count(ended - started)
  packer.count(last.duration_ms)
  if (last.bytes !== null) packer.count(last.bytes)
}

function unpackLast(from: Unpacker, words: Words, [message, hint]: Said): Last {
  const has = from.count()
  const sync_id = from.text()
  const outcome = words.wordOf(from.count()) as Last['outcome']
  const reason = has & LAST_HAS.reason ? (words.wordOf(from.count()) as Last['reason']) : null
  const started = from.count()
  const ended = started + from.count()
  return {
    sync_id,
    outcome,
    reason,
    message,
    hint,
    started_at: new Date(started).toISOString(),
    ended_at: new Date(ended).toISOString(),
    duration_ms: from.count(),
    bytes: has & LAST_HAS.bytes ? from.count() : null,
  }
}

/** Whether a record has a place for all of it. */
function isUsual(last: Last): boolean {
  const [started, ended] = [instantMs(last.started_at), instantMs(last.ended_at)]
  return (
    started !== null &&
    ended !== null &&
    ended >= started &&
    isCount(last.duration_ms) &&
    (last.bytes === null || isCount(last.bytes)) &&
    isTextOrNull(last.message) &&
    isTextOrNull(last.hint) &&
    isTextOrNull(last.reason) &&
    Object.keys(last).length === LAST_FIELDS
  )
}

const isTextOrNull = (value: unknown) => value === null || typeof value === 'string'

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
