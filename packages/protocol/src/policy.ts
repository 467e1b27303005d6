// policy.ts — The options that every kind has besides its own: publishing, deletion guard, schedule, limits, freshness.
import Type, { type Static } from 'typebox'
import { Default } from 'typebox/value'
import { PROXY_NAME_PATTERN } from './names.ts'

/** The schemas of these options. A worker announces them together with the kind's own options. */
export const policyProperties = {
  publish: Type.Enum(['in-place', 'swap'], {
    default: 'in-place',
    description:
      'in-place: files are replaced one by one, deletions come last. swap: a new tree is built beside the old one, ' +
      'with hard links to unchanged files, and takes its place in one step',
  }),
  keep_generations: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 30,
    description: 'With publish = "swap": how many earlier trees are kept, for readers and for kagami replicas rollback',
  }),
  max_delete_percent: Type.Integer({
    default: 25,
    minimum: 0,
    maximum: 100,
    description:
      'A sync that would delete more than this share of the files (git: refs) is held until it is approved. With ' +
      '100, only an empty upstream is held',
  }),
  max_shrink_percent: Type.Integer({
    default: 50,
    minimum: 0,
    maximum: 100,
    description:
      'A sync that would make the copy smaller by more than this share, and by more than 4 KiB, is held too. 100 ' +
      'turns this off',
  }),
  cron: Type.String({
    default: '',
    maxLength: 100,
    description: 'When to sync, as five cron fields, instead of an interval: "30 3 * * *" is every night at 3:30',
  }),
  timezone: Type.String({
    default: 'UTC',
    minLength: 1,
    maxLength: 64,
    description: 'Time zone of cron and windows, such as Europe/Berlin',
  }),
  windows: Type.Array(Type.String({ minLength: 1, maxLength: 60 }), {
    default: [],
    maxItems: 20,
    description: 'Scheduled syncs start only within these times: "22:00-06:00", "Sat,Sun 00:00-24:00". Empty: always',
  }),
  retry_secs: Type.Integer({
    default: 15,
    minimum: 0,
    maximum: 86_400,
    description:
      'First pause after a failure that is worth an early retry, seconds; it doubles each time, up to an hour or to ' +
      'this pause, and never beyond the next regular sync. 0: no early retries',
  }),
  time_limit_secs: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 2_592_000,
    description: 'A sync that takes longer is stopped, seconds. 0: sync_timeout_secs of the worker',
  }),
  stall_secs: Type.Integer({
    default: 1800,
    minimum: 0,
    maximum: 86_400,
    description:
      'A sync in which no bytes and no files arrive for this long is stopped, seconds; messages of the upstream do ' +
      'not count. 0 turns this off. rsync is silent in this sense while it lists a very large tree',
  }),
  quota_mib: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1_000_000_000,
    description: 'Largest size of the copy, MiB. 0: no limit',
  }),
  freshness_file: Type.String({
    default: '',
    maxLength: 512,
    description:
      'File in the copy whose date is that of the content: "project/trace/ftp-master.debian.org", "lastupdate"',
  }),
  max_content_age_hours: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 100_000,
    description:
      'The replica is stale when its content is older than this, even if syncs succeed, hours. 0 turns this off',
  }),
  allow_private: Type.Boolean({
    default: false,
    description:
      'Allows a private address for an upstream that had a public one before, as in a network that resolves public ' +
      'names itself. Link-local addresses are still refused, and private ones where the worker has upstream_policy ' +
      '= "public-only"',
  }),
  proxy: Type.String({
    default: '',
    pattern: `^$|${PROXY_NAME_PATTERN}`,
    description:
      'Name of the proxy by which the upstream is reached, one of [[proxies]] in worker.toml. Empty: the one for all ' +
      'replicas of the worker, if it has one',
  }),
  verify: Type.Enum(['none', 'debian'], {
    default: 'none',
    description:
      'debian: before a change is published, the indices below dists/ must have the checksums that their ' +
      'InRelease lists',
  }),
}

/** The policy as one schema. */
export const Policy = Type.Object(policyProperties)
export type Policy = Static<typeof Policy>

/** The policy in the options of a replica, with defaults. Values are not checked: that happens when they are set. */
export function policyOf(options: Readonly<Record<string, unknown>>): Policy {
  const own = Object.fromEntries(Object.entries(options).filter(([key]) => Object.hasOwn(policyProperties, key)))
  return Default(Policy, structuredClone(own)) as Policy
}

/** The schema of all options of a kind: its own and the policy. */
export function withPolicy(own: Type.TObject): Type.TObject {
  const known = merged.get(own)
  if (known) return known
  const whole = Type.Object({ ...policyProperties, ...own.properties }, { additionalProperties: false })
  merged.set(own, whole)
  return whole
}

/** One schema object per kind, so that each is compiled once. */
const merged = new WeakMap<Type.TObject, Type.TObject>()

/** The kind's own options among all options of a replica. */
export function withoutPolicy(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !Object.hasOwn(policyProperties, key)))
}
