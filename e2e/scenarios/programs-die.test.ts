// programs-die.test.ts — kill -9 of worker, nats-server and supervisor, one after the other and during syncs: no
// finished sync and no decision is lost.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { Sync } from '@kagami/protocol'
import { startHttpUpstream } from '@kagami/demo'
import { startNatsServer, type NatsServer } from '@kagami/runtime'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { expectDocumented } from '../harness/documented.ts'
import { startNats, createPlace, NATS_VERSIONS } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe.each(NATS_VERSIONS)('a fleet whose programs are killed, on the %s nats-server', (version) => {
  const place = createPlace()
  let nats: NatsServer
  let supervisor: SupervisorProgram
  let worker: Program
  let upstream: string
  let fleetBefore: { worker: string; admission: string; replicas: string[] }
  const finished = new Map<string, Sync>()

  const fleet = async () => {
    const [one] = (await supervisor.api.call('listWorkers')).items
    const replicas = (await supervisor.api.call('listReplicas')).items
    return {
      worker: one!.worker_id,
      admission: one!.admission,
      replicas: replicas
        .map((replica) => `${replica.replica_id} ${replica.name} ${replica.labels['env'] ?? ''}`)
        .sort(),
    }
  }
  const remember = async () => {
    for (const sync of (await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 500 } })).items)
      finished.set(sync.sync_id, sync)
    return finished.size
  }
  const nothingForgotten = async () => {
    expect(await fleet()).toEqual(fleetBefore)
    const kept = new Set(
      (await supervisor.api.call('listSyncs', { query: { limit: 500 } })).items.map((sync) => sync.sync_id),
    )
    for (const id of finished.keys()) expect(kept).toContain(id)
  }
  const syncsAgain = async (what: string) => {
    const before = await remember()
    await until(`a sync ends after ${what}`, async () => (await remember()) > before + 1, {
      seen: () => worker.output() + supervisor.output(),
    })
  }
  const launchWorker = () =>
    startWorker(place, {
      nats: nats.url,
      providers: [{ name: 'often', kind: 'http', upstream, interval_secs: 1, labels: { env: 'prod' } }],
    })
  const launchNats = () =>
    startNatsServer({
      dir: place.at('nats'),
      binary: { path: inject('tools')[version === 'old' ? 'natsOld' : 'natsNew'], version },
      port: nats.port,
    })

  beforeAll(async () => {
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'file'), 'x'.repeat(100_000))
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => files.stop())
    upstream = `${files.url}/file`
    nats = await startNats(place, version)
    supervisor = await startSupervisor(place, { nats: nats.url, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    worker = await launchWorker()
    const [pending] = await until('the worker joins', async () => {
      const { items } = await supervisor.api.call('listWorkers')
      return items.length > 0 && items
    })
    await supervisor.api.call('approve', { params: { id: pending!.worker_id } })
    await supervisor.api.call('addReplica', {
      params: { id: pending!.worker_id },
      body: { name: 'added', kind: 'http', upstream, interval_secs: 1, labels: { env: 'test' } },
    })
    await until('both sync', async () => {
      const { items } = await supervisor.api.call('listReplicas')
      return items.length === 2 && items.every((replica) => replica.last_success_at)
    })
    fleetBefore = await fleet()
    await remember()
  })

  test('a killed worker comes back as itself and keeps syncing', async () => {
    await worker.kill()
    worker = await launchWorker()
    await syncsAgain('the worker was killed')
    await nothingForgotten()
  })

  test('a restarted supervisor still has its workers, decisions, replicas, labels and history', async () => {
    await remember()
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    supervisor = await startSupervisor(place, { nats: nats.url, port, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    await until('the fleet is restored', async () => (await fleet()).replicas.length === 2)
    await nothingForgotten()
    await syncsAgain('the supervisor was killed')
  })

  test('programs reconnect to a killed nats-server, and syncs that ended meanwhile are reported once', async () => {
    process.kill(nats.pid, 'SIGKILL')
    await nats.exited
    const before = await remember()
    await until('the worker keeps syncing alone', () => /trying to reach it again/.test(worker.output()))
    const restarted = await launchNats()
    place.onEnd(() => restarted.stop())
    nats = restarted
    await until('reports come in again', async () => (await remember()) > before + 2, {
      seen: () => worker.output(),
    })
    await nothingForgotten()
    const ids = (await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 500 } })).items.map(
      (sync) => sync.sync_id,
    )
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('without supervisor and NATS, a restarted worker keeps syncing replicas that the API added', async () => {
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    process.kill(nats.pid, 'SIGKILL')
    await nats.exited
    await worker.kill()
    writeFileSync(place.at('www', 'file'), 'changed while everything was down\n'.repeat(4000))
    const http = await launchWorker()
    worker = http
    const { readFileSync } = await import('node:fs')
    await until(
      'the added replica follows its upstream',
      () => readFileSync(place.at('data', 'added', 'file'), 'utf8').startsWith('changed'),
      { seen: () => worker.output() },
    )
    const alone = await until('it has done some syncs', async () => {
      const text = await (await fetch(`${http.http}/metrics`)).text()
      const waiting = Number(/kagami_reports_waiting (\d+)/.exec(text)?.[1] ?? 0)
      return waiting > 1 && waiting
    })
    const restarted = await launchNats()
    place.onEnd(() => restarted.stop())
    nats = restarted
    const before = finished.size
    supervisor = await startSupervisor(place, { nats: nats.url, port, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    await until('the syncs it ran alone are in the history', async () => (await remember()) >= before + alone, {
      seen: () => worker.output(),
    })
    await nothingForgotten()
  })

  test('workers follow a supervisor whose database was restored from an old backup, or lost', async () => {
    expectDocumented('When the database was lost completely, start the supervisor without one')
    const port = Number(new URL(supervisor.url).port)
    for (const lost of [false, true]) {
      if (!lost) copyFileSync(place.at('supervisor.db'), place.at('backup.db'))
      const [one] = (await supervisor.api.call('listWorkers')).items
      for (let i = 0; i < 3; i++)
        await supervisor.api.call('syncWorker', { params: { id: one!.worker_id }, body: { resource: null } })
      await remember()
      supervisor.child.kill('SIGTERM')
      await supervisor.exited
      for (const part of ['', '-wal', '-shm']) rmSync(place.at(`supervisor.db${part}`), { force: true })
      if (!lost) copyFileSync(place.at('backup.db'), place.at('supervisor.db'))
      supervisor = await startSupervisor(place, { nats: nats.url, port, env: { SUPERVISOR_AUTO_APPROVE: 'true' } })
      const name = lost ? 'after-loss' : 'after-restore'
      await until(
        'the worker is back',
        async () => (await supervisor.api.call('listWorkers')).items[0]?.presence === 'online',
      )
      await supervisor.api.call('addReplica', {
        params: { id: one!.worker_id },
        body: { name, kind: 'http', upstream, interval_secs: 1 },
      })
      await until('the history is whole again', async () => {
        const kept = new Set(
          (await supervisor.api.call('listSyncs', { query: { limit: 500 } })).items.map((sync) => sync.sync_id),
        )
        return [...finished.keys()].every((id) => kept.has(id))
      })
      await until(
        `${name} syncs`,
        async () => (await supervisor.api.call('listReplicas', { query: { name } })).items[0]?.last_success_at,
        { seen: () => worker.output().slice(-1500) + supervisor.output().slice(-1500) },
      )
    }
  })
})
