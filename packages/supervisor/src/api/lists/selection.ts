// selection.ts — The replicas that a bulk request concerns, found once; and what people want to know of them before.
import { Refusal, type BulkAnswer, type RouteInput } from '@kagami/protocol'
import type { Target } from '../../access/grant.ts'
import { targetAfter, targetOfReplica } from '../../access/targets.ts'
import type { BulkTarget } from '../../commands/types.ts'
import type { Fleet, ReplicaEntry } from '../../core/entries.ts'
import { findReplica } from '../handlers/find.ts'
import { inPieces, sortInPieces } from '../../pieces.ts'
import { compareKeys } from './pages.ts'
import { replicaPage } from './replica-pages.ts'
import { searchOf } from './replica-search.ts'

/** Replicas that one job may have. */
const REPLICAS_MAX = 100_000
/** How many names, and how many mirrors that lose their only copy, are said. */
const NAMED = 5
const LAST_COPIES_NAMED = 100

type BulkBody = RouteInput<'startBulk'>['body']

/** A replica with what it is grouped and named by, as it was when it was found. */
interface Chosen extends BulkTarget {
  readonly mirror: string
  readonly workerName: string
  readonly counts: boolean
}

/**
 * The replicas at an instant, Unix ms, those of one worker after one another. Refuses when one is not there, or when
 * they are too many.
 */
export async function chooseReplicas(fleet: Fleet, { replicas, query }: BulkBody, nowMs: number): Promise<Chosen[]> {
  const found = replicas ? namedIn(fleet, replicas) : await matchingIn(fleet, query!, nowMs)
  const chosen: Chosen[] = []
  const pieces = inPieces(256)
  for (const entry of found) {
    // One may go while the others are looked at.
    if (!entry.gone) chosen.push(chosenOf(entry))
    const turn = pieces.next()
    if (turn) await turn
  }
  return sortInPieces(
    chosen,
    (a, b) =>
      compareKeys(a.workerName, b.workerName) ||
      compareKeys(a.worker_id, b.worker_id) ||
      compareKeys(a.mirror, b.mirror),
  )
}

function namedIn(fleet: Fleet, replicas: readonly string[]): Iterable<ReplicaEntry> {
  const found = replicas.map((text) => findReplica(fleet, text))
  return new Map(found.map((entry) => [entry.replicaId, entry])).values()
}

async function matchingIn(fleet: Fleet, query: NonNullable<BulkBody['query']>, nowMs: number): Promise<ReplicaEntry[]> {
  const { items, total } = await replicaPage(fleet, { ...searchOf(fleet, query, nowMs), limit: REPLICAS_MAX })
  if (total > REPLICAS_MAX)
    throw new Refusal(
      'invalid_request',
      `${total} replicas match, and one job takes ${REPLICAS_MAX} at most`,
      'query',
      'Narrow the query, for example to one worker after the other.',
    )
  return items
}

function chosenOf({ worker: { record }, replicaId, name }: ReplicaEntry): Chosen {
  return {
    worker_id: record.worker_id,
    replica_id: replicaId,
    name: `${name}@${record.name}`,
    mirror: name,
    workerName: record.name,
    // Replicas on other workers are no copies of a mirror.
    counts: record.admission === 'approved',
  }
}

/** What is said of them before anything is done. */
export function describeChosen(
  fleet: Fleet,
  chosen: readonly Chosen[],
  action: BulkBody['action'],
): Omit<BulkAnswer, 'job'> {
  const lost = action === 'remove' ? lastCopiesAmong(fleet, chosen) : []
  return {
    matching: chosen.length,
    names: chosen.slice(0, NAMED).map(({ name }) => name),
    workers: new Set(chosen.map(({ worker_id }) => worker_id)).size,
    last_copies: lost.slice(0, LAST_COPIES_NAMED),
    last_copies_total: lost.length,
  }
}

/** What a job with these would write to: those that are there, as they are and as a patch would make them. */
export function targetsAmong(fleet: Fleet, chosen: readonly Chosen[], patch: BulkBody['patch'] | null): Target[] {
  const entries = chosen.map(({ replica_id }) => fleet.replicas.get(replica_id)).filter((entry) => entry !== undefined)
  return entries.flatMap((entry) => [targetOfReplica(entry), ...(patch ? [targetAfter(entry, patch)] : [])])
}

/** Names of the mirrors all of whose replicas are among these. */
function lastCopiesAmong({ resources }: Fleet, chosen: readonly Chosen[]): string[] {
  const copies = new Map<string, number>()
  for (const { mirror, counts } of chosen) if (counts) copies.set(mirror, (copies.get(mirror) ?? 0) + 1)
  return [...copies]
    .filter(([mirror, number]) => resources.get(mirror)?.replicas.size === number)
    .map(([mirror]) => mirror)
    .sort(compareKeys)
}
