// incidents.ts — When mirrors failed or became stale, and when they were well again, as seen since the start. Pure.
import type { MirrorState } from '../mirror.ts'
import type { Survey } from '../survey.ts'

/** How many incidents are kept. */
export const INCIDENTS_MAX = 200

/** A mirror became bad, or is well again (`ok`). */
export interface Incident {
  readonly id: string
  readonly name: string
  readonly state: 'failed' | 'stale' | 'ok'
  readonly at: Date
}

/** What was seen. */
export interface Incidents {
  /** The newest first. */
  readonly all: readonly Incident[]
  /** Notes what has changed since the survey before. What was bad in the first one was so before. */
  observe(survey: Survey, newId: () => string): void
}

/** Nothing was seen yet. */
export function createIncidents(): Incidents {
  let all: readonly Incident[] = []
  let bad: ReadonlyMap<string, MirrorState> | null = null
  return {
    get all() {
      return all
    },
    observe({ mirrors, at }, newId) {
      const now = new Map<string, MirrorState>()
      const seen: Incident[] = []
      for (const { name, state, isUpToDate } of mirrors) {
        const before = bad?.get(name)
        if (state === 'failed' || state === 'stale') {
          if (bad && before !== state) seen.push({ id: newId(), name, state, at })
          now.set(name, state)
        } else if (before && isUpToDate) seen.push({ id: newId(), name, state: 'ok', at })
        // A sync, or a silent worker, makes nothing well.
        else if (before) now.set(name, before)
      }
      bad = now
      if (seen.length > 0) all = [...seen, ...all].slice(0, INCIDENTS_MAX)
    },
  }
}
