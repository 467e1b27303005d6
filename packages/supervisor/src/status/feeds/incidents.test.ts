// incidents.test.ts — What becomes an incident, and what does not.
import { expect, test } from 'vitest'
import { createIncidents, INCIDENTS_MAX } from './incidents.ts'
import type { MirrorState } from '../mirror.ts'
import type { Survey } from '../survey.ts'

let minute = 0
const surveyOf = (states: Readonly<Record<string, MirrorState>>): Survey => ({
  at: new Date(Date.UTC(2026, 0, 1, 0, minute++)),
  mirrors: Object.entries(states).map(([name, state]) => ({ name, state, isUpToDate: state === 'ok' })),
  upToDate: 0,
  problems: 0,
  recent: 0,
})

/** Incidents of surveys one after the other, the oldest first. */
const seenIn = (...surveys: Readonly<Record<string, MirrorState>>[]) => {
  const incidents = createIncidents()
  let ids = 0
  for (const survey of surveys) incidents.observe(surveyOf(survey), () => `${++ids}`)
  return incidents.all.map(({ name, state }) => `${name} ${state}`).reverse()
}

test('a mirror that fails, becomes stale or is well again is one', () => {
  expect(seenIn({ a: 'ok', b: 'late' }, { a: 'failed', b: 'stale' }, { a: 'stale', b: 'ok' }, { a: 'ok' })).toEqual([
    'b stale',
    'a failed',
    'b ok',
    'a stale',
    'a ok',
  ])
})

test('one that stays as it is, that only syncs, is not heard of or is gone, is none', () => {
  expect(seenIn({ a: 'ok', b: 'failed' }, { a: 'late', b: 'failed' }, { a: 'syncing', b: 'syncing' })).toEqual([])
  expect(seenIn({ a: 'ok' }, { a: 'failed' }, { a: 'unknown' }, { a: 'failed' }, {})).toEqual(['a failed'])
})

test('one that was bad at the start is one when it is well again', () => {
  expect(seenIn({ a: 'failed' }, { a: 'ok' })).toEqual(['a ok'])
})

test('the oldest are forgotten', () => {
  const many = (state: MirrorState) =>
    Object.fromEntries(Array.from({ length: INCIDENTS_MAX }, (_, at) => [`m${at}`, state]))
  const seen = seenIn(many('ok'), many('failed'), { ...many('ok'), last: 'ok' }, { last: 'stale' })
  expect(seen).toHaveLength(INCIDENTS_MAX)
  expect(seen.at(-1)).toBe('last stale')
  expect(seen[0]).toMatch(/ ok$/)
})
