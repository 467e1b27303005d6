// mirror.test.ts — One state of a mirror from the health of all its copies.
import type { ReplicaState } from '@kagami/protocol'
import { sampleHeartbeat, sampleState } from '@kagami/protocol/testing/samples'
import { describe, expect, test } from 'vitest'
import { applyHeartbeat, createFleet, putWorker, setPresence } from '../core/fleet.ts'
import { recordOf } from '../testing/services.ts'
import { mirrorOf, stateOf } from './mirror.ts'
import { selectMirrors, takeSurvey } from './survey.ts'

const now = Date.parse('2026-01-01T12:00:00Z')
const ago = (hours: number) => new Date(now - hours * 3_600_000).toISOString()

/** Copies by what is told of them: each is on a worker of its own, and has an interval of an hour. */
const copies = {
  fresh: { status: 'success', last_success_at: ago(0.5) },
  late: { status: 'success', last_success_at: ago(2) },
  stale: { status: 'success', last_success_at: ago(9) },
  failed: { status: 'failed', last_success_at: ago(0.5), failures: 1 },
  paused: { status: 'success', last_success_at: ago(0.5), activity: 'paused' },
  syncing: { status: 'syncing', last_success_at: ago(0.5), activity: 'syncing' },
  queued: { status: 'success', last_success_at: ago(0.5), activity: 'queued', queue: { position: 3, reason: 'w' } },
  first: { status: 'syncing', last_success_at: null, activity: 'syncing' },
  new: { status: 'init', last_success_at: null },
} satisfies Record<string, Partial<ReplicaState>>

type Copy = keyof typeof copies | 'lost'

const fleetOf = (mirrors: Readonly<Record<string, readonly Copy[]>>) => {
  const fleet = createFleet()
  for (const [name, kinds] of Object.entries(mirrors))
    for (const [index, copy] of kinds.entries()) {
      const id = `${name}-${index}`
      const worker = putWorker(fleet, recordOf(id), now)
      const change: Partial<ReplicaState> = copies[copy === 'lost' ? 'fresh' : copy]
      const state = sampleState({ replica_id: id, name, interval_secs: 3600, last_sync: null, ...change })
      applyHeartbeat(fleet, worker, sampleHeartbeat({ worker_id: id, replicas: [state] }), now)
      setPresence(fleet, worker, copy === 'lost' ? 'lost' : 'online', now)
    }
  return fleet
}

describe('the state of a mirror', () => {
  test.each<[Copy[], string, boolean]>([
    [['failed', 'fresh', 'lost'], 'ok', true],
    [['fresh', 'syncing'], 'ok', true],
    [['syncing', 'failed'], 'syncing', true],
    [['queued'], 'syncing', true],
    [['first'], 'syncing', false],
    [['first', 'stale'], 'stale', false],
    [['first', 'failed'], 'failed', false],
    [['first', 'new'], 'syncing', false],
    [['stale', 'late'], 'late', false],
    [['failed', 'stale'], 'stale', false],
    [['paused', 'failed'], 'failed', false],
    [['paused', 'lost'], 'paused', false],
    [['new', 'lost'], 'unknown', false],
    [['new'], 'new', false],
  ])('with copies that are %s is %s', (kinds, state, isUpToDate) => {
    expect(stateOf(fleetOf({ m: kinds }).resources.get('m')!)).toEqual({ state, isUpToDate })
  })

  test('comes with the facts of its newest copy', () => {
    const mirror = mirrorOf(fleetOf({ m: ['stale', 'queued', 'late'] }).resources.get('m')!)
    expect(mirror).toMatchObject({ name: 'm', copies: 3, succeededAt: ago(0.5), queued: 3 })
  })
})

describe('a survey', () => {
  const fleet = fleetOf({ b: ['fresh'], a: ['failed'], Debian: ['syncing'], c: ['new'], 'debian-cd': ['stale'] })
  const survey = () => takeSurvey(fleet, new Date(now))

  test('counts, and lists by name', async () => {
    const { mirrors, ...counts } = await survey()
    expect(counts).toMatchObject({ upToDate: 2, problems: 2, recent: 1 })
    expect(mirrors.map(({ name }) => name)).toEqual(['Debian', 'a', 'b', 'c', 'debian-cd'])
  })

  test.each([
    ['', 'all', ['Debian', 'a', 'b', 'c', 'debian-cd']],
    ['DEB', 'all', ['Debian', 'debian-cd']],
    ['deb', 'problems', ['debian-cd']],
    ['', 'new', ['c']],
    ['<', 'all', []],
  ] as const)('of "%s" among %s', async (text, show, names) => {
    expect(await selectMirrors(await survey(), { text, show, page: 1 })).toMatchObject({ names, page: 1, pages: 1 })
  })

  test('has pages of 200, and gives the last one for any beyond', async () => {
    const many = fleetOf(Object.fromEntries(Array.from({ length: 401 }, (_, at) => [`m${1000 + at}`, ['fresh']])))
    const taken = await takeSurvey(many, new Date(now))
    const page = (at: number) => selectMirrors(taken, { text: '', show: 'all', page: at })
    expect(await page(2)).toMatchObject({ total: 401, page: 2, pages: 3 })
    expect((await page(1)).names).toHaveLength(200)
    expect((await page(9)).names).toEqual(['m1400'])
    expect((await page(9)).page).toBe(3)
  })
})
