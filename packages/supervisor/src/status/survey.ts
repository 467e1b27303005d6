// survey.ts — The states of all mirrors at one moment, and which of them a visitor asks for.
import type { Fleet, ResourceEntry, WorkerEntry } from '../core/entries.ts'
import { inPieces, sortInPieces, takeTurn } from '../pieces.ts'
import type { Services } from '../services.ts'
import { PROBLEMS, stateOf, type MirrorState } from './mirror.ts'

/** How many mirrors a page lists. */
export const PAGE_ROWS = 200
/** How many mirrors are looked at before the clock is. */
const AT_ONCE = 64
/** For how long after its start a supervisor waits for what workers say, ms. */
const HEARING_MS = 5 * 60_000

/** One mirror in a survey. */
export interface Surveyed {
  readonly name: string
  readonly state: MirrorState
  readonly isUpToDate: boolean
  /** Whether its workers have said so to this supervisor, or are lost; else the one before it may have known it. */
  readonly isHeard: boolean
}

/** All mirrors of approved workers, ordered by name. */
export interface Survey {
  readonly at: Date
  readonly mirrors: readonly Surveyed[]
  readonly upToDate: number
  readonly problems: number
  readonly recent: number
}

/** What a visitor asks for. */
export interface Wanted {
  /** Part of a name; empty for all. */
  readonly text: string
  readonly show: 'all' | 'problems' | 'new'
  /** From 1. */
  readonly page: number
}

/** A page of what was asked for. */
export interface Selection {
  readonly names: readonly string[]
  /** How many match, on all pages. */
  readonly total: number
  /** From 1; the last one when a later one was asked for. */
  readonly page: number
  readonly pages: number
}

/**
 * Workers whose replicas are as they were stored, because they have said nothing yet since the supervisor has started,
 * and are not lost: what is stored may lack what happened meanwhile, and grows old by itself.
 */
export function unheardWorkers({ fleet, clock, startedMs }: Services): ReadonlySet<WorkerEntry> {
  if (clock.monotonicMs() - startedMs > HEARING_MS) return new Set()
  const isHeard = ({ presence, record, lastSeenMs, hasFullState }: WorkerEntry) =>
    presence === 'lost' || (record.older_wire ? lastSeenMs !== null : hasFullState)
  return new Set(fleet.workers.values().filter((worker) => worker.record.admission === 'approved' && !isHeard(worker)))
}

/** Looks at all mirrors, in pieces. `unheard`: workers whose replicas are as they were stored. */
export async function takeSurvey(
  { resources }: Fleet,
  at: Date,
  unheard: ReadonlySet<WorkerEntry> = new Set(),
): Promise<Survey> {
  await takeTurn()
  const pieces = inPieces(AT_ONCE)
  const found: Surveyed[] = []
  let [upToDate, problems, recent] = [0, 0, 0]
  for (const resource of resources.values()) {
    const isHeard = unheard.size === 0 || isHeardOf(resource, unheard)
    const seen = { name: resource.name, ...stateOf(resource), isHeard }
    found.push(seen)
    if (seen.isUpToDate) upToDate++
    if (isShown(seen, 'problems')) problems++
    if (isShown(seen, 'new')) recent++
    const turn = pieces.next()
    if (turn) await turn
  }
  await takeTurn()
  return { at, mirrors: await sortInPieces(found, byName), upToDate, problems, recent }
}

function isHeardOf({ replicas }: ResourceEntry, unheard: ReadonlySet<WorkerEntry>): boolean {
  return !replicas.values().some(({ worker }) => unheard.has(worker))
}

function byName(one: Surveyed, other: Surveyed): number {
  return one.name < other.name ? -1 : Number(one.name > other.name)
}

/** Chooses a page, in pieces. */
export async function selectMirrors({ mirrors }: Survey, { text, show, page: asked }: Wanted): Promise<Selection> {
  await takeTurn()
  const pieces = inPieces(AT_ONCE)
  const part = text.toLowerCase()
  const names: string[] = []
  for (const mirror of mirrors) {
    if (isShown(mirror, show) && mirror.name.toLowerCase().includes(part)) names.push(mirror.name)
    const turn = pieces.next()
    if (turn) await turn
  }
  const pages = Math.max(1, Math.ceil(names.length / PAGE_ROWS))
  const page = Math.min(asked, pages)
  return { names: names.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS), total: names.length, page, pages }
}

function isShown({ state }: Surveyed, show: Wanted['show']): boolean {
  return show === 'all' || (show === 'new' ? state === 'new' : PROBLEMS.has(state))
}
