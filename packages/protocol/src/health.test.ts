// health.test.ts — Every state has one look, wherever it is shown.
import { expect, it } from 'vitest'
import {
  countsWorstFirst,
  healthLooks,
  healthOrder,
  healthRank,
  syncLooks,
  syncState,
  workerLooks,
  workerState,
} from './health.ts'
import { Admission, Health, Outcome, Presence } from './model.ts'

const wordsOf = (schema: unknown): string[] => (schema as { enum: string[] }).enum

it('lists healths worst first, as the contract does', () => {
  expect(healthOrder).toEqual(wordsOf(Health))
  expect(healthRank('failed')).toBeLessThan(healthRank('fresh'))
})
it('has a look for every state of workers and syncs', () => {
  const approvedOr = wordsOf(Admission).filter((word) => word !== 'approved')
  expect(Object.keys(workerLooks).toSorted()).toEqual([...approvedOr, ...wordsOf(Presence)].toSorted())
  expect(Object.keys(syncLooks).toSorted()).toEqual(['running', ...wordsOf(Outcome)].toSorted())
})
it('gives each health a mark and a word of its own', () => {
  const looks = Object.values(healthLooks)
  for (const part of ['glyph', 'words'] as const)
    expect(new Set(looks.map((look) => look[part])).size).toBe(looks.length)
})

it('shows a word that several tables have with one glyph and tone', () => {
  const seen = new Map<string, string>()
  for (const [word, { glyph, tone }] of [healthLooks, workerLooks, syncLooks].flatMap((table) => Object.entries(table)))
    expect(seen.set(word, seen.get(word) ?? `${glyph} ${tone}`).get(word)).toBe(`${glyph} ${tone}`)
})
it('counts without zeros, worst first, and leaves out words it does not know', () =>
  expect(countsWorstFirst({ fresh: 3, late: 0, failed: 1, brandnew: 2 })).toEqual([
    ['failed', 1],
    ['fresh', 3],
  ]))
it('ranks a word of a newer supervisor last', () => expect(healthRank('brandnew')).toBeGreaterThan(healthRank('fresh')))
it('names a worker by its admission until it is approved', () => {
  expect(workerState({ admission: 'pending', presence: 'online' })).toBe('pending')
  expect(workerState({ admission: 'approved', presence: 'lost' })).toBe('lost')
})
it('tells of no sync that it runs while its worker is silent', () => {
  const running = { state: 'running', outcome: null } as const
  expect(syncState(running)).toBe('running')
  expect(syncState({ ...running, worker_silent_since: null })).toBe('unknown')
  expect(syncState({ state: 'finished', outcome: 'failed', worker_silent_since: null })).toBe('failed')
})
