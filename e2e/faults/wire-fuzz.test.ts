// wire-fuzz.test.ts — Random messages from strangers on an open NATS: the programs keep running, the API answers, and
// the next good message counts.
import { jetstream } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import fc from 'fast-check'
import { desiredHint, messages, subjectFor, type JoinReply } from '@kagami/protocol'
import { SAMPLE_AT, sampleHeartbeat, sampleJoin, sampleState } from '@kagami/protocol/testing/samples'
import { newId } from '@kagami/runtime'
import { expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

const place = createPlace()
const RUNS = rounds(300, 20_000)
const WORKER = 'w-1'
const PEER = 'peer-1'
const instance = newId()
const join = sampleJoin({ worker_id: PEER, instance, name: 'peer' })
const makeHeartbeat = (seq: number) =>
  sampleHeartbeat({
    worker_id: PEER,
    instance,
    seq,
    replicas: [sampleState({ replica_id: 'r-1', revision_no: seq, name: `mirror-${seq}` })],
  })

/** Every subject, for a known worker, a peer and unknown ids. */
const subjects = [...Object.values(messages).map(({ subject }) => subject), desiredHint('<id>')].flatMap((subject) =>
  [WORKER, PEER, 'nobody', 'a.b', '💥'].map((id) => subject.replace('<id>', id)),
)
const known = fc.constantFrom<unknown>(
  WORKER,
  PEER,
  instance,
  '',
  '__proto__',
  'constructor',
  '..',
  '\u0000',
  '\ud800',
  SAMPLE_AT,
  '+999999-01-01T00:00:00.000Z',
  -1,
  0,
  1,
  1.5,
  2 ** 53,
  1e308,
  null,
  true,
  [],
  {},
  'git',
  'running',
  'success',
)
const fields = [
  'worker_id',
  'instance',
  'wire',
  'name',
  'kinds',
  'seq',
  'sent_at',
  'observed_rev',
  'full',
  'part',
  'replicas',
  'removed',
  'digest',
  'storage',
  'jobs',
  'rev',
  'term',
  'admission',
  'terminate',
  'syncs',
  'paused',
  'sync_id',
  'replica_id',
  'offset',
  'limit',
  'outcome',
  'reason',
  'progress',
  'started_at',
  'ended_at',
  'time_stamp',
  'status',
  'type',
  'token',
  'join',
  'signature',
  '__proto__',
  'constructor',
]
const value = fc.oneof(known, fc.jsonValue({ maxDepth: 3 }))
const randomJson = fc.oneof(
  fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 12 }),
  fc.jsonValue({ maxDepth: 5 }),
)
/** Valid messages with one changed field: they pass more checks than random ones. */
const changedMessages = fc
  .tuple(fc.constantFrom<object>(join, makeHeartbeat(1)), fc.constantFrom(...fields), value)
  .map(([whole, field, changed]) => ({ ...whole, [field]: changed }))
const deep = fc.constantFrom(
  `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  `{"worker_id":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
  `{"worker_id":"${'x'.repeat(600_000)}"}`,
)
const body = fc.oneof(
  { weight: 5, arbitrary: randomJson.map((json) => Buffer.from(JSON.stringify(json))) },
  { weight: 5, arbitrary: changedMessages.map((json) => Buffer.from(JSON.stringify(json))) },
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: deep.map((text) => Buffer.from(text)) },
)

test(`${RUNS} random messages on every subject end no program, and good messages still count`, async ({ task }) => {
  const server = await startNats(place)
  const supervisor = await startSupervisor(place, { nats: server.url })
  const worker = await startWorker(place, { nats: server.url, env: { KAGAMI_WORKER_ID: WORKER } })
  await until(
    'the worker joined',
    async () =>
      (await supervisor.api.call('listWorkers')).items.find(({ worker_id }) => worker_id === WORKER)?.presence ===
      'online',
    { seen: () => worker.output() },
  )
  const nats = await connect({ servers: server.url })
  place.onEnd(() => nats.close())
  const peer = (
    await nats.request(subjectFor('join', PEER), JSON.stringify(join), { timeout: PATIENCE_MS })
  ).json() as JoinReply
  expect(peer).toMatchObject({ accepted: true })
  let slowest = 0
  let sent = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...subjects), body, fc.boolean(), async (subject, bytes, asks) => {
      nats.publish(subject, bytes, asks ? { reply: '_INBOX.x' } : {})
      if (++sent % 50 !== 0) return
      await nats.flush()
      const before = performance.now()
      expect((await fetch(`${supervisor.url}/overview`)).status).toBe(200)
      slowest = Math.max(slowest, performance.now() - before)
      expect([supervisor.child.exitCode, worker.child.exitCode], `after ${sent} messages`).toEqual([null, null])
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
  // The last version of the worker's document is garbage: the supervisor must still be able to write the next one.
  await jetstream(nats).publish(subjectFor('desired', WORKER), Buffer.from([0, 1, 2]))
  await expectGoodMessageCounts(nats, supervisor)
  const added = await supervisor.api.call('addReplica', {
    params: { id: WORKER },
    body: { name: 'after', kind: 'http', upstream: 'http://127.0.0.1:1/x', interval_secs: 3600 },
  })
  expect(added).toBeTruthy()
  await until(
    'the worker has synced the new replica',
    async () => (await supervisor.api.call('listReplicas', { query: { name: 'after' } })).items[0]?.last_sync,
    {
      seen: async () => ({
        workers: (await supervisor.api.call('listWorkers')).items,
        supervisor: supervisor.output().slice(-1500),
        worker: worker.output().slice(-1000),
      }),
    },
  )
  for (const program of [supervisor, worker])
    expect(
      program
        .output()
        .split('\n')
        .filter((line) => /"level":[56]0/.test(line)),
    ).toEqual([])
  expect([supervisor.child.exitCode, worker.child.exitCode]).toEqual([null, null])
  task.meta.figure = `${RUNS} messages, 0 exits, slowest answer of the API ${Math.round(slowest)} ms`
}, 600_000)

async function expectGoodMessageCounts(
  nats: NatsConnection,
  supervisor: { api: Awaited<ReturnType<typeof startSupervisor>>['api'] },
): Promise<void> {
  const seq = 1_000_000
  await until(
    'a good message counts',
    async () => {
      await nats.request(subjectFor('join', PEER), JSON.stringify(join), { timeout: PATIENCE_MS }).catch(() => null)
      nats.publish(subjectFor('heartbeat', PEER), JSON.stringify(makeHeartbeat(seq)))
      return (await supervisor.api.call('listReplicas', { query: { worker: PEER } })).items.some(
        ({ name }) => name === `mirror-${seq}`,
      )
    },
    { seen: async () => (await supervisor.api.call('listWorkers')).items },
  )
}
