// missing-disk.test.ts — The disk of data_dir is not mounted: under a running worker, and as one starts. A folder that
// is moved away stands for it.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import type { NatsServer } from '@kagami/runtime'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe.each([
  ['with an id of its own', {}],
  ['with an id of worker.toml', { KAGAMI_WORKER_ID: 'w-1' }],
])('a worker %s', (_, env: Record<string, string>) => {
  const place = createPlace()
  let nats: NatsServer
  let supervisor: SupervisorProgram
  let worker: Program
  let upstream: string
  const cli = (...words: string[]) => runKagami(place, [...words, '--api', supervisor.url])
  const workers = async () => (await supervisor.api.call('listWorkers')).items
  const copy = async () => (await supervisor.api.call('listReplicas')).items.find(({ name }) => name === 'copy')
  const launch = () =>
    startWorker(place, { nats: nats.url, env, providers: [{ name: 'copy', kind: 'rsync', upstream }] })
  const unmount = () => {
    renameSync(place.at('data'), place.at('disk'))
    mkdirSync(place.at('data'))
  }
  const mount = () => {
    rmSync(place.at('data'), { recursive: true })
    renameSync(place.at('disk'), place.at('data'))
  }
  const waits = () =>
    until('it waits for a decision', async () => (await workers()).find(({ admission }) => admission === 'pending'), {
      seen: () => worker.output(),
    })

  beforeAll(async () => {
    writeFiles(place.at('up/files'), { one: '1\n', two: '2\n' })
    const served = await startRsyncUpstream({ dir: place.at('up') })
    place.onEnd(() => served.stop())
    upstream = served.url
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    worker = await launch()
    await until('it is there', copy)
    expect(await cli('sync', 'copy', '--wait')).toMatchObject({ code: 0 })
  })

  test('whose disk goes away while it runs writes nothing to the disk below, and goes on when it is back', async () => {
    unmount()
    const { code, stdout, stderr } = await cli('sync', 'copy', '--wait')
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('is not the data_dir that this worker')])
    expect(await copy()).toMatchObject({ last_sync: { outcome: 'failed', reason: 'missing_disk' } })
    expect(readdirSync(place.at('data'))).toEqual([])
    mount()
    expect(await cli('sync', 'copy', '--wait')).toMatchObject({ code: 0 })
    await until('what waited in memory is written', () => worker.output().includes('can be written again'))
    expect(worker.output().match(/its disk is gone/g)).toHaveLength(1)
  })

  test('that starts without its disk waits and fetches nothing, and is what it was when the disk is back', async () => {
    const [{ worker_id } = { worker_id: '' }] = await workers()
    await worker.kill('SIGTERM')
    unmount()
    worker = await launch()
    const { reason } = await waits()
    expect(reason).toContain(`had mirrors in ${place.at('data')}, and nothing of them is there`)
    expect(reason).toContain('kagami workers approve')
    expect(await copy()).toMatchObject({ last_success_at: expect.any(String) })
    await worker.kill('SIGTERM')
    expect(readdirSync(place.at('data'))).toEqual(['.kagami'])
    expect(existsSync(place.at('data/.kagami/worker-id'))).toBe(false)
    mount()
    worker = await launch()
    await until(
      'it is the one worker',
      async () => {
        const now = await workers()
        return now.length === 1 && now[0]!.admission === 'approved' && now[0]!.presence === 'online'
      },
      { seen: () => worker.output() },
    )
    expect((await workers())[0]).toMatchObject({ worker_id })
    expect(await cli('sync', 'copy', '--wait')).toMatchObject({ code: 0 })
  })

  test('that starts without its disk begins anew once somebody approves that', async () => {
    await worker.kill('SIGTERM')
    unmount()
    worker = await launch()
    const { worker_id } = await waits()
    expect(await cli('workers', 'approve', worker_id)).toMatchObject({ code: 0 })
    const own = await until('its replica is known', async () =>
      (await supervisor.api.call('listReplicas')).items.find(
        (one) => one.worker_id === worker_id && one.last_sync === null && one.worker_presence === 'online',
      ),
    )
    await supervisor.api.call('syncReplica', { params: { id: own.replica_id } })
    await until('it has its copy', () => existsSync(place.at('data/copy/one')), { seen: () => worker.output() })
    expect(readFileSync(place.at('data/.kagami/worker-id'), 'utf8').trim()).toBe(worker_id)
    await worker.kill('SIGTERM')
    worker = await launch()
    await until('it is approved', async () =>
      (await workers()).some((one) => one.worker_id === worker_id && one.presence === 'online'),
    )
    expect((await workers()).find((one) => one.worker_id === worker_id)).toMatchObject({ admission: 'approved' })
  })
})
