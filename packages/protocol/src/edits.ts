// edits.ts — Edits of a replica: what may be sent, what a patch makes of a specification, and what it changes. Pure.
import Type, { type Static } from 'typebox'
import { Auth, LabelKey, Nullable, type Options, type ReplicaSpec } from './model.ts'
import { PlainText } from './printable.ts'

/** A merge patch of a replica (RFC 7396): what is absent stays, null goes back to the default. */
export const ReplicaPatch = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 256, description: 'Stays: refused when it is another' })),
    kind: Type.Optional(Type.String({ maxLength: 64, description: 'Stays: refused when it is another' })),
    upstream: Type.Optional(Type.String({ maxLength: 4096 })),
    interval_secs: Type.Optional(
      Nullable(Type.Integer({ minimum: 0, description: 'Seconds; 0 or null: only on request' })),
    ),
    labels: Type.Optional(
      Nullable(
        Type.Record(LabelKey, Nullable(PlainText({ maxLength: 256 })), {
          description: 'By key; a key with null is removed, null removes all',
        }),
      ),
    ),
    options: Type.Optional(
      Nullable(
        Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), {
          description: 'By key; a key with null goes back to its default, null sets all back',
        }),
      ),
    ),
    auth: Type.Optional({
      ...Nullable(Auth),
      description: 'Absent: the credentials stay, which another upstream does not allow. null: they are removed',
    }),
  },
  { additionalProperties: false },
)
export type ReplicaPatch = Static<typeof ReplicaPatch>

/** One thing that an edit changes. Of credentials only whether there are any: `none`, `set` or `replaced`. */
export const FieldChange = Type.Object({
  field: Type.String({ description: 'upstream, interval_secs, labels.KEY, options.KEY or auth' }),
  from: Type.Unknown({ description: 'null: the default, or none' }),
  to: Type.Unknown({ description: 'null: the default, or none' }),
})
export type FieldChange = Static<typeof FieldChange>

/** The specification that a patch makes of one, with credentials as they were sent, and what it changes, in order. */
export function applyPatch(spec: ReplicaSpec, patch: ReplicaPatch): { spec: ReplicaSpec; changes: FieldChange[] } {
  const edited: ReplicaSpec = {
    ...spec,
    upstream: patch.upstream ?? spec.upstream,
    interval_secs: patch.interval_secs === undefined ? spec.interval_secs : patch.interval_secs || null,
    labels: merged<string>(spec.labels, patch.labels),
    options: merged<unknown>(spec.options, patch.options),
    auth: patch.auth === undefined ? (spec.auth ?? null) : patch.auth,
  }
  return { spec: edited, changes: changesOf(spec, edited) }
}

/** What differs between two specifications, in the order of the form. */
export function changesOf(before: EditedParts, after: EditedParts): FieldChange[] {
  const changes: FieldChange[] = []
  const compare = (field: string, from: unknown = null, to: unknown = null): void => {
    if (!isSame(from, to)) changes.push({ field, from, to })
  }
  compare('upstream', before.upstream, after.upstream)
  compare('interval_secs', before.interval_secs || null, after.interval_secs || null)
  for (const part of ['labels', 'options'] as const)
    for (const key of Object.keys({ ...before[part], ...after[part] }))
      compare(`${part}.${key}`, ownOf(before[part], key), ownOf(after[part], key))
  const [had, has] = [Boolean(before.auth), Boolean(after.auth)]
  // What is sealed cannot be compared with what was sent: credentials that are given again are new ones.
  if (before.auth !== after.auth && (had || has))
    changes.push({ field: 'auth', from: had ? 'set' : 'none', to: has ? (had ? 'replaced' : 'set') : 'none' })
  return changes
}

/** An edit as people read it: `interval_secs: 3600 → 7200`. Long values are cut; there is no secret in it. */
export function describeChange({ field, from, to }: FieldChange): string {
  if (field === 'auth') return `credentials: ${to === 'none' ? 'removed' : String(to)}`
  return `${field}: ${valueText(field, from)} → ${valueText(field, to)}`
}

/** Options that decide when a sync starts, or how its result is shown, and not what it does. */
const BESIDE_SYNCS = new Set(['cron', 'timezone', 'windows', 'retry_secs', 'max_content_age_hours'])

/** Whether syncs of both specifications do the same, whenever they start and whatever they are called. */
export function syncsTheSame(a: SyncedParts, b: SyncedParts): boolean {
  return (
    a.upstream === b.upstream &&
    isSame(optionsOfSyncs(a.options), optionsOfSyncs(b.options)) &&
    isSame(a.auth ?? null, b.auth ?? null)
  )
}

/** What of a replica decides what its syncs do. */
type SyncedParts = Pick<ReplicaSpec, 'upstream' | 'options' | 'auth'>
/** What of a replica can be edited. */
type EditedParts = SyncedParts & Pick<ReplicaSpec, 'interval_secs' | 'labels'>

function optionsOfSyncs(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !BESIDE_SYNCS.has(key)))
}

/** What a patch makes of labels or options: null removes a key, null in the place of all of them all keys. */
export function merged<V>(
  before: Readonly<Record<string, V>>,
  patch: Readonly<Record<string, V | null>> | null | undefined,
): Record<string, V> {
  if (patch === null) return {}
  const entries = Object.entries({ ...before, ...patch })
  return Object.fromEntries(entries.filter((entry): entry is [string, V] => entry[1] !== null))
}

/** Whether two JSON values are the same, whatever the order of their keys. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isSame(one[key], other[key]))
  )
}

function ownOf(values: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(values, key) ? values[key] : null
}

const VALUE_MAX = 200

function valueText(field: string, value: unknown): string {
  if (value === null)
    return field === 'interval_secs' ? 'only on request' : field.startsWith('options.') ? 'default' : 'none'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text
}
