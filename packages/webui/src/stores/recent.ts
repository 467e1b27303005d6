// recent.ts — The mirrors, replicas and workers that were looked at last. Stored in this browser.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { readPref, writePref } from './prefs.ts'

export interface Visit {
  readonly kind: 'mirror' | 'replica' | 'worker'
  readonly name: string
  /** The page, below /ui. */
  readonly path: string
}

const REMEMBERED = 6

/** What was looked at, the last one first. */
export const useRecent = defineStore('recent', () => {
  const visits = ref<readonly Visit[]>(storedVisits())
  function remember(visit: Visit): void {
    if (visits.value[0]?.path === visit.path && visits.value[0].name === visit.name) return
    visits.value = [visit, ...visits.value.filter(({ path }) => path !== visit.path)].slice(0, REMEMBERED)
    writePref('kagami.recent', JSON.stringify(visits.value))
  }
  return { visits, remember }
})

function storedVisits(): Visit[] {
  try {
    const stored: unknown = JSON.parse(readPref('kagami.recent') ?? '[]')
    return Array.isArray(stored) ? stored.filter(isVisit).slice(0, REMEMBERED) : []
  } catch {
    // Not written by this version: nothing is remembered.
    return []
  }
}

function isVisit(value: unknown): value is Visit {
  const { kind, name, path } = (value ?? {}) as Partial<Visit>
  const known = kind === 'mirror' || kind === 'replica' || kind === 'worker'
  return known && typeof name === 'string' && typeof path === 'string' && path.startsWith('/')
}
