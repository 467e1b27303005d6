// locked-attacks.test.ts — Attacks on a locked NATS with the real credentials of one worker, or with a join token.
// Nothing of another worker can be read or written.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { DESIRED_BUCKET, enrolProof, EVENTS_STREAM, subjectFor } from '@kagami/protocol'
import { newId, newNatsKey } from '@kagami/runtime'
import { beforeAll, describe, expect, test } from 'vitest'
import { startLockedNats, connectAs, identityOfToken, readStolenIdentity, type LockedNats } from '../harness/locked.ts'
import { createPlace, NATS_VERSIONS } from '../harness/place.ts'
import { startSupervisor, freePort, startProgram, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'
import { sampleHeartbeat } from '@kagami/protocol/testing/samples'
import { DIRECT_GET, makeJoin, PUBLISHES, REPLIES, makeReport, SECRET, SUBSCRIPTIONS } from '../harness/attacks.ts'

describe.each(NATS_VERSIONS)('on a locked %s nats-server, somebody with the credentials of a worker', (version) => {
  const place = createPlace()
  let nats: LockedNats
  let supervisor: SupervisorProgram
  let supervision: NatsConnection
  let victim: Program
  let thief: NatsConnection
  const refusals: string[] = []
  const received: string[] = []
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
      { seen: () => program.output() },
    )
    return program
  }
  /** Everything about the victim: in NATS, in the API and in the history. */
  const stateOfVictim = async () => {
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
  const expectUnharmed = async () => {
    await thief.flush()
    await supervision.flush()
    expect(await stateOfVictim()).toEqual(before)
    expect(victim.output()).not.toMatch(/ended|stopping|rejected|terminated/)
  }
  const refused = (what: string) =>
    until(`"${what}" is refused`, () => refusals.some((text) => text.includes(`"${what}"`)), {
      seen: () => refusals.slice(-5),
    })
  const watch = (connection: NatsConnection) =>
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'error') refusals.push(String(status.error))
    })()

  beforeAll(async () => {
    nats = await startLockedNats(place, version)
    supervisor = await startSupervisor(place, {
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
    thief = await connectAs(place, nats, readStolenIdentity(place.at('thief')))
    watch(thief)
    before = await stateOfVictim()
    expect(JSON.stringify(before)).toContain(SECRET)
  })

  test.each(PUBLISHES)('cannot %s', async (_, subject) => {
    refusals.length = 0
    thief.publish(subject, JSON.stringify({ worker_id: 'victim', sync_id: 's' }), { reply: '_INBOX.thief.answer' })
    await refused(subject)
    await expectUnharmed()
  })

  test.each(SUBSCRIPTIONS)('cannot subscribe to %s', async (subject) => {
    refusals.length = 0
    const subscription = thief.subscribe(subject, {
      callback: (error, message) => void (error ? refusals.push(String(error)) : received.push(message.subject)),
    })
    await refused(subject)
    subscription.unsubscribe()
    expect(received).toEqual([])
  })

  test.each(REPLIES)('gains nothing by having answers sent to %s', async (reply) => {
    const document = `${DIRECT_GET}.$KV.${DESIRED_BUCKET}.thief`
    thief.publish(subjectFor('join', 'thief'), JSON.stringify(makeJoin('thief')), { reply })
    thief.publish(subjectFor('report', 'thief'), JSON.stringify(makeReport('thief', 'r-thief')), { reply })
    thief.publish('kagami.evt.thief.nonsense', JSON.stringify({ worker_id: 'victim' }), { reply })
    thief.publish(document, '', { reply })
    // Its answer comes after the other ones, so all of them have been sent.
    await thief.request(document, '', { timeout: PATIENCE_MS })
    await supervisor.api.call('summary')
    await expectUnharmed()
  })

  test('gains nothing by naming the victim in its own messages', async () => {
    const [replica] = (await supervisor.api.call('listReplicas', { query: { worker: 'victim' } })).items
    const answer = (
      await thief.request(subjectFor('join', 'thief'), JSON.stringify(makeJoin('victim')), { timeout: PATIENCE_MS })
    ).json()
    expect(answer).toMatchObject({ accepted: false, status: 'rejected' })
    const beat = sampleHeartbeat({ worker_id: 'victim', instance: newId() })
    thief.publish(subjectFor('heartbeat', 'thief'), JSON.stringify(beat))
    thief.publish(subjectFor('goodbye', 'thief'), JSON.stringify({ worker_id: 'victim', instance: newId() }))
    for (const report of [makeReport('victim', replica!.replica_id), makeReport('thief', replica!.replica_id)])
      await thief.request(subjectFor('report', 'thief'), JSON.stringify(report), { timeout: PATIENCE_MS })
    await until('both are set aside', () => supervisor.output().split('set aside a report').length >= 3, {
      seen: () => supervisor.output().slice(-2000),
    })
    expect((await supervisor.api.call('listSyncs', { query: { replica: replica!.replica_id } })).total).toBe(0)
    await expectUnharmed()
  })

  test('cannot use the credentials of others, not even with their JWT, without their key', async () => {
    const own = readStolenIdentity(place.at('thief'))
    const { jwt } = readStolenIdentity(place.at('victim'))
    await expect(connectAs(place, nats, { ...own, jwt }, 1500)).rejects.toThrow()
    const [head, claims, signature] = own.jwt.split('.') as [string, string, string]
    const changed = Buffer.from(claims, 'base64url').toString().replaceAll('thief', 'victim')
    const forged = { ...own, jwt: [head, Buffer.from(changed).toString('base64url'), signature].join('.') }
    await expect(connectAs(place, nats, forged, 1500)).rejects.toThrow()
    await expect(
      connectAs(place, nats, { ...own, inbox: '_INBOX.victim' }).then((connection) =>
        connection.request(subjectFor('join', 'thief'), '{}', { timeout: PATIENCE_MS }),
      ),
    ).rejects.toThrow(/permissions violation/i)
    await expect(connect({ servers: nats.url, tls: { ca: nats.credentials.ca! }, reconnect: false })).rejects.toThrow(
      /authorization/i,
    )
  })

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
      'cannot subscribe to %s',
      async (subject) => {
        refusals.length = 0
        const subscription = guest.subscribe(subject, {
          callback: (error) => void (error && refusals.push(String(error))),
        })
        await refused(subject)
        subscription.unsubscribe()
      },
    )

    test('gets no id that belongs to another worker, and does no harm with reply subjects', async () => {
      const mine = newNatsKey('user')
      const request = (id: string, key: string) => {
        const asked = { token: secret, join: makeJoin(id) }
        return JSON.stringify({
          ...asked,
          signature: Buffer.from(mine.sign(Buffer.from(enrolProof(key, asked)))).toString('base64url'),
        })
      }
      const ask = (id: string, key = mine.publicKey, timeout = PATIENCE_MS) =>
        guest.request(`kagami.join.${key}`, request(id, key), { timeout }).then((reply) => reply.json())
      expect(await ask('victim')).toMatchObject({ status: 'refused', jwt: null })
      expect(await ask('someone')).toMatchObject({ status: 'refused', jwt: null })
      // Without the key itself there is no answer, neither for its own id nor for another.
      const { publicKey } = readStolenIdentity(place.at('victim'))
      for (const [id, key] of [
        ['nobody', publicKey],
        ['victim', publicKey],
        ['nobody', 'no-key'],
        ['nobody', `U${'A'.repeat(55)}`],
      ] as const)
        await expect(ask(id, key, 1500)).rejects.toThrow(/timeout/i)
      for (const reply of REPLIES)
        guest.publish(`kagami.join.${mine.publicKey}`, request('victim', mine.publicKey), { reply })
      await ask('victim')
      await expectUnharmed()
      expect((await supervisor.api.call('listJoinTokens'))[0]).toMatchObject({ used: 0 })
    })
  })
})
