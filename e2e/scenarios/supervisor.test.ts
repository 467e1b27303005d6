// supervisor.test.ts — The supervisor while NATS is down, and with PostgreSQL instead of SQLite.
import { mkdirSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('a supervisor whose NATS is down', () => {
  const place = createPlace()

  test('reports it at /readyz, still answers, and stops on SIGTERM', async () => {
    const nats = await startNats(place)
    const supervisor = await startSupervisor(place, { nats: nats.url })
    await nats.stop()
    const answer = await until('it notices', async () => {
      const ready = await fetch(`${supervisor.url}/readyz`)
      return ready.status === 503 && ready.json()
    })
    expect(answer).toEqual({ status: 'not ready', missing: ['NATS is not reached'] })
    expect((await fetch(`${supervisor.url}/workers`)).status).toBe(200)
    supervisor.child.kill('SIGTERM')
    expect(await supervisor.exited).toBe(0)
    expect(supervisor.output()).not.toContain('not everything ended in time')
  })
})

describe('a supervisor on PostgreSQL', () => {
  const place = createPlace()

  test('does the same, and has it all after kill -9', async () => {
    const db = await startPostgres(place)
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'file'), 'x'.repeat(1000))
    const upstream = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => upstream.stop())
    const nats = await startNats(place, 'new')
    let supervisor = await startSupervisor(place, { nats: nats.url, db })
    await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).total === 1)
    await supervisor.api.call('addReplica', {
      params: { id: 'w-1' },
      body: { name: 'added', kind: 'http', upstream: `${upstream.url}/file`, interval_secs: 1 },
    })
    const ended = async () =>
      (await supervisor.api.call('listSyncs', { query: { state: 'finished', outcome: 'success' } })).total
    await until('it syncs', async () => (await ended()) > 1)
    const before = await ended()
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    supervisor = await startSupervisor(place, { nats: nats.url, db, port })
    await until('it continues', async () => (await ended()) > before)
    const [added] = await until('its replica is shown', async () => {
      const { items } = await supervisor.api.call('listReplicas')
      return items.length > 0 && items
    })
    expect(added).toMatchObject({ name: 'added', origin: 'api' })
  })
})
