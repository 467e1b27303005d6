// whole-states.test.ts — Who sends all states of a worker, and when: a supervisor that says so asks for them, once for
// each process; one that does not say so is sent them unasked. Nothing is missing afterwards.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { subjectFor, subjectForAll, type Heartbeat, type JoinReply, type RefreshRequest } from '@kagami/protocol'
import { sampleHeartbeat, sampleJoin } from '@kagami/protocol/testing/samples'
import { describe, expect, test } from 'vitest'
import { createPlace, startNats, type Place } from '../harness/place.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { startOwnNats } from '../harness/own-nats.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

const WORKER = { KAGAMI_WORKER_ID: 'w' }
const providers = ['one', 'two', 'three'].map((name) => ({
  name,
  kind: 'http',
  upstream: `http://127.0.0.1:9/${name}/`,
  interval_secs: 86_400,
}))

interface Heard {
  readonly nats: NatsConnection
  readonly beats: Heartbeat[]
  readonly questions: RefreshRequest[]
}

/** Hears what worker w sends and is asked. */
async function listen(place: Place, url: string): Promise<Heard> {
  const nats = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  place.onEnd(() => nats.close())
  const [beats, questions]: [Heartbeat[], RefreshRequest[]] = [[], []]
  nats.subscribe(subjectFor('heartbeat', 'w'), { callback: (_, message) => void beats.push(message.json()) })
  nats.subscribe(subjectFor('refresh', 'w'), { callback: (_, message) => void questions.push(message.json()) })
  await nats.flush()
  return { nats, beats, questions }
}

const fullOf = ({ beats }: Heard) => beats.filter(({ full }) => full)

describe('all states of a worker', () => {
  const place = createPlace()
  const other = createPlace()
  const third = createPlace()
  const fourth = createPlace()

  test('are asked for once by a supervisor, for each process, and again when either was killed', async () => {
    const { url } = await startNats(place, 'new')
    const heard = await listen(place, url)
    let supervisor = await startSupervisor(place, { nats: url })
    const asked = async (times: number) => {
      await until('it was asked, and has told', () => fullOf(heard).length === times, {
        timeoutMs: 40_000,
        seen: () => heard.questions,
      })
      expect(heard.questions).toEqual(Array.from({ length: times }, () => ({ states_only: true })))
      const known = await supervisor.api.call('listReplicas')
      expect(known.items.map(({ name }) => name).toSorted()).toEqual(['one', 'three', 'two'])
    }
    const worker = await startWorker(place, { nats: url, env: WORKER, providers })
    await asked(1)

    await worker.kill()
    await startWorker(place, { nats: url, env: WORKER, providers })
    await asked(2)
    expect(new Set(fullOf(heard).map(({ instance }) => instance)).size).toBe(2)

    await supervisor.kill()
    supervisor = await startSupervisor(place, { nats: url })
    await asked(3)
  })

  test('are sent only when they are asked for after NATS was away, and what changed meanwhile is told', async () => {
    const held: ServerResponse[] = []
    const upstream = createServer((_, response) => void held.push(response)).listen(0, '127.0.0.1')
    other.onEnd(() => upstream.close())
    await once(upstream, 'listening')
    const from = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
    const nats = await startOwnNats(other)
    const heard = await listen(other, nats.url)
    const supervisor = await startSupervisor(other, { nats: nats.url })
    const slow = providers.map((provider) => ({ ...provider, upstream: `${from}/${provider.name}/` }))
    await startWorker(other, { nats: nats.url, env: WORKER, providers: slow })
    const show = async () => (await supervisor.api.call('listReplicas')).items.map(({ status }) => status)
    await until('one syncs', async () => held.length > 0 && (await show()).includes('syncing'))
    expect([heard.questions.length, fullOf(heard).length]).toEqual([1, 1])

    await nats.kill()
    upstream.removeAllListeners('request').on('request', (_, response) => response.writeHead(404).end())
    for (const response of held) response.writeHead(404).end()
    // Time for the syncs to end; where it is too short, they end after NATS is back, and the test says less.
    await pause(1000)
    await nats.start()
    await until('it is told', async () => (await show()).every((status) => status === 'failed'), {
      timeoutMs: 40_000,
      seen: show,
    })
    // Where the supervisor was there again later than the worker it has missed something, and asks.
    expect(fullOf(heard).length).toBeLessThanOrEqual(heard.questions.length)
  })

  test('are not asked of a worker that cannot wait, and has sent them', async () => {
    const { url } = await startNats(fourth, 'new')
    const { nats, questions } = await listen(fourth, url)
    const supervisor = await startSupervisor(fourth, { nats: url })
    const send = async (instance: string, capabilities: string[]) => {
      const join = sampleJoin({ worker_id: 'w', instance, capabilities })
      await nats.request(subjectFor('join', 'w'), JSON.stringify(join), { timeout: PATIENCE_MS })
      const beat = sampleHeartbeat({ worker_id: 'w', instance })
      nats.publish(subjectFor('heartbeat', 'w'), JSON.stringify(beat))
      await until('it is known', async () => (await supervisor.api.call('listReplicas')).total === beat.replicas.length)
    }
    await send('first', [])
    expect(questions).toEqual([])
    await send('second', ['wait'])
    await until('one that waits is asked', () => questions.length === 1)
  })

  test('are sent unasked to a supervisor that does not say that it asks', async () => {
    const { url } = await startNats(third, 'old')
    const heard = await listen(third, url)
    const reply: JoinReply = { accepted: true, status: 'approved', reason: null }
    heard.nats.subscribe(subjectForAll('join'), {
      callback: (_, message) => void message.respond(JSON.stringify(reply)),
    })
    await heard.nats.flush()
    await startWorker(third, { nats: url, env: WORKER, providers })
    await until('it has told of all', () => fullOf(heard).at(-1)?.replicas.length === providers.length)
    expect(heard.questions).toEqual([])
    const before = fullOf(heard).length
    await heard.nats.request(subjectFor('refresh', 'w'), '{}')
    await until('it tells again when it is asked', () => fullOf(heard).length > before)
  })
})
