// watch.test.ts — Of docs/operations.md: how a worker is removed and comes back, and how to monitor without Prometheus.
import { existsSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectDocumented, runDocumented } from '../harness/documented.ts'
import { startMirrorFleet, type MirrorFleet } from '../harness/mirror-fleet.ts'
import { syncAll } from '../harness/mirrors.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

describe('a worker that mirrors each kind', () => {
  const place = createPlace()
  let fleet: MirrorFleet
  const status = (api = fleet.supervisor.url) =>
    runDocumented(place, 'kagami status --fail-on failed,stale,stuck,unknown', { env: { KAGAMI_API: api } })

  beforeAll(async () => {
    fleet = await startMirrorFleet(place)
  })

  test('is watched by a command whose exit code says whether something is wrong', async () => {
    expectDocumented('exits 1 when something is wrong and 6 when the supervisor does not answer')
    expect((await status()).code).toBe(0)
    await fleet.restart({ keys: ({ name }) => (name === 'rsync-swap' ? { upstream: 'rsync://127.0.0.1:9/x' } : {}) })
    await syncAll(fleet.supervisor, 'w', ['rsync-swap'])
    await until('its failure is shown', async () => (await status()).code === 1, { seen: status })
    expect((await status('http://127.0.0.1:9')).code).toBe(6)
    await fleet.restart()
    await fleet.syncWell()
    await until('nothing is wrong any more', async () => (await status()).code === 0, { seen: status })
  })

  test('ends when it is terminated, and its files and its history stay', async () => {
    expectDocumented('Its process ends; its files and its history stay.')
    await fleet.supervisor.api.call('addReplica', {
      params: { id: 'w' },
      body: {
        name: 'added',
        kind: 'git',
        upstream: fleet.mirrors.all[0]!.upstream,
        interval_secs: 86_400,
        options: {},
      },
    })
    await fleet.all('the added one has synced', ({ last_sync }) => last_sync?.outcome === 'success')
    await fleet.follow('kagami workers terminate NAME', { NAME: 'sh-1 --yes' })
    expect(await fleet.worker.exited).toBe(0)
    await until('it is gone', async () => (await fleet.supervisor.api.call('listWorkers')).total === 0)
    fleet.expectWhole()
    const { total } = await fleet.supervisor.api.call('listSyncs', { query: { state: 'finished' } })
    expect(total).toBeGreaterThan(fleet.names.length)
  })

  test('joins with the same id when it is started again, with the replicas of its worker.toml alone', async () => {
    expectDocumented('When it is started again, it joins as a new worker with the same id.')
    expectDocumented('Replicas that were added through the API are removed with the worker')
    await fleet.restart()
    await fleet.syncWell()
    expect((await fleet.replicas()).map(({ name }) => name).sort()).toEqual([...fleet.names].sort())
    expect(existsSync(place.at('data', 'added'))).toBe(true)
    fleet.expectWhole()
  })
})
