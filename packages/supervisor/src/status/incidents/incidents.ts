// incidents.ts — When mirrors failed or became stale, and when they were well again: what a survey adds to what is
// stored. Pure.
import type { Incident, IncidentChanges, StoredIncidents } from '../../store/store.ts'
import type { Survey, Surveyed } from '../survey.ts'

/** How many incidents are kept. */
export const INCIDENTS_MAX = 200

/** What a survey adds; null: nothing. What is bad in the first one was so before. */
export function compareSurvey(stored: StoredIncidents, survey: Survey, newId: () => string): IncidentChanges | null {
  return stored.since === null ? firstOf(survey) : changesOf(stored, survey, newId)
}

function firstOf({ mirrors, at }: Survey): IncidentChanges | null {
  if (mirrors.some(({ isHeard }) => !isHeard)) return null
  const bad = new Map<string, 'failed' | 'stale'>()
  for (const mirror of mirrors) {
    const state = badStateOf(mirror)
    if (state) bad.set(mirror.name, state)
  }
  return { seen: [], bad, notBad: [], since: at }
}

function changesOf(stored: StoredIncidents, { mirrors, at }: Survey, newId: () => string): IncidentChanges | null {
  const seen: Incident[] = []
  const bad = new Map<string, 'failed' | 'stale'>()
  const notBad = new Set(stored.bad.keys())
  for (const mirror of mirrors) {
    const { name, isUpToDate, isHeard } = mirror
    const [before, state] = [stored.bad.get(name), badStateOf(mirror)]
    if (isHeard && state && state !== before) {
      seen.push({ id: newId(), name, state, seenAt: at })
      bad.set(name, state)
    }
    // A sync, or a silent worker, makes nothing well.
    if (!before) continue
    if (isHeard && isUpToDate) seen.push({ id: newId(), name, state: 'ok', seenAt: at })
    else notBad.delete(name)
  }
  if (bad.size + notBad.size === 0) return null
  return { seen: seen.slice(0, INCIDENTS_MAX), bad, notBad: [...notBad], since: stored.since ?? at }
}

function badStateOf({ state }: Surveyed): 'failed' | 'stale' | null {
  return state === 'failed' || state === 'stale' ? state : null
}

/** What is stored once the changes are. */
export function withChanges(stored: StoredIncidents, { seen, bad, notBad, since }: IncidentChanges): StoredIncidents {
  const left = new Map([...stored.bad, ...bad])
  for (const name of notBad) left.delete(name)
  return { all: [...seen, ...stored.all].slice(0, INCIDENTS_MAX), bad: left, since: stored.since ?? since }
}

/** The incidents of one mirror, the newest first, and since when all of them are known; null: that is not known. */
export function incidentsOf({ all, since }: StoredIncidents, name: string): { own: Incident[]; since: Date | null } {
  const own = all.filter((incident) => incident.name === name)
  return { own, since: all.length < INCIDENTS_MAX ? since : all.at(-1)!.seenAt }
}
