// older-supervisor.test.ts — A supervisor that speaks just the v0 wire (docs/compatibility.md) approves our worker,
// sees it sync, adds and removes replicas, and terminates it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startWorker, type Program } from '../harness/programs.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

interface Beat {
  replicas: { replica_id: string; name: string; status: string; kind: string; labels: object }[]
  storage: { total_bytes: number }
}

describe('a supervisor of v0', () => {
  const place = createPlace()
  let nats: NatsConnection
  let worker: Program
  let upstream: string
  let beat: Beat
  const statuses: string[] = []
  const order = async (command: object) =>
    (await nats.request('kagami.worker.w-1.cmd', JSON.stringify(command), { timeout: PATIENCE_MS })).json()
  const statusOf = (name: string) => beat?.replicas.find((replica) => replica.name === name)?.status

  beforeAll(async () => {
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'f'), 'x')
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => files.stop())
    upstream = `${files.url}/f`
    const server = await startNats(place)
    nats = await connect({ servers: server.url })
    place.onEnd(() => nats.close())
    let joins = 0
    nats.subscribe('kagami.supervisor.join', {
      callback: (_, message) =>
        void message.respond(
          JSON.stringify(
            ++joins < 3
              ? { accepted: false, status: 'pending', reason: null }
              : { accepted: true, status: 'approved', reason: null },
          ),
        ),
    })
    nats.subscribe('kagami.hb.*', { callback: (_, message) => void (beat = message.json()) })
    nats.subscribe('kagami.supervisor.provider_status', {
      callback: (_, message) => void statuses.push(message.json<{ status: string }>().status),
    })
    worker = await startWorker(place, {
      nats: server.url,
      env: { KAGAMI_WORKER_ID: 'w-1' },
      providers: [{ name: 'declared', kind: 'http', upstream, interval_secs: 3600, labels: { a: 'b' } }],
    })
  })

  test('gets a join when nobody answers ours, and after its approval the worker syncs', async () => {
    await until('the declared replica succeeds', () => statusOf('declared') === 'success', {
      seen: () => worker.output(),
    })
    expect(beat.replicas).toMatchObject([{ name: 'declared', kind: 'http', labels: { a: 'b' } }])
    expect(beat.storage.total_bytes).toBeGreaterThan(0)
    expect(statuses).toContain('success')
  })

  test('adds a replica, requests a sync of it, and removes it', async () => {
    expect(
      await order({
        type: 'add_replica',
        name: 'added',
        kind: 'http',
        upstream,
        interval_secs: null,
        auth: null,
        labels: {},
      }),
    ).toEqual({ worker_id: 'w-1', command: 'add_replica', accepted: true, detail: null })
    await until('it is shown', () => statusOf('added') === 'init')
    expect(await order({ type: 'sync_resource', resource: 'added' })).toMatchObject({ accepted: true })
    await until('it succeeds', () => statusOf('added') === 'success')
    const { replica_id } = beat.replicas.find((replica) => replica.name === 'added')!
    expect(await order({ type: 'remove_replica', replica_id })).toMatchObject({ accepted: true })
    await until('it is gone', () => statusOf('added') === undefined)
    expect(await order({ type: 'remove_replica', replica_id })).toMatchObject({ accepted: false })
    expect(await order({ type: 'ping' })).toMatchObject({ accepted: true, command: 'ping' })
  })

  test('ends the worker', async () => {
    expect(await order({ type: 'terminate' })).toMatchObject({ accepted: true })
    expect(await worker.exited).toBe(0)
  })
})
