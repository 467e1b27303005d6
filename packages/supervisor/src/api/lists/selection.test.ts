// selection.test.ts — Which replicas a bulk request concerns, in which order, and which mirrors would have none left.
import { sampleState } from '@kagami/protocol/testing/samples'
import { expect, it } from 'vitest'
import { noChanges } from '../../core/changes.ts'
import { createFleet, putReplica, putWorker } from '../../core/fleet.ts'
import { recordOf } from '../../testing/services.ts'
import { chooseReplicas, describeChosen } from './selection.ts'

const NOW = Date.parse('2026-11-23T00:00:00Z')

/** debian on both approved workers, arch on one of them, pypi on the other and on one that is pending. */
function makeFleet() {
  const fleet = createFleet()
  const put = (id: string, admission: 'approved' | 'pending', names: readonly string[]) => {
    const worker = putWorker(fleet, { ...recordOf(id), admission }, NOW)
    for (const name of names)
      putReplica({ fleet, worker, changes: noChanges(), now: NOW }, sampleState({ replica_id: `${name}-${id}`, name }))
  }
  put('w-2', 'approved', ['pypi', 'debian'])
  put('w-1', 'approved', ['debian', 'arch'])
  put('w-3', 'pending', ['pypi'])
  return fleet
}
const choose = async (body: Partial<Parameters<typeof chooseReplicas>[1]>) => {
  const fleet = makeFleet()
  const chosen = await chooseReplicas(fleet, { action: 'remove', ...body }, NOW)
  return describeChosen(fleet, chosen, body.action ?? 'remove')
}

it('are those that match, each once, with those of one worker after one another', async () => {
  const fleet = makeFleet()
  const names = async (body: Partial<Parameters<typeof chooseReplicas>[1]>) =>
    (await chooseReplicas(fleet, { action: 'sync', ...body }, NOW)).map(({ name }) => name)
  expect(await names({ query: {} })).toEqual(['arch@w-1', 'debian@w-1', 'debian@w-2', 'pypi@w-2', 'pypi@w-3'])
  expect(await names({ query: { name: 'debian', worker: 'w-2' } })).toEqual(['debian@w-2'])
  expect(await names({ replicas: ['pypi@w-2', 'debian-w-1', 'debian@w-1'] })).toEqual(['debian@w-1', 'pypi@w-2'])
  expect(await names({ query: { worker: '!w-2,!w-3' } })).toEqual(['arch@w-1', 'debian@w-1'])
  expect(await names({ query: { worker: 'w-1,w-2', name: '!debian' } })).toEqual(['arch@w-1', 'pypi@w-2'])
  await expect(names({ query: { worker: '!w-9' } })).rejects.toMatchObject({ code: 'not_found' })
  await expect(names({ replicas: ['debian@w-1', 'gone@w-1'] })).rejects.toMatchObject({ code: 'not_found' })
})

it('name the mirrors that keep no copy on an approved worker', async () => {
  expect(await choose({ query: { worker: 'w-1' } })).toMatchObject({ matching: 2, workers: 1, last_copies: ['arch'] })
  expect(await choose({ query: { worker: 'w-2' } })).toMatchObject({ last_copies: ['pypi'], last_copies_total: 1 })
  expect(await choose({ query: { worker: 'w-3' } })).toMatchObject({ matching: 1, last_copies: [] })
  expect(await choose({ query: { name: 'debian' } })).toMatchObject({ workers: 2, last_copies: ['debian'] })
  expect(await choose({ query: {} })).toMatchObject({ last_copies: ['arch', 'debian', 'pypi'] })
  expect(await choose({ query: {}, action: 'pause' })).toMatchObject({ matching: 5, last_copies: [] })
})
