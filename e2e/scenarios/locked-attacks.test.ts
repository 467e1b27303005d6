// locked-attacks.test.ts — What somebody with the real credentials of one worker, or a join token, tries on a locked
// NATS. Nothing of a neighbour can be read or written.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { DESIRED_BUCKET, enrolProof, EVENTS_STREAM, subjectFor, type Join } from '@kagami/protocol'
import { newId, newNatsKey } from '@kagami/runtime'
import { beforeAll, describe, expect, test } from 'vitest'
import { aLockedNats, connectAs, identityOfToken, stolenFrom, type LockedNats } from '../harness/locked.ts'
import { aNats, aPlace, NATS_VERSIONS } from '../harness/place.ts'
import { aSupervisor, freePort, startProgram, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const DIRECT_GET = `$JS.API.DIRECT.GET.KV_${DESIRED_BUCKET}`
/** What stands in the victim's document alone. */
const SECRET = 'known-to-the-victim-alone'
const at = '2026-01-01T00:00:00.000Z'

/** Each is one forbidden message: where to, and what would come of it. */
const PUBLISHES: [what: string, subject: string][] = [
  ['forge its heartbeat', 'kagami.worker.victim.hb'],
  ['forge its progress', 'kagami.worker.victim.progress'],
  ['say goodbye for it', 'kagami.worker.victim.goodbye'],
  ['forge its report', 'kagami.evt.victim.report'],
  ['join as it', 'kagami.api.victim.join'],
  ['cancel its sync', 'kagami.rpc.victim.cancel'],
  ['read its log', 'kagami.rpc.victim.log'],
  ['fake its hint', 'kagami.desired.victim'],
  ['overwrite its document', `$KV.${DESIRED_BUCKET}.victim`],
  ['overwrite its own document', `$KV.${DESIRED_BUCKET}.thief`],
  ['read its document', `${DIRECT_GET}.$KV.${DESIRED_BUCKET}.victim`],
  ['read any document by a request in the body', DIRECT_GET],
  ['read a document by its number', `$JS.API.STREAM.MSG.GET.KV_${DESIRED_BUCKET}`],
  ['delete a document', `$JS.API.STREAM.MSG.DELETE.KV_${DESIRED_BUCKET}`],
  ['delete the stream of reports', `$JS.API.STREAM.DELETE.${EVENTS_STREAM}`],
  ['purge the stream of reports', `$JS.API.STREAM.PURGE.${EVENTS_STREAM}`],
  ['change the stream of reports', `$JS.API.STREAM.UPDATE.${EVENTS_STREAM}`],
  ['delete the bucket', `$JS.API.STREAM.DELETE.KV_${DESIRED_BUCKET}`],
  ['make a stream of its own', '$JS.API.STREAM.CREATE.MINE'],
  ['list the streams', '$JS.API.STREAM.NAMES'],
  ['make a consumer that delivers elsewhere', `$JS.API.CONSUMER.CREATE.${EVENTS_STREAM}`],
  ['make a durable consumer', `$JS.API.CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.mine`],
  ['read reports meant for the supervisor', `$JS.API.CONSUMER.MSG.NEXT.${EVENTS_STREAM}.supervisor`],
  ['acknowledge reports for the supervisor', `$JS.ACK.${EVENTS_STREAM}.supervisor.1.1.1.1.0`],
  ['delete the supervisor’s consumer', `$JS.API.CONSUMER.DELETE.${EVENTS_STREAM}.supervisor`],
  ['ask what JetStream holds', '$JS.API.INFO'],
  ['answer what the victim asked', '_INBOX.victim.x'],
  ['answer those who join', '_INBOX.join.x'],
  ['answer the supervisor in another’s place', '_R_.AAAAAA.BBBBBB'],
  ['replace the accounts', '$SYS.REQ.CLAIMS.UPDATE'],
  ['look at the accounts', '$SYS.REQ.SERVER.PING'],
  ['join in the words of older workers', 'kagami.supervisor.join'],
  ['beat in the words of older workers', 'kagami.hb.victim'],
  ['command in the words of older supervisors', 'kagami.worker.victim.cmd'],
]

const SUBSCRIPTIONS = [
  '>',
  '*',
  'kagami.>',
  'kagami.*.victim.>',
  'kagami.worker.>',
  'kagami.worker.victim.hb',
  'kagami.evt.>',
  'kagami.api.>',
  'kagami.join.*',
  'kagami.rpc.>',
  'kagami.rpc.victim.>',
  'kagami.desired.>',
  'kagami.desired.*',
  'kagami.desired.victim',
  '_INBOX.>',
  '_INBOX.*.>',
  '_INBOX.victim.>',
  '_R_.>',
  '$KV.>',
  '$JS.>',
  '$JS.EVENT.>',
  '$SYS.>',
]

/** Where an answer would do harm, if whoever answers has more rights than whoever asked. */
const REPLIES = [
  'kagami.worker.victim.hb',
  'kagami.worker.victim.progress',
  'kagami.worker.victim.goodbye',
  'kagami.evt.victim.report',
  'kagami.api.victim.join',
  `$KV.${DESIRED_BUCKET}.victim`,
  `$JS.API.STREAM.DELETE.${EVENTS_STREAM}`,
  `$JS.API.STREAM.PURGE.${EVENTS_STREAM}`,
  `$JS.API.CONSUMER.DELETE.${EVENTS_STREAM}.supervisor`,
  'kagami.rpc.victim.cancel',
  'kagami.rpc.victim.log',
  'kagami.desired.victim',
  '_INBOX.victim.x',
  '$SYS.REQ.CLAIMS.UPDATE',
]

const joinOf = (id: string): Join => ({
  worker_id: id,
  instance: newId(),
  wire: 1,
  name: id,
  version: '1',
  hostname: 'h',
  http_addr: 'x:1',
  data_dir: '/d',
  kinds: [],
})
const reportOf = (worker: string, replica: string) => ({
  sync_id: newId(),
  worker_id: worker,
  replica_id: replica,
  name: 'forged',
  kind: 'http',
  trigger: 'schedule',
  request_id: null,
  outcome: 'failed',
  reason: 'unknown',
  message: 'forged',
  hint: null,
  tail: null,
  exit_code: null,
  started_at: at,
  ended_at: at,
  duration_ms: 0,
  bytes: 1,
  files: 1,
  size_bytes: 1,
  revision: null,
})

describe.each(NATS_VERSIONS)('on a locked %s nats-server, a worker in wrong hands', (version) => {
  const place = aPlace()
  let nats: LockedNats
  let supervisor: SupervisorProgram
  let supervision: NatsConnection
  let victim: Program
  let thief: NatsConnection
  const refusals: string[] = []
  const heard: string[] = []
  let before: unknown

  const worker = async (id: string) => {
    const { token } = await supervisor.api.call('makeJoinToken', { body: {} })
    const program = startProgram(place, ['run', 'worker'], {
      KAGAMI_WORKER_ID: id,
      KAGAMI_DATA_DIR: place.at(id),
      KAGAMI_HTTP_ADDR: `127.0.0.1:${await freePort()}`,
      KAGAMI_JOIN_TOKEN: token,
      KAGAMI_GRACE_SECS: '1',
    })
    await until(
      `${id} is a worker`,
      async () =>
        (await supervisor.api.call('listWorkers')).items.some(
          (one) => one.worker_id === id && one.desired_rev > 0 && one.observed_rev === one.desired_rev,
        ),
      { timeoutMs: 30_000, seen: () => program.output() },
    )
    return program
  }
  /** All that is the victim's, everywhere. */
  const victims = async () => {
    const manager = await jetstreamManager(supervision)
    const entry = await (await new Kvm(supervision).open(DESIRED_BUCKET)).get('victim')
    const shown = (await supervisor.api.call('listWorkers')).items.find((one) => one.worker_id === 'victim')!
    const { state } = await manager.streams.info(EVENTS_STREAM, { subjects_filter: 'kagami.evt.victim.>' })
    return {
      document: entry!.string(),
      revision: entry!.revision,
      reports: state.subjects ?? {},
      consumers: (await manager.consumers.list(EVENTS_STREAM).next()).map((one) => one.name),
      streams: (await manager.streams.names().next()).sort(),
      worker: {
        admission: shown.admission,
        presence: shown.presence,
        conflict: shown.conflict,
        hostname: shown.hostname,
        name: shown.name,
        observed: shown.observed_rev,
      },
      replicas: (await supervisor.api.call('listReplicas', { query: { worker: 'victim' } })).items.map((one) => [
        one.replica_id,
        one.name,
        one.status,
        one.progress,
      ]),
      history: (await supervisor.api.call('listSyncs', { query: { worker: 'victim' } })).total,
    }
  }
  const unharmed = async () => {
    await thief.flush()
    await supervision.flush()
    expect(await victims()).toEqual(before)
    expect(victim.output()).not.toMatch(/ended|stopping|rejected|terminated/)
  }
  const refused = (what: string) =>
    until(`"${what}" is refused`, () => refusals.some((text) => text.includes(`"${what}"`)), {
      timeoutMs: 5000,
      seen: () => refusals.slice(-5),
    })
  const watch = (connection: NatsConnection) =>
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'error') refusals.push(String(status.error))
    })()

  beforeAll(async () => {
    nats = await aLockedNats(place, version)
    supervisor = await aSupervisor(place, {
      nats: nats.url,
      env: { SUPERVISOR_NATS_CREDENTIALS: nats.credentialsFile },
    })
    supervision = await connectAs(place, nats, {
      ...nats.credentials.supervisor,
      ca: nats.credentials.ca,
      inbox: '_INBOX',
    })
    victim = await worker('victim')
    await supervisor.api.call('addReplica', {
      params: { id: 'victim' },
      body: {
        name: 'private',
        kind: 'http',
        upstream: `http://127.0.0.1:9/${SECRET}`,
        auth: { type: 'basic', username: 'u', password: 'sealed-anyway' },
      },
    })
    await (await worker('thief')).kill()
    await until(
      'the victim has it',
      async () => (await supervisor.api.call('listReplicas', { query: { worker: 'victim' } })).total === 1,
    )
    thief = await connectAs(place, nats, stolenFrom(place.at('thief')))
    watch(thief)
    before = await victims()
    expect(JSON.stringify(before)).toContain(SECRET)
  }, 120_000)

  test.each(PUBLISHES)('cannot %s', async (_, subject) => {
    refusals.length = 0
    thief.publish(subject, JSON.stringify({ worker_id: 'victim', sync_id: 's' }), { reply: '_INBOX.thief.answer' })
    await refused(subject)
    await unharmed()
  })

  test.each(SUBSCRIPTIONS)('cannot listen to %s', async (subject) => {
    refusals.length = 0
    const subscription = thief.subscribe(subject, {
      callback: (error, message) => void (error ? refusals.push(String(error)) : heard.push(message.subject)),
    })
    await refused(subject)
    subscription.unsubscribe()
    expect(heard).toEqual([])
  })

  test.each(REPLIES)('gains nothing by having answers sent to %s', async (reply) => {
    const document = `${DIRECT_GET}.$KV.${DESIRED_BUCKET}.thief`
    thief.publish(subjectFor('join', 'thief'), JSON.stringify(joinOf('thief')), { reply })
    thief.publish(subjectFor('report', 'thief'), JSON.stringify(reportOf('thief', 'r-thief')), { reply })
    thief.publish('kagami.evt.thief.nonsense', JSON.stringify({ worker_id: 'victim' }), { reply })
    thief.publish(document, '', { reply })
    // Its answer comes after the others', so all of them were given.
    await thief.request(document, '', { timeout: 3000 })
    await supervisor.api.call('summary')
    await unharmed()
  })

  test('gains nothing by naming the victim in its own messages', async () => {
    const [replica] = (await supervisor.api.call('listReplicas', { query: { worker: 'victim' } })).items
    const answer = (
      await thief.request(subjectFor('join', 'thief'), JSON.stringify(joinOf('victim')), { timeout: 3000 })
    ).json()
    expect(answer).toMatchObject({ accepted: false, status: 'rejected' })
    const beat = {
      worker_id: 'victim',
      instance: newId(),
      seq: 1,
      sent_at: at,
      observed_rev: 1,
      full: true,
      part: { index: 0, of: 1 },
      replicas: [],
      removed: [],
      digest: { count: 0, revisions: 0 },
      storage: null,
      jobs: { running: 0, queued: 0, limit: 4 },
    }
    thief.publish(subjectFor('heartbeat', 'thief'), JSON.stringify(beat))
    thief.publish(subjectFor('goodbye', 'thief'), JSON.stringify({ worker_id: 'victim', instance: newId() }))
    for (const report of [reportOf('victim', replica!.replica_id), reportOf('thief', replica!.replica_id)])
      await thief.request(subjectFor('report', 'thief'), JSON.stringify(report), { timeout: 3000 })
    await until('both are put aside', () => supervisor.output().split('set aside a report').length >= 3, {
      seen: () => supervisor.output().slice(-2000),
    })
    expect((await supervisor.api.call('listSyncs', { query: { replica: replica!.replica_id } })).total).toBe(0)
    await unharmed()
  })

  test('cannot have others’ credentials, and those it saw are worth nothing without their key', async () => {
    const own = stolenFrom(place.at('thief'))
    const { jwt } = stolenFrom(place.at('victim'))
    await expect(connectAs(place, nats, { ...own, jwt }, 1500)).rejects.toThrow()
    const forged = {
      ...own,
      jwt: `${own.jwt.split('.')[0]}.${Buffer.from(Buffer.from(own.jwt.split('.')[1]!, 'base64url').toString().replaceAll('thief', 'victim')).toString('base64url')}.${own.jwt.split('.')[2]}`,
    }
    await expect(connectAs(place, nats, forged, 1500)).rejects.toThrow()
    await expect(
      connectAs(place, nats, { ...own, inbox: '_INBOX.victim' }).then((connection) =>
        connection.request(subjectFor('join', 'thief'), '{}', { timeout: 1500 }),
      ),
    ).rejects.toThrow(/permissions violation/i)
    await expect(connect({ servers: nats.url, tls: { ca: nats.credentials.ca! }, reconnect: false })).rejects.toThrow(
      /authorization/i,
    )
  }, 30_000)

  describe('somebody with a join token', () => {
    let guest: NatsConnection
    let secret: string

    beforeAll(async () => {
      const { token } = await supervisor.api.call('makeJoinToken', { body: { worker_id: 'nobody' } })
      secret = JSON.parse(Buffer.from(token.slice('kagami-join-'.length), 'base64url').toString()).secret
      guest = await connectAs(place, nats, identityOfToken(token))
      watch(guest)
    })

    test.each([
      ...PUBLISHES.map(([, subject]) => subject),
      ...['hb', 'x'].map((word) => `kagami.worker.thief.${word}`),
      'kagami.evt.thief.report',
      'kagami.api.thief.join',
    ])('cannot publish to %s', async (subject) => {
      refusals.length = 0
      guest.publish(subject, '{}')
      await refused(subject)
    })

    test.each([...SUBSCRIPTIONS, 'kagami.rpc.thief.>', 'kagami.desired.thief'])(
      'cannot listen to %s',
      async (subject) => {
        refusals.length = 0
        const subscription = guest.subscribe(subject, {
          callback: (error) => void (error && refusals.push(String(error))),
        })
        await refused(subject)
        subscription.unsubscribe()
      },
    )

    test('gains no id that belongs to somebody, and harms nobody by where answers go', async () => {
      const mine = newNatsKey('user')
      const request = (id: string, key: string) => {
        const asked = { token: secret, join: joinOf(id) }
        return JSON.stringify({
          ...asked,
          signature: Buffer.from(mine.sign(Buffer.from(enrolProof(key, asked)))).toString('base64url'),
        })
      }
      const ask = (id: string, key = mine.publicKey) =>
        guest.request(`kagami.join.${key}`, request(id, key), { timeout: 1500 }).then((reply) => reply.json())
      expect(await ask('victim')).toMatchObject({ status: 'refused', jwt: null })
      expect(await ask('someone')).toMatchObject({ status: 'refused', jwt: null })
      // Without the key itself there is no answer, neither for its own id nor for another.
      const { publicKey } = stolenFrom(place.at('victim'))
      for (const [id, key] of [
        ['nobody', publicKey],
        ['victim', publicKey],
        ['nobody', 'no-key'],
        ['nobody', `U${'A'.repeat(55)}`],
      ] as const)
        await expect(ask(id, key)).rejects.toThrow(/timeout/i)
      for (const reply of REPLIES)
        guest.publish(`kagami.join.${mine.publicKey}`, request('victim', mine.publicKey), { reply })
      await ask('victim')
      await unharmed()
      expect((await supervisor.api.call('listJoinTokens'))[0]).toMatchObject({ used: 0 })
    }, 30_000)
  })
})

describe.each(NATS_VERSIONS)('on an open %s nats-server', (version) => {
  const place = aPlace()

  test('the supervisor answers nowhere but where clients wait for answers, and says that workers are trusted', async () => {
    const server = await aNats(place, version)
    const supervisor = await aSupervisor(place, { nats: server.url })
    await until('it says that NATS is open', () => supervisor.output().includes('NATS is open'), {
      seen: () => supervisor.output(),
    })
    const client = await connect({ servers: server.url })
    place.also(() => client.close())
    const told: string[] = []
    client.subscribe('kagami.rpc.victim.cancel', { callback: (_, message) => void told.push(message.string()) })
    for (const reply of REPLIES.filter((one) => !one.startsWith('_INBOX.')))
      client.publish(subjectFor('join', 'thief'), JSON.stringify(joinOf('thief')), { reply })
    await client.request(subjectFor('join', 'thief'), JSON.stringify(joinOf('thief')), { timeout: 3000 })
    const manager = await jetstreamManager(client)
    const stream = await until('there is a stream of reports', () => manager.streams.info(EVENTS_STREAM))
    expect(stream.state.messages).toBe(0)
    expect(told).toEqual([])
    await until('it says what it refused', () => supervisor.output().includes('where no replies are sent'), {
      seen: () => supervisor.output(),
    })
    expect(
      (await supervisor.api.call('makeJoinToken', { body: {} }).catch((error: unknown) => error)) as Error,
    ).toMatchObject({ code: 'conflict' })
  })
})
