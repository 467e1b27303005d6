// messages.test.ts — Every message of the wire, sent to the running programs as a peer of another version would:
// unknown fields are ignored, wrong types refused and logged once, too large ones refused or split.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { messages } from '@kagami/protocol'
import {
  DESIRED_BUCKET,
  subjectFor,
  type Heartbeat,
  type JoinReply,
  type ReplicaState,
  type SyncReport,
} from '@kagami/protocol'
import { SAMPLE_AT, sampleHeartbeat, sampleJoin, sampleReport, sampleState } from '@kagami/protocol/testing/samples'
import { newId } from '@kagami/runtime'
import { jetstream } from '@nats-io/jetstream'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

const id = 'wire-1'
const instance = newId()
const more = { some_future_field: { deep: [1, 2, 3] } }

const join = sampleJoin({ worker_id: id, instance, name: 'wire' })

const makeState = (n: number, change: Partial<ReplicaState> = {}) =>
  sampleState({
    replica_id: `r-${n}`,
    name: `mirror-${n}`,
    upstream: `http://127.0.0.1/${'x'.repeat(200)}/${n}`,
    ...change,
  })

const makeHeartbeat = (change: Partial<Heartbeat> = {}) =>
  sampleHeartbeat({ worker_id: id, instance, replicas: [makeState(1)], ...change })

const makeReport = (change: Partial<SyncReport> = {}) =>
  sampleReport({ sync_id: newId(), worker_id: id, replica_id: 'r-1', name: 'mirror-1', ...change })

describe('the supervisor, with messages of another version', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  let nats: NatsConnection
  const publish = (name: keyof typeof messages, body: unknown) =>
    nats.publish(subjectFor(name, id), JSON.stringify(body))
  const request = async (name: keyof typeof messages, body: unknown) =>
    (await nats.request(subjectFor(name, id), JSON.stringify(body), { timeout: PATIENCE_MS })).json() as JoinReply
  const replicas = async () => await supervisor.api.call('listReplicas', { query: { worker: id, limit: 500 } })
  const refusals = (part: string) =>
    supervisor
      .output()
      .split('\n')
      .filter((line) => line.includes('refused a message') && line.includes(part))

  beforeAll(async () => {
    const server = await startNats(place, 'new')
    supervisor = await startSupervisor(place, { nats: server.url })
    nats = await connect({ servers: server.url })
    place.onEnd(() => nats.close())
    expect(await request('join', { ...join, ...more })).toMatchObject({ accepted: true, status: 'approved' })
    publish('heartbeat', { ...makeHeartbeat(), ...more })
    await until('the heartbeat with an unknown field counts', async () => (await replicas()).total === 1)
  })

  const refused: [keyof typeof messages, unknown, string][] = [
    ['join', { ...join, wire: 'one' }, 'field wire must be integer'],
    ['heartbeat', makeHeartbeat({ replicas: [{ ...makeState(1), status: 'sleeping' as never }] }), 'replicas.0.status'],
    ['heartbeat', { ...makeHeartbeat(), seq: -1 }, 'field seq'],
    [
      'progress',
      {
        worker_id: id,
        replica_id: 'r-1',
        sync_id: 's',
        started_at: SAMPLE_AT,
        trigger: 'schedule',
        progress: { phase: 'flying' },
      },
      'progress',
    ],
    ['goodbye', { worker_id: id }, 'field instance is required'],
    ['olderHeartbeat', { worker_id: id, time_stamp: 'now', replicas: [] }, 'field time_stamp must be integer'],
    ['olderStatus', { worker_id: id, replica_id: 'r', status: 'great' }, 'field status'],
    ['olderJoin', { worker_id: 'a.b', replicas: [] }, 'field worker_id must match pattern'],
  ]
  test.each(refused)(
    'a %s of a wrong type is refused, named, and logged once however often it comes',
    async (name, body, reason) => {
      for (let i = 0; i < 3; i++) publish(name, body)
      publish('heartbeat', makeHeartbeat({ seq: 7 }))
      await until('it is logged', () => refusals(reason).length > 0, { seen: () => supervisor.output().slice(-3000) })
      await nats.flush()
      await supervisor.api.call('summary')
      expect(refusals(reason)).toHaveLength(1)
      expect((await replicas()).total).toBe(1)
    },
  )

  test('bytes that are not JSON are refused, and the next message counts', async () => {
    nats.publish(subjectFor('heartbeat', id), Uint8Array.from([0xff, 0x00, 0x7b]))
    await until('it is logged', () => refusals('message is not JSON').length === 1)
    publish('heartbeat', makeHeartbeat({ seq: 8, replicas: [makeState(1), makeState(2)] }))
    await until('the next one counts', async () => (await replicas()).total === 2)
  })

  test('a message about another worker is ignored', async () => {
    nats.publish(subjectFor('heartbeat', 'someone-else'), JSON.stringify(makeHeartbeat({ replicas: [] })))
    nats.publish(
      subjectFor('heartbeat', id),
      JSON.stringify(makeHeartbeat({ worker_id: 'someone-else', replicas: [] })),
    )
    await nats.flush()
    await supervisor.api.call('summary')
    expect((await replicas()).total).toBe(2)
  })

  test('a heartbeat too large for one message is refused with its size', async () => {
    const replicas2mb = Array.from({ length: 1500 }, (_, n) => makeState(n))
    const text = JSON.stringify(makeHeartbeat({ replicas: replicas2mb }))
    expect(text.length).toBeGreaterThan(512 * 1024)
    nats.publish(subjectFor('heartbeat', id), text)
    await until('it is refused', () => refusals(`message of ${text.length} bytes is larger than 524288`).length === 1)
  })

  test('one of 2 MB in parts counts as a whole, and only when all parts have arrived', async () => {
    const all = Array.from({ length: 3200 }, (_, n) =>
      makeState(n, { upstream: `http://127.0.0.1/${'x'.repeat(400)}/${n}` }),
    )
    expect(JSON.stringify(makeHeartbeat({ replicas: all })).length).toBeGreaterThan(2 * 1024 * 1024)
    const digest = { count: all.length, revisions: all.length }
    const parts = Array.from({ length: 8 }, (_, index) =>
      makeHeartbeat({ seq: 99, part: { index, of: 8 }, replicas: all.slice(index * 400, index * 400 + 400), digest }),
    )
    for (const part of parts.slice(0, 7)) publish('heartbeat', part)
    await nats.flush()
    await supervisor.api.call('summary')
    expect((await replicas()).total).toBe(2)
    publish('heartbeat', parts[7])
    await until('all are there', async () => (await replicas()).total === all.length)
  })

  test('the digest reveals a lost heartbeat, and a full one is requested', async () => {
    const requests: string[] = []
    nats.subscribe(subjectFor('refresh', id), {
      callback: (_, message) => {
        requests.push(message.subject)
        message.respond(JSON.stringify({ accepted: true }))
      },
    })
    await nats.flush()
    publish('heartbeat', makeHeartbeat({ full: false, replicas: [], digest: { count: 5, revisions: 17 } }))
    await until('it requests a full heartbeat', () => requests.length > 0)
  })

  test('a report with an unknown field is kept; one of another worker or type is set aside', async () => {
    const stream = jetstream(nats)
    const good = makeReport()
    for (const [body, msgID] of [
      [{ ...makeReport(), worker_id: 'someone-else' }, 'a'],
      [{ ...makeReport(), outcome: 'great' }, 'b'],
      [{ ...good, ...more }, 'c'],
    ] as const) {
      await stream.publish(subjectFor('report', id), JSON.stringify(body), { msgID })
    }
    await until('the good one is in the history', async () =>
      (await supervisor.api.call('listSyncs', { query: { state: 'finished' } })).items.some(
        (sync) => sync.sync_id === good.sync_id,
      ),
    )
    expect((await supervisor.api.call('listSyncs', { query: { state: 'finished' } })).total).toBe(1)
    await until('it is logged', () => supervisor.output().includes('set aside a report that cannot be used'), {
      seen: () => supervisor.output(),
    })
  })
})

describe('the worker, with messages of another version', () => {
  const place = createPlace()
  let worker: Program
  let supervisor: SupervisorProgram
  let nats: NatsConnection
  const request = async (name: keyof typeof messages, body: unknown) =>
    (await nats.request(subjectFor(name, 'w'), JSON.stringify(body), { timeout: PATIENCE_MS })).json()

  beforeAll(async () => {
    const server = await startNats(place, 'old')
    supervisor = await startSupervisor(place, { nats: server.url })
    worker = await startWorker(place, { nats: server.url, env: { KAGAMI_WORKER_ID: 'w' }, providers: [] })
    nats = await connect({ servers: server.url })
    place.onEnd(() => nats.close())
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.admission === 'approved')
  })

  test('answers requests with unknown fields', async () => {
    expect(await request('cancel', { sync_id: 'none', ...more })).toEqual({ cancelled: false })
    expect(await request('refresh', more)).toEqual({ accepted: true })
    expect(await request('log', { replica_id: 'r', sync_id: 's', offset: 0, limit: 10, ...more })).toMatchObject({
      found: false,
      text: '',
    })
  })

  test.each([
    ['cancel', { sync_id: 5 }, 'field sync_id must be string'],
    ['log', { replica_id: 'r', sync_id: 's', offset: 'zero', limit: 10 }, 'field offset must be integer'],
    ['ping', {}, 'field instance is required'],
  ] as const)('refuses a %s of a wrong type, and logs it once', async (name, body, reason) => {
    for (let i = 0; i < 3; i++) nats.publish(subjectFor(name, 'w'), JSON.stringify(body))
    await until('it is logged', () => worker.output().includes(reason))
    await request('refresh', {})
    expect(worker.output().split(reason)).toHaveLength(2)
  })

  test('a desired document it cannot understand changes nothing, and the next good one counts', async () => {
    const before = (await supervisor.api.call('listWorkers')).items[0]!.observed_rev
    await jetstream(nats).publish(`$KV.${DESIRED_BUCKET}.w`, JSON.stringify({ worker_id: 'w', rev: 'many' }))
    await until('it is logged', () => worker.output().includes('the desired document cannot be understood'))
    await supervisor.api.call('addReplica', {
      params: { id: 'w' },
      body: { name: 'new', kind: 'http', upstream: 'http://127.0.0.1:9/x' },
    })
    await until(
      'the good one is applied',
      async () => (await supervisor.api.call('listWorkers')).items[0]!.observed_rev > before,
      { seen: () => worker.output() + supervisor.output() },
    )
  })
})
