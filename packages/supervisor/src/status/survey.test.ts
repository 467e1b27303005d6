// survey.test.ts — What of a survey a supervisor that has just started can know.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleHeartbeat, sampleState } from '@kagami/protocol/testing/samples'
import { afterAll, expect, test } from 'vitest'
import { applyHeartbeat, putWorker, restoreReplicas, setPresence } from '../core/fleet.ts'
import { openServices, recordOf } from '../testing/services.ts'
import { takeSurvey, unheardWorkers } from './survey.ts'

const dir = mkdtempSync(join(tmpdir(), 'kagami-survey-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test('a mirror is heard of when each of its workers has said all, or is lost, or after five minutes', async () => {
  const { services: opened, clock } = await openServices(dir)
  const services = { ...opened, startedMs: clock.monotonicMs() }
  const { fleet, store } = services
  const now = clock.now().getTime()
  const state = (id: string, name: string) => sampleState({ replica_id: id, name })
  const put = (id: string, change = {}) => putWorker(fleet, { ...recordOf(id), ...change }, now)
  const [one, other] = [put('one'), put('other')]
  put('asks', { admission: 'pending' })
  const older = put('older', { older_wire: true })
  const stored = [
    { worker_id: 'one', state: state('1', 'both') },
    { worker_id: 'other', state: state('2', 'both') },
    { worker_id: 'one', state: state('3', 'single') },
    { worker_id: 'older', state: state('4', 'old') },
  ]
  restoreReplicas(fleet, stored, now)
  const heard = async () => {
    const { mirrors } = await takeSurvey(fleet, clock.now(), unheardWorkers(services))
    return mirrors.filter(({ isHeard }) => isHeard).map(({ name }) => name)
  }
  expect(await heard()).toEqual([])
  // That it is there says nothing of its replicas.
  setPresence(fleet, one, 'online', now)
  expect(await heard()).toEqual([])
  const replicas = [state('1', 'both'), state('3', 'single')]
  applyHeartbeat(fleet, one, sampleHeartbeat({ worker_id: 'one', replicas }), now)
  expect(await heard()).toEqual(['single'])
  older.lastSeenMs = clock.monotonicMs()
  expect(await heard()).toEqual(['old', 'single'])
  setPresence(fleet, other, 'lost', now)
  expect(await heard()).toEqual(['both', 'old', 'single'])
  setPresence(fleet, other, 'late', now)
  expect(await heard()).toEqual(['old', 'single'])
  clock.advance(5 * 60_000 + 1)
  expect(await heard()).toEqual(['both', 'old', 'single'])
  await store.close()
})
