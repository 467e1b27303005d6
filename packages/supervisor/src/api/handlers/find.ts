// find.ts — Finds what a request names: by id, unique prefix of an id, name, or name@worker. An ambiguous name is
// refused with the candidates.
import { Refusal } from '@kagami/protocol'
import { nearest } from '@kagami/runtime'
import type { SyncTarget } from '../../commands/types.ts'
import type { Fleet, ReplicaEntry, WorkerEntry } from '../../core/entries.ts'

/** Shorter texts are no prefix of an id. */
const PREFIX_MIN = 4
/** Letters that may be wrong in a name. */
const WRONG_MAX = 2
/** Among more names, or for a longer one, none is looked for that was meant: it would take too long. */
const [COMPARED_MAX, LONG] = [5000, 64]

/** The worker that `text` names. */
export function findWorker(fleet: Fleet, text: string): WorkerEntry {
  const exact = fleet.workers.get(text)
  if (exact) return exact
  const named = fleet.workers
    .values()
    .filter((worker) => worker.record.name === text)
    .toArray()
  return requireOne(
    named.length > 0 ? named : withPrefix(fleet.workers.values(), text, (worker) => worker.record.worker_id),
    {
      text,
      noun: 'worker',
      describe: (worker) => `${worker.record.name} (${worker.record.worker_id})`,
      meant: () =>
        nearestOf(
          text,
          fleet.workers.values().map(({ record }) => record.name),
        ),
    },
  )
}

/** The replica that `text` names. */
export function findReplica(fleet: Fleet, text: string): ReplicaEntry {
  const exact = fleet.replicas.get(text)
  if (exact) return exact
  const describe = (entry: ReplicaEntry) => `${entry.name}@${entry.worker.record.name}`
  const [name, worker] = text.split('@')
  if (worker !== undefined) {
    const holder = findWorker(fleet, worker)
    const meant = nearestOf(
      name ?? '',
      holder.replicas.values().map((entry) => entry.name),
    )
    return requireOne(
      [...holder.replicas].filter((entry) => entry.name === name),
      { text, noun: 'replica', describe, meant: () => meant && `${meant}@${holder.record.name}` },
    )
  }
  const named = fleet.replicas.named(text)
  const found = named.length > 0 || text.length < PREFIX_MIN ? named : fleet.replicas.withPrefix(text)
  return requireOne(found, {
    text,
    noun: 'replica',
    describe,
    meant: () =>
      nearestOf(
        text,
        fleet.resources.values().map(({ name }) => name),
      ),
  })
}

/** The names of all mirrors. */
export const mirrorNames = (fleet: Fleet): Iterable<string> => fleet.resources.values().map(({ name }) => name)

/** A replica as the target of a sync. */
export function targetOf({ worker, replicaId, name }: ReplicaEntry): SyncTarget {
  return { worker_id: worker.record.worker_id, replica_id: replicaId, name }
}

/** The replica to sync; also one that was added just now, which its worker does not report yet. */
export function findSyncTarget(fleet: Fleet, text: string): SyncTarget {
  const [, name, worker] = /^(.*?)@(.*)$/s.exec(text) ?? []
  for (const { record } of fleet.workers.values()) {
    const isNamed = worker === record.name
    const added = record.replicas.find((spec) => spec.replica_id === text || (isNamed && spec.name === name))
    if (added) return { worker_id: record.worker_id, replica_id: added.replica_id, name: added.name }
  }
  return targetOf(findReplica(fleet, text))
}

function withPrefix<T>(all: IteratorObject<T>, text: string, idOf: (item: T) => string): T[] {
  return text.length < PREFIX_MIN ? [] : all.filter((item) => idOf(item).startsWith(text)).toArray()
}

interface Wanted<T> {
  readonly text: string
  readonly noun: string
  describe(item: T): string
  /** The name that may have been meant. */
  meant(): string | null
}

function requireOne<T>(found: readonly T[], { text, noun, describe, meant }: Wanted<T>): T {
  if (found.length === 1) return found[0]!
  if (found.length === 0) throw notFound(noun, text, meant())
  throw new Refusal('conflict', `"${text}" is ambiguous: it could be ${found.slice(0, 8).map(describe).join(', ')}`)
}

/** The refusal of what is not there. */
export function notFound(noun: string, text: string, meant: string | null): Refusal {
  return new Refusal('not_found', `there is no ${noun} "${text}"${meant === null ? '' : `; did you mean ${meant}?`}`)
}

/** The name nearest to a misspelt one; null when none is near, or when it would take too long to find. */
export function nearestOf(text: string, names: Iterable<string>): string | null {
  if (text.length > LONG) return null
  const known = [...new Set(Iterator.from(names).take(COMPARED_MAX + 1))]
  const alike = known.filter((name) => Math.abs(name.length - text.length) <= WRONG_MAX)
  return known.length > COMPARED_MAX ? null : nearest(text, alike, WRONG_MAX)
}
