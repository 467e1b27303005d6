// up-locks.test.ts — `kagami up` on a state directory from before NATS was locked: nothing that waited in its streams
// is lost, and from then on strangers cannot connect.
import { existsSync, mkdirSync } from 'node:fs'
import { connect } from '@nats-io/transport-node'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { EVENTS_STREAM, createClient } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { newId, startNatsServer } from '@kagami/runtime'
import { describe, expect, inject, test } from 'vitest'
import { createPlace, NATS_VERSIONS, type Place } from '../harness/place.ts'
import { startSupervisor, startWorker, freePort, startProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const makeReport = (worker: string) => sampleReport({ sync_id: newId(), worker_id: worker, name: 'old' })

async function up(place: Place, nats: string, env: Record<string, string> = {}) {
  const port = await freePort()
  const program = startProgram(
    place,
    ['up', '--state-dir', place.at('state'), '--http-addr', `127.0.0.1:${port}`, '--demo'],
    { KAGAMI_NATS_SERVER: nats, SUPERVISOR_AUTH: 'none', LOG_LEVEL: 'info', ...env },
  )
  await until('it is up', () => program.output().includes('Kagami is up.'), {
    seen: () => program.output(),
  })
  return {
    program,
    api: createClient({ baseUrl: `http://127.0.0.1:${port}` }),
    url: /nats:\/\/127\.0\.0\.1:\d+/.exec(program.output())![0],
  }
}

describe.each(NATS_VERSIONS)('kagami up on the state of an open NATS, on the %s nats-server', (version) => {
  const place = createPlace()
  const report = makeReport('someone')
  const path = () => (version === 'old' ? inject('tools').natsOld : inject('tools').natsNew)

  test('keeps decisions, positions and unread reports', async () => {
    mkdirSync(place.at('state'))
    const open = await startNatsServer({ dir: place.at('state', 'nats'), binary: { path: path(), version } })
    place.onEnd(() => open.stop())
    const db = `sqlite://${place.at('state', 'supervisor.db')}?mode=rwc`
    const before = await startSupervisor(place, { nats: open.url, db })
    const worker = await startWorker(place, {
      nats: open.url,
      dir: 'state/mirrors',
      env: { KAGAMI_WORKER_ID: 'someone' },
    })
    await until(
      'the worker is known',
      async () => (await before.api.call('listWorkers')).items[0]?.admission === 'approved',
    )
    await worker.kill('SIGTERM')
    await before.kill('SIGTERM')
    const client = await connect({ servers: open.url })
    // A report that the stream stores while no supervisor is running to read it.
    await jetstream(client).publish('kagami.evt.someone.report', JSON.stringify(report), {
      msgID: report.sync_id,
      expect: { streamName: EVENTS_STREAM },
    })
    await client.close()
    await open.stop()

    const after = await up(place, path())
    await until('the report is in the history', async () =>
      (await after.api.call('listSyncs', { query: { state: 'finished', limit: 500 } })).items.some(
        (sync) => sync.sync_id === report.sync_id,
      ),
    )
    expect(after.program.output()).toContain('Reports that were waiting are kept')
    expect(existsSync(place.at('state', 'nats', 'jetstream', 'jetstream', '$G'))).toBe(false)
    await until(
      'the same worker, now with credentials, syncs',
      async () => {
        const [one] = (await after.api.call('listWorkers')).items
        return (
          one?.worker_id === 'someone' &&
          one.presence === 'online' &&
          (await after.api.call('listReplicas')).items.some((replica) => replica.last_success_at)
        )
      },
      { seen: () => after.program.output().slice(-3000) },
    )
    await expect(
      connect({ servers: after.url, reconnect: false }).then((stranger) => jetstreamManager(stranger)),
    ).rejects.toThrow(/authorization/i)
    await after.program.kill('SIGTERM')
  })

  test('a second start needs no token and keeps everything', async () => {
    const again = await up(place, path())
    const { items } = await again.api.call('listWorkers')
    expect(items.map((one) => one.worker_id)).toEqual(['someone'])
    await until('it is online', async () => (await again.api.call('listWorkers')).items[0]!.presence === 'online', {
      seen: () => again.program.output().slice(-3000),
    })
    expect(await again.api.call('listJoinTokens')).toHaveLength(1)
    expect(again.program.output()).not.toContain('Reports that were waiting are kept')
    await again.program.kill('SIGTERM')
  })
})
