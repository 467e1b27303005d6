// original-kagami.test.ts — An operator of the original Kagami changes nothing but the program: its database is taken
// over, and its running workers, which only send heartbeats, go on.
import { DatabaseSync } from 'node:sqlite'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { V0Worker } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { createOriginalDatabase, startOriginalWorker, type OriginalWorker } from '../harness/original.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const id = (n: number) => `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`
const UPSTREAM = 'rsync://mirror.example.org/tree/'

describe('the original Kagami, replaced by this one', () => {
  const place = createPlace()
  const file = place.at('supervisor.db')
  const env = { SUPERVISOR_AUTO_APPROVE: 'false' }
  let nats: NatsConnection
  let supervisor: SupervisorProgram
  const shown = async () => (await (await fetch(`${supervisor.url}/workers`)).json()) as V0Worker[]
  const one = async (n: number) => (await shown()).find((worker) => worker.worker_id === id(n))
  const send = async (method: string, path: string, body?: unknown) => {
    const init = body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}
    return (await fetch(`${supervisor.url}${path}`, { method, ...init })).status
  }
  const start = (n: number): OriginalWorker =>
    startOriginalWorker(nats, id(n), [
      {
        replica_id: id(10 + n),
        name: `tree-${n}`,
        kind: 'rsync',
        upstream: UPSTREAM,
        status: 'success',
        interval_secs: 300,
        labels: null,
      },
    ])

  beforeAll(async () => {
    const states = [
      ['Rsync', 'Success'],
      ['Git', 'Failed'],
      ['Http', 'Syncing'],
      ['Unknown', 'Init'],
    ] as const
    createOriginalDatabase(file, {
      workers: states.map((_, n) => [id(n), n < 3 ? 1 : 0, 1_790_000_000]),
      replicas: states.map(([kind, status], n) => [id(10 + n), id(n), `tree-${n}`, kind, UPSTREAM, status]),
    })
    const server = await startNats(place)
    nats = await connect({ servers: server.url })
    place.onEnd(() => nats.close())
    supervisor = await startSupervisor(place, { nats: server.url, env })
  })

  test('every approval holds and every replica is shown; the log says it in one line', async () => {
    expect((await shown()).map(({ worker_id, status }) => [worker_id, status]).sort()).toEqual([
      [id(0), 'approved'],
      [id(1), 'approved'],
      [id(2), 'approved'],
      [id(3), 'pending'],
    ])
    const replicas = (await shown()).flatMap((worker) => worker.replicas)
    expect(replicas.map(({ name, kind, status }) => `${name} ${kind} ${status}`).sort()).toEqual([
      'tree-0 rsync success',
      'tree-1 git failed',
      'tree-2 http syncing',
      'tree-3 unknown init',
    ])
    const lines = supervisor
      .output()
      .split('\n')
      .filter((line) => line.includes('took over the database'))
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ approved: 3, pending: 1, replicas: 4, left_out: 0 }])
  })

  test('an approved worker that only sends heartbeats is online, syncs, gets and loses replicas', async () => {
    const worker = start(0)
    worker.beat()
    await until(
      'it is online',
      async () => (await supervisor.api.call('getWorker', { params: { id: id(0) } })).presence === 'online',
    )
    expect(await send('POST', `/workers/${id(0)}/sync`, { resource: 'tree-0' })).toBe(202)
    worker.beat()
    await until('it is syncing', async () => (await one(0))?.replicas[0]?.status === 'syncing')
    expect(
      await send('POST', `/workers/${id(0)}/add_replica`, {
        name: 'more',
        kind: 'git',
        upstream: 'https://mirror.example.org/a.git',
      }),
    ).toBe(202)
    worker.beat()
    const added = await until('it has two', async () =>
      (await one(0))?.replicas.find((replica) => replica.name === 'more'),
    )
    expect(await send('POST', `/workers/${id(0)}/remove_replica`, { replica_id: added.replica_id })).toBe(202)
    worker.beat()
    await until('it has one', async () => (await one(0))?.replicas.length === 1)
    expect(worker.commands).toEqual(['sync_resource', 'add_replica', 'remove_replica'])
  })

  test('a running worker that nobody knows becomes a pending one with its replicas, to be decided on', async () => {
    const [good, bad] = [start(5), start(6)]
    good.beat()
    bad.beat()
    await until('both are shown', async () => (await one(5)) && (await one(6)))
    expect(await one(5)).toMatchObject({ status: 'pending', replicas: [{ name: 'tree-5', kind: 'rsync' }] })
    expect(await send('POST', `/workers/${id(5)}/approve`)).toBe(200)
    expect(await send('POST', `/workers/${id(6)}/reject`, { reason: 'not ours' })).toBe(200)
    expect((await one(5))?.status).toBe('approved')
    expect([good.running, bad.running]).toEqual([true, false])
  })

  test('a terminated worker ends, and a late heartbeat does not bring it back', async () => {
    const worker = start(2)
    expect(await send('DELETE', `/workers/${id(2)}`)).toBe(204)
    expect(worker.running).toBe(false)
    start(2).beat()
    start(7).beat()
    await until('a heartbeat after it has arrived', () => one(7))
    expect(await one(2)).toBeUndefined()
  })

  test('a second start changes nothing, and the old tables are still there', async () => {
    const before = (await shown()).map(({ worker_id, status, replicas }) => ({
      worker_id,
      status,
      names: replicas.map((replica) => replica.name),
    }))
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill('SIGTERM')
    supervisor = await startSupervisor(place, { nats: nats.getServer(), port, env })
    expect(supervisor.output()).not.toContain('took over the database')
    const after = (await shown()).map(({ worker_id, status, replicas }) => ({
      worker_id,
      status,
      names: replicas.map((replica) => replica.name),
    }))
    expect(after).toEqual(expect.arrayContaining(before))
    const db = new DatabaseSync(file, { readOnly: true })
    const count = (table: string) => db.prepare(`select count(*) as n from ${table}`).get()?.['n']
    expect([count('original_workers'), count('original_replicas')]).toEqual([4, 4])
    db.close()
  })

  test('a flood of unknown ids brings in a thousand at most, and is logged once', async () => {
    for (let n = 0; n < 1500; n++)
      nats.publish(`kagami.hb.flood-${n}`, JSON.stringify({ worker_id: `flood-${n}`, time_stamp: 1, replicas: [] }))
    await nats.flush()
    await until('the fleet is full', () => supervisor.output().includes('heartbeats bring in no more'))
    await until('all that fit are in', async () => {
      const { workers_pending } = (await (await fetch(`${supervisor.url}/overview`)).json()) as {
        workers_pending: number
      }
      return workers_pending === 1000
    })
    expect(supervisor.output().split('heartbeats bring in no more')).toHaveLength(2)
    start(0).beat()
    await until('known workers go on', async () => (await one(0))?.replicas[0]?.status === 'success')
  })
})
