// incidents.test.ts — What becomes an incident, and what does not.
import { expect, test } from 'vitest'
import type { StoredIncidents } from '../../store/store.ts'
import type { MirrorState } from '../mirror.ts'
import type { Survey } from '../survey.ts'
import { compareSurvey, incidentsOf, INCIDENTS_MAX, withChanges } from './incidents.ts'

type States = Readonly<Record<string, MirrorState>>

const NOTHING: StoredIncidents = { all: [], bad: new Map(), since: null }
let [minute, ids] = [0, 0]
/** Mirrors in these states; of those in `unheard` the worker has said nothing yet. */
const surveyOf = (states: States, unheard: readonly string[] = []): Survey => ({
  at: new Date(Date.UTC(2026, 0, 1, 0, minute++)),
  mirrors: Object.entries(states).map(([name, state]) => ({
    name,
    state,
    isUpToDate: state === 'ok',
    isHeard: !unheard.includes(name),
  })),
  upToDate: 0,
  problems: 0,
  recent: 0,
})

/** What is stored after surveys one after the other. */
const storedAfter = (surveys: readonly Survey[], before = NOTHING) =>
  surveys.reduce((stored, survey) => {
    const changes = compareSurvey(stored, survey, () => `${++ids}`)
    return changes ? withChanges(stored, changes) : stored
  }, before)
/** Incidents, the oldest first. */
const said = ({ all }: StoredIncidents) => all.map(({ name, state }) => `${name} ${state}`).toReversed()
const seenIn = (...surveys: States[]) => said(storedAfter(surveys.map((states) => surveyOf(states))))

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
  expect(seenIn({ a: 'ok' }, { a: 'failed' }, {}, { a: 'ok' })).toEqual(['a failed'])
})

test('one that was bad in the first survey is one when it is well again', () => {
  expect(seenIn({ a: 'failed' }, { a: 'ok' })).toEqual(['a ok'])
})

test('the oldest are forgotten, and then it is said since when all are known', () => {
  const many = (state: MirrorState) =>
    Object.fromEntries(Array.from({ length: INCIDENTS_MAX }, (_, at) => [`m${at}`, state]))
  const surveys = [many('ok'), many('failed'), { ...many('ok'), last: 'ok' }, { last: 'stale' }] as const
  const stored = storedAfter(surveys.map((states) => surveyOf(states)))
  const seen = said(stored)
  expect(seen).toHaveLength(INCIDENTS_MAX)
  expect(seen.at(-1)).toBe('last stale')
  expect(seen[0]).toMatch(/ ok$/)
  expect(incidentsOf(stored, 'last').own.map(({ state }) => state)).toEqual(['stale'])
  expect(incidentsOf(stored, 'last').since).toEqual(stored.all.at(-1)!.seenAt)
  const few = storedAfter([surveyOf({ a: 'ok' }), surveyOf({ a: 'failed' })])
  expect(incidentsOf(few, 'b')).toEqual({ own: [], since: few.since })
})

test('what a survey finds as it was stored changes nothing', () => {
  const stored = storedAfter([surveyOf({ a: 'ok', b: 'ok' }), surveyOf({ a: 'failed', b: 'stale' })])
  expect(compareSurvey(stored, surveyOf({ a: 'failed', b: 'stale', c: 'new' }), () => 'x')).toBeNull()
})

test('what is known from before the start alone neither begins nor ends one, until its worker has spoken', () => {
  const stored = storedAfter([surveyOf({ a: 'ok', b: 'ok' }), surveyOf({ a: 'failed', b: 'ok' })])
  const restored = storedAfter([surveyOf({ a: 'ok', b: 'stale' }, ['a', 'b'])], stored)
  expect(restored).toEqual(stored)
  const heard = surveyOf({ a: 'ok', b: 'ok' }, ['b'])
  expect(said(storedAfter([heard], restored))).toEqual(['a failed', 'a ok'])
  expect(storedAfter([heard], restored).all[0]!.seenAt).toEqual(heard.at)
})

test('the first survey counts when all workers have spoken, so that nothing old seems to have just begun', () => {
  const early = surveyOf({ a: 'ok', b: 'ok' }, ['b'])
  const whole = surveyOf({ a: 'ok', b: 'failed' })
  expect(storedAfter([early])).toBe(NOTHING)
  const stored = storedAfter([early, whole, surveyOf({ a: 'failed', b: 'failed' })])
  expect([said(stored), stored.since]).toEqual([['a failed'], whole.at])
})
