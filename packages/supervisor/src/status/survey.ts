// survey.ts — The states of all mirrors at one moment, and which of them a visitor asks for.
import type { Fleet } from '../core/entries.ts'
import { inPieces, sortInPieces, takeTurn } from '../pieces.ts'
import { PROBLEMS, stateOf, type MirrorState } from './mirror.ts'

/** How many mirrors a page lists. */
export const PAGE_ROWS = 200
/** How many mirrors are looked at before the clock is. */
const AT_ONCE = 64

/** One mirror in a survey. */
export interface Surveyed {
  readonly name: string
  readonly state: MirrorState
  readonly isUpToDate: boolean
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

/** Looks at all mirrors, in pieces. */
export async function takeSurvey({ resources }: Fleet, at: Date): Promise<Survey> {
  await takeTurn()
  const pieces = inPieces(AT_ONCE)
  const found: Surveyed[] = []
  let [upToDate, problems, recent] = [0, 0, 0]
  for (const resource of resources.values()) {
    const seen = { name: resource.name, ...stateOf(resource) }
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
