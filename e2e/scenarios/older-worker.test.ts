// older-worker.test.ts — A worker that speaks just the v0 wire (docs/compatibility.md) joins, is approved, syncs, gets
// and loses a replica, and is terminated.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { V0Worker } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

interface Command {
  type: string
  resource?: string | null
  replica_id?: string
  name?: string
}

describe('a worker of v0', () => {
  const place = createPlace()
  const id = '6a1f0f0e-3a50-4d5e-a6c3-2f1fb8ef10aa'
  const commands: Command[] = []
  let nats: NatsConnection
  let supervisor: SupervisorProgram
  let replicas = [
    {
      replica_id: 'r-1',
      name: 'debian',
      kind: 'rsync',
      upstream: 'rsync://127.0.0.1/debian/',
      status: 'init',
      interval_secs: 300,
      labels: { region: 'us' },
    },
  ]
  const say = (subject: string, body: unknown) => nats.publish(subject, JSON.stringify(body))
  const beat = () =>
    say(`kagami.hb.${id}`, {
      worker_id: id,
      time_stamp: Math.floor(Date.now() / 1000),
      replicas,
      storage: { total_bytes: 1e12, used_bytes: 5e11 },
      some_future_field: 1,
    })
  const join = async () =>
    (
      await nats.request('kagami.supervisor.join', JSON.stringify({ worker_id: id, replicas }), {
        timeout: PATIENCE_MS,
      })
    ).json() as { accepted: boolean; status: string; reason: string | null }
  const shown = async () =>
    ((await (await fetch(`${supervisor.url}/workers`)).json()) as V0Worker[]).find((one) => one.worker_id === id)
  const post = (path: string, body: unknown) =>
    fetch(`${supervisor.url}/workers/${id}/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })

  beforeAll(async () => {
    const server = await startNats(place)
    supervisor = await startSupervisor(place, { nats: server.url, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    nats = await connect({ servers: server.url })
    place.onEnd(() => nats.close())
    nats.subscribe(`kagami.worker.${id}.cmd`, {
      callback: (_, message) => {
        const command = message.json() as Command
        commands.push(command)
        message.respond(JSON.stringify({ worker_id: id, command: command.type, accepted: true, detail: null }))
      },
    })
  })

  test('joins and is pending until somebody approves it', async () => {
    expect(await join()).toEqual({ accepted: false, status: 'pending', reason: null })
    expect(await shown()).toMatchObject({ status: 'pending', approved: false })
    expect((await fetch(`${supervisor.url}/workers/${id}/approve`, { method: 'POST' })).status).toBe(200)
    expect(await join()).toMatchObject({ accepted: true, status: 'approved' })
  })

  test('the API shows its heartbeats and status reports', async () => {
    replicas = [{ ...replicas[0]!, status: 'syncing' }]
    beat()
    await until('it is syncing', async () => (await shown())?.replicas[0]?.status === 'syncing')
    say('kagami.supervisor.provider_status', { worker_id: id, replica_id: 'r-1', status: 'success' })
    await until('it succeeded', async () => (await shown())?.replicas[0]?.status === 'success')
    expect((await shown())?.replicas[0]).toMatchObject({
      name: 'debian',
      kind: 'rsync',
      interval_secs: 300,
      labels: { region: 'us' },
    })
    replicas = [{ ...replicas[0]!, status: 'success' }]
    const resources = (await (await fetch(`${supervisor.url}/resources`)).json()) as { name: string; status: string }[]
    expect(resources).toMatchObject([{ name: 'debian', status: 'ready' }])
    expect(await (await fetch(`${supervisor.url}/telemetry`)).json()).toMatchObject({
      disk: { total_gb: 1000, used_gb: 500 },
    })
  })

  test('gets commands of v0 to sync, to add and to remove', async () => {
    expect((await post('sync', { resource: 'debian' })).status).toBe(202)
    expect((await post('sync', { resource: null })).status).toBe(202)
    expect(
      (
        await post('add_replica', {
          name: 'linux',
          kind: 'git',
          upstream: 'https://127.0.0.1/linux.git',
          interval_secs: 60,
          labels: { a: 'b' },
        })
      ).status,
    ).toBe(202)
    replicas = [
      ...replicas,
      {
        replica_id: 'r-2',
        name: 'linux',
        kind: 'git',
        upstream: 'https://127.0.0.1/linux.git',
        status: 'init',
        interval_secs: 60,
        labels: { region: 'us' },
      },
    ]
    beat()
    await until('the new replica is shown', async () => (await shown())?.replicas.length === 2)
    expect((await post('remove_replica', { replica_id: 'r-2' })).status).toBe(202)
    replicas = replicas.slice(0, 1)
    beat()
    await until('the replica is gone', async () => (await shown())?.replicas.length === 1)
    expect(commands).toEqual([
      { type: 'sync_resource', resource: 'debian' },
      { type: 'sync_resource', resource: null },
      {
        type: 'add_replica',
        name: 'linux',
        kind: 'git',
        upstream: 'https://127.0.0.1/linux.git',
        interval_secs: 60,
        auth: null,
        labels: { a: 'b' },
      },
      { type: 'remove_replica', replica_id: 'r-2' },
    ])
  })

  test('is not asked for an edit, which its messages do not have', async () => {
    const edit = supervisor.api.call('editReplica', { params: { id: 'r-1' }, body: { interval_secs: 60 } })
    expect(await edit.catch((error: unknown) => error)).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('of an earlier version, which does not know this command: upgrade it'),
    })
    expect(await supervisor.api.call('getReplica', { params: { id: 'r-1' } })).toMatchObject({ etag: null })
    expect(commands.at(-1)).toEqual({ type: 'remove_replica', replica_id: 'r-2' })
  })

  test('is asked once for each replica of a bulk job, and has what it does not know refused', async () => {
    const before = commands.length
    const run = async (action: 'sync' | 'pause') => {
      const { job } = await supervisor.api.call('startBulk', { body: { action, replicas: ['r-1'] } })
      return until('the job has ended', async () => {
        const now = await supervisor.api.call('getBulk', { params: { id: job!.job_id } })
        return now.state === 'finished' && now
      })
    }
    expect(await run('sync')).toMatchObject({ ok: 1, refused: 0 })
    expect(await run('pause')).toMatchObject({ ok: 0, refused: 1 })
    expect(commands.slice(before)).toEqual([{ type: 'sync_resource', resource: 'debian' }])
  })

  test('survives a restart of the supervisor; a late heartbeat does not bring it back once terminated', async () => {
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    supervisor = await startSupervisor(place, {
      nats: nats.getServer(),
      port,
      env: { SUPERVISOR_AUTO_APPROVE: 'false' },
    })
    expect(await shown()).toMatchObject({ status: 'approved' })
    expect((await fetch(`${supervisor.url}/workers/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect(commands.at(-1)).toEqual({ type: 'terminate' })
    beat()
    await nats.flush()
    expect(await join()).toMatchObject({ status: 'pending' })
    expect((await shown())?.approved).toBe(false)
  })
})
