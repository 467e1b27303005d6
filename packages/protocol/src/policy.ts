// policy.ts — The options every kind has beside its own: publish, guard, schedule, limits, freshness. Schema and
// defaults, written once.
import Type, { type Static } from 'typebox'
import { Default } from 'typebox/value'

/** Properties that are part of every kind's options. The worker announces them together with the kind's own. */
export const policyProperties = {
  publish: Type.Enum(['in-place', 'swap'], {
    default: 'in-place',
    description:
      'in-place: each file is replaced whole, deletions come last. swap: a whole new tree is made beside the ' +
      'old one, unchanged files hard-linked, and put in its place in one step',
  }),
  keep_generations: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 30,
    description:
      'With publish = "swap": earlier trees that are kept, for open readers and for kagami replicas rollback',
  }),
  max_delete_percent: Type.Integer({
    default: 25,
    minimum: 0,
    maximum: 100,
    description:
      'A sync that would delete more of the files (git: refs) than this is held until somebody approves it. ' +
      '100 turns the guard off, but for an upstream that is empty',
  }),
  max_shrink_percent: Type.Integer({
    default: 50,
    minimum: 0,
    maximum: 100,
    description:
      'A sync after which the copy would be smaller by more than this, and by more than 4 KiB, is held too. ' +
      '100 turns it off',
  }),
  cron: Type.String({
    default: '',
    maxLength: 100,
    description:
      'When to sync, as five cron fields, in place of the interval: "30 3 * * *" is half past three each night',
  }),
  timezone: Type.String({
    default: 'UTC',
    minLength: 1,
    maxLength: 64,
    description: 'Time zone of cron and windows, as Europe/Berlin',
  }),
  windows: Type.Array(Type.String({ minLength: 1, maxLength: 60 }), {
    default: [],
    maxItems: 20,
    description:
      'Syncs start by themselves only within these times: "22:00-06:00", "Sat,Sun 00:00-24:00". Empty: always',
  }),
  time_limit_secs: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 2_592_000,
    description: 'A sync that takes longer is ended, seconds; 0 means sync_timeout_secs of the worker',
  }),
  stall_secs: Type.Integer({
    default: 1800,
    minimum: 0,
    maximum: 86_400,
    description:
      'A sync in which nothing moves for this long (no byte, no file; what the upstream says does not count) ' +
      'is ended, seconds; 0 turns it off. To rsync the listing of a very large tree is one such silence',
  }),
  quota_mib: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1_000_000_000,
    description: 'Largest size of the copy, MiB; 0 is no limit',
  }),
  freshness_file: Type.String({
    default: '',
    maxLength: 512,
    description:
      'File in the copy whose date tells how old the content is: "project/trace/ftp-master.debian.org", "lastupdate"',
  }),
  max_content_age_hours: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 100_000,
    description: 'Content older than this makes the replica stale although its syncs succeed, hours; 0 turns it off',
  }),
  allow_private: Type.Boolean({
    default: false,
    description:
      'Goes on when an upstream that was found at a public address leads to a private one, as it does in a ' +
      'network that gives its own answers for public names. Link-local addresses stay refused, and all ' +
      'private ones where the worker has upstream_policy = "public-only"',
  }),
  verify: Type.Enum(['none', 'debian'], {
    default: 'none',
    description: 'debian: after a sync the indices below dists/ must have the checksums their InRelease names',
  }),
}

export const Policy = Type.Object(policyProperties)
export type Policy = Static<typeof Policy>

/**
 * The policy among a replica's options, defaults filled in. Values that do not fit are left as they are: checking is
 * done where options are taken in.
 */
export function policyOf(options: Readonly<Record<string, unknown>>): Policy {
  const own = Object.fromEntries(Object.entries(options).filter(([key]) => Object.hasOwn(policyProperties, key)))
  return Default(Policy, structuredClone(own)) as Policy
}

/** A kind's own options and the common ones as one schema. */
export function withPolicy(own: Type.TObject): Type.TObject {
  const known = merged.get(own)
  if (known) return known
  const whole = Type.Object({ ...policyProperties, ...own.properties }, { additionalProperties: false })
  merged.set(own, whole)
  return whole
}

/** One schema object per kind, so that it is compiled once. */
const merged = new WeakMap<Type.TObject, Type.TObject>()

/** A kind's own options taken out of all of a replica's. */
export function withoutPolicy(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !Object.hasOwn(policyProperties, key)))
}
