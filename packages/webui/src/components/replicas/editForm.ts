// editForm.ts — The form of a replica that is there: filled with what it has, and the patch from what was typed. Pure.
import { changesOf, type FieldChange, type Replica, type ReplicaPatch } from '@kagami/protocol'
import { labelsFrom, labelsText, optionsFrom, type OptionField } from './optionFields.ts'
import { emptyForm, intervalOf, optionsTyped, secondsOf, textsOf, type Typed } from '../adding/typed.ts'

/** What the form has before anything is typed. */
export function typedFrom(replica: Replica): Typed {
  const { upstream, kind, name, worker_id, interval_secs: seconds, labels, options } = replica
  return {
    ...emptyForm(worker_id),
    upstream,
    kind,
    name,
    ...(seconds ? intervalOf(seconds) : {}),
    // As a worker has it: a cron schedule takes precedence.
    schedule: options['cron'] ? 'cron' : seconds ? 'every' : 'manual',
    labels: labelsText(labels),
    auth: replica.has_credentials ? 'keep' : 'none',
    options: textsOf(options),
  }
}

/** What was typed, as a patch: only what differs from what the form had. */
export function patchFrom(base: Typed, typed: Typed, fields: readonly OptionField[]): ReplicaPatch {
  const [had, has] = [optionsTyped(base), optionsTyped(typed)]
  const changed = fields.filter(({ key }) => (has[key] ?? '') !== (had[key] ?? ''))
  const set = optionsFrom(changed, has)
  const options = Object.fromEntries(changed.map(({ key }) => [key, set[key] ?? null]))
  const [before, after] = [labelsFrom(base.labels).labels, labelsFrom(typed.labels).labels]
  const labels = Object.fromEntries(
    Object.keys({ ...before, ...after })
      .filter((key) => before[key] !== after[key])
      .map((key) => [key, after[key] ?? null]),
  )
  return {
    ...(typed.upstream.trim() === base.upstream ? {} : { upstream: typed.upstream.trim() }),
    ...(sameTiming(typed, base) ? {} : { interval_secs: secondsOf(typed) }),
    ...(typed.labels === base.labels ? {} : { labels }),
    ...(changed.length === 0 ? {} : { options }),
    ...authPatch(base, typed),
  }
}

/** Whether the interval stays. With a cron schedule there may be one that does not count. */
function sameTiming(one: Typed, other: Typed): boolean {
  return one.schedule === other.schedule && secondsOf(one) === secondsOf(other)
}

function authPatch(base: Typed, { auth, user, password, token }: Typed): Pick<ReplicaPatch, 'auth'> {
  if (auth === 'basic') return { auth: { type: 'basic', username: user, password } }
  if (auth === 'token') return { auth: { type: 'token', token } }
  return auth === 'none' && base.auth === 'keep' ? { auth: null } : {}
}

const SOME = { type: 'sealed', box: '' } as const

/** What an edit of somebody else changed between two answers about a replica. What is no other change is of secrets. */
export function changesBetween(before: Replica, now: Replica): FieldChange[] {
  const partsOf = (replica: Replica) => ({ ...replica, auth: replica.has_credentials ? SOME : null })
  const changes = changesOf(partsOf(before), partsOf(now))
  if (before.name !== now.name) changes.unshift({ field: 'name', from: before.name, to: now.name })
  const secret = changes.length === 0 && before.etag !== now.etag
  return secret ? [{ field: 'auth', from: 'set', to: 'replaced' }] : changes
}

/** What was typed, kept where it was touched, over what the replica has meanwhile. */
export function retyped(typed: Typed, base: Typed, now: Typed): Typed {
  const keys = Object.keys({ ...base.options, ...typed.options, ...now.options })
  const kept = keys.map((key) => [
    key,
    (typed.options[key] ?? '') === (base.options[key] ?? '') ? (now.options[key] ?? '') : (typed.options[key] ?? ''),
  ])
  const schedule = (from: Typed) => ({ schedule: from.schedule, amount: from.amount, unit: from.unit })
  const touchedAuth = typed.auth !== base.auth
  return {
    ...typed,
    upstream: typed.upstream === base.upstream ? now.upstream : typed.upstream,
    ...schedule(sameTiming(typed, base) ? now : typed),
    labels: typed.labels === base.labels ? now.labels : typed.labels,
    auth: touchedAuth ? typed.auth : now.auth,
    options: Object.fromEntries(kept) as Record<string, string>,
  }
}
