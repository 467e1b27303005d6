// worker-disk-full.test.ts — Another program fills the disk of a worker to the last byte in the middle of a sync. The
// worker keeps running, reports how the sync ended, and syncs again when there is space; after a kill it starts on the
// full disk. Needs root, to mount a disk.
import { rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { describe, expect, test } from 'vitest'
import { mountSmallDisk, fillDisk } from '../harness/own-nats.ts'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe.runIf(process.getuid?.() === 0)('a worker whose disk another program fills to the last byte', () => {
  const place = createPlace()

  test('keeps running, reports that the disk was full, syncs once there is space, and starts without any', async () => {
    const disk = mountSmallDisk(place, 'data', 100)
    writeFiles(place.at('www'), { small: 'x\n' })
    let hanging: ServerResponse | null = null
    const upstream = await startHttpUpstream({
      dir: place.at('www'),
      intercept(request, response) {
        if (request.url !== '/hangs') return false
        hanging = response.writeHead(200, { 'content-length': 1_000_000, 'content-type': 'application/octet-stream' })
        return Boolean(response.write('the first bytes'))
      },
    })
    place.onEnd(upstream.stop)
    const nats = await startNats(place)
    const supervisor = await startSupervisor(place, { nats: nats.url })
    const options = {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1' },
      providers: ['small', 'hangs'].map((name) => ({ name, kind: 'http', upstream: `${upstream.url}/${name}` })),
    }
    const worker = await startWorker(place, options)
    await until('it joined', async () => (await supervisor.api.call('listReplicas')).total === 2, {
      seen: () => worker.output(),
    })
    const replica = async (name: string) => (await supervisor.api.call('listReplicas', { query: { name } })).items[0]!
    await supervisor.api.call('syncResource', { params: { id: 'hangs' } })
    await until('a sync waits for its upstream', () => hanging !== null)
    const filling = fillDisk(disk)
    const ended = await until('the end of the sync is reported', async () => (await replica('hangs')).last_sync, {
      seen: () => worker.output().slice(-2000),
    })
    expect([ended.outcome, ended.reason, worker.child.exitCode]).toEqual(['failed', 'disk_full', null])
    rmSync(filling)
    await supervisor.api.call('syncResource', { params: { id: 'small' } })
    await until('the other one syncs', async () => (await replica('small')).last_sync?.outcome === 'success', {
      seen: () => worker.output().slice(-2000),
    })
    expect(worker.child.exitCode).toBeNull()

    // Kill the worker in the middle of a sync, and start it on a disk without space for a single line.
    hanging = null
    await supervisor.api.call('syncResource', { params: { id: 'hangs' } })
    await until('a sync waits for its upstream', () => hanging !== null, { seen: () => worker.output().slice(-2000) })
    worker.child.kill('SIGKILL')
    await until('it is gone', () => worker.child.signalCode !== null)
    fillDisk(disk)
    const again = await startWorker(place, options)
    const interrupted = await until(
      'it joined again, and reports that the sync was interrupted',
      async () => {
        const { items } = await supervisor.api.call('listSyncs', { query: { name: 'hangs' } })
        return items.find(({ outcome }) => outcome === 'interrupted')
      },
      { seen: () => again.output().slice(-2000) },
    )
    expect([interrupted.reason, again.child.exitCode]).toEqual(['interrupted', null])
  })
})
