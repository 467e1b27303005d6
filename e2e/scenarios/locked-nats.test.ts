// locked-nats.test.ts — A locked NATS as an operator sets it up: init, token, enrol, approve, sync; each part
// restarted; a worker revoked; wrong tokens and servers refused.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { readJoinToken, writeJoinToken } from '@kagami/runtime'
import { beforeAll, describe, expect, test } from 'vitest'
import { startLockedNats, connectAs, readStolenIdentity, type LockedNats } from '../harness/locked.ts'
import { startNats, createPlace, NATS_VERSIONS } from '../harness/place.ts'
import {
  startSupervisor,
  runKagami,
  startProgram,
  freePort,
  type Program,
  type SupervisorProgram,
} from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe.each(NATS_VERSIONS)('a locked NATS, on the %s nats-server', (version) => {
  const place = createPlace()
  let nats: LockedNats
  let supervisor: SupervisorProgram
  let upstream: string
  const workers: Record<string, Program> = {}

  const launchSupervisor = async (port?: number) => {
    supervisor = await startSupervisor(place, {
      nats: nats.url,
      env: { KAGAMI_NATS_URL: '', SUPERVISOR_NATS_CREDENTIALS: nats.credentialsFile, SUPERVISOR_AUTO_APPROVE: 'false' },
      ...(port ? { port } : {}),
    })
  }
  const token = async (...words: string[]) => {
    const made = await runKagami(place, ['nats', 'token', '--api', supervisor.url, ...words])
    expect([made.code, made.stdout.split('\n').length]).toEqual([0, 2])
    return made.stdout.trim()
  }
  /** Starts a worker. The same id: the same worker again, with or without its token. */
  const launchWorker = async (id: string, env: Record<string, string> = {}, dir = id) => {
    workers[dir] = startProgram(place, ['run', 'worker'], {
      KAGAMI_WORKER_ID: id,
      KAGAMI_NAME: id,
      KAGAMI_DATA_DIR: place.at(dir),
      KAGAMI_HTTP_ADDR: `127.0.0.1:${await freePort()}`,
      KAGAMI_GRACE_SECS: '1',
      KAGAMI_PROVIDERS: JSON.stringify([{ name: `often-${id}`, kind: 'http', upstream, interval_secs: 1 }]),
      ...env,
    })
    return workers[dir]
  }
  const shown = async (id: string) =>
    (await supervisor.api.call('listWorkers')).items.find((one) => one.worker_id === id)
  const syncsOf = async (id: string) =>
    (await supervisor.api.call('listSyncs', { query: { worker: id, state: 'finished', limit: 500 } })).total
  const keepsSyncing = async (id: string, after: string) => {
    const before = await syncsOf(id)
    await until(`${id} reports syncs after ${after}`, async () => (await syncsOf(id)) > before + 1, {
      seen: () => workers[id]!.output().slice(-2000) + supervisor.output().slice(-1500),
    })
  }
  const logs = (id: string, what: RegExp) =>
    until(`${id} logs ${what.source}`, () => what.test(workers[id]!.output()), {
      seen: () => workers[id]!.output().slice(-3000) + supervisor.output().slice(-1000),
    })

  beforeAll(async () => {
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'file'), 'x'.repeat(10_000))
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => files.stop())
    upstream = `${files.url}/file`
    nats = await startLockedNats(place, version)
    await launchSupervisor()
  })

  test('init keeps its keys to their owner and never overwrites them', async () => {
    const before = readFileSync(nats.credentialsFile, 'utf8')
    for (const secret of [
      'supervisor.json',
      'keys/operator.nk',
      'keys/ca.key',
      'server/server.key',
      'server/nats-server.conf',
    ])
      expect(statSync(place.at('locked', secret)).mode & 0o777).toBe(0o600)
    for (const dir of ['', 'keys', 'server']) expect(statSync(place.at('locked', dir)).mode & 0o777).toBe(0o700)
    const again = await runKagami(place, ['nats', 'init', '--dir', place.at('locked')])
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('nothing was changed')])
    expect(readFileSync(nats.credentialsFile, 'utf8')).toBe(before)
  })

  test('a worker with a join token waits for approval, then has credentials of its own and syncs', async () => {
    await launchWorker('one', { KAGAMI_JOIN_TOKEN: await token() })
    await until('it is pending', async () => (await shown('one'))?.admission === 'pending', {
      seen: () => workers['one']!.output() + supervisor.output(),
    })
    expect((await shown('one'))?.presence).toBe('online')
    expect(JSON.parse(readFileSync(place.at('one', '.kagami', 'nats.json'), 'utf8'))).toMatchObject({ jwt: null })
    await supervisor.api.call('approve', { params: { id: 'one' } })
    await keepsSyncing('one', 'approval')
    expect(statSync(place.at('one', '.kagami', 'nats.json')).mode & 0o777).toBe(0o600)
    expect(readFileSync(place.at('one', '.kagami', 'nats.json'), 'utf8')).not.toContain('secret')
    expect(workers['one']!.output()).not.toContain('Permissions Violation')
  })

  test('worker, supervisor and nats-server are each killed and restarted, without any token', async () => {
    await workers['one']!.kill()
    await launchWorker('one')
    await keepsSyncing('one', 'the worker was killed')
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    await launchSupervisor(port)
    await keepsSyncing('one', 'the supervisor was killed')
    await nats.kill()
    await nats.start()
    await keepsSyncing('one', 'nats-server was killed')
    expect(workers['one']!.output()).not.toContain('credentials to a worker')
  })

  test('a worker that joins while supervisor and NATS are down tries until they are back', async () => {
    const port = Number(new URL(supervisor.url).port)
    const invitation = await token('--worker', 'two')
    await supervisor.kill()
    await nats.kill()
    await launchWorker('two', { KAGAMI_JOIN_TOKEN: invitation })
    await logs('two', /NATS does not answer yet/)
    await nats.start()
    await logs('two', /no supervisor answers yet/)
    await launchSupervisor(port)
    await until('it is pending', async () => (await shown('two'))?.admission === 'pending')
    // While it waits for approval, a restart needs no token either.
    await workers['two']!.kill()
    await launchWorker('two')
    await supervisor.api.call('approve', { params: { id: 'two' } })
    await keepsSyncing('two', 'approval')
  })

  test('running logs and requested syncs work across both accounts', async () => {
    const [sync] = (await supervisor.api.call('listSyncs', { query: { worker: 'two', state: 'finished' } })).items
    expect((await supervisor.api.call('syncLog', { params: { id: sync!.sync_id } })).text).not.toBe('')
    await supervisor.api.call('syncWorker', { params: { id: 'two' }, body: { resource: null } })
    await until('a requested sync ended', async () =>
      (await supervisor.api.call('listSyncs', { query: { worker: 'two', state: 'finished' } })).items.some(
        (one) => one.trigger === 'manual' && one.outcome === 'success',
      ),
    )
  })

  test('a wrong, expired or used-up token, and one for another worker, give no credentials', async () => {
    const real = await token('--uses', '1')
    const wrong = writeJoinToken({ ...readJoinToken(real, 'test'), secret: 'x'.repeat(32) })
    await launchWorker('stranger', { KAGAMI_JOIN_TOKEN: wrong })
    await logs('stranger', /this join token is not known/)
    const brief = await token('--expires', '1s')
    await until('it has expired', async () =>
      (await supervisor.api.call('listJoinTokens')).some((one) => Date.parse(one.expires_at) <= Date.now()),
    )
    await launchWorker('late', { KAGAMI_JOIN_TOKEN: brief })
    await logs('late', /this join token expired/)
    await launchWorker('other', { KAGAMI_JOIN_TOKEN: await token('--worker', 'someone-else') })
    await logs('other', /this join token is only for worker someone-else/)
    await launchWorker('first', { KAGAMI_JOIN_TOKEN: real })
    await until('the first worker has joined', () => shown('first'))
    await launchWorker('second', { KAGAMI_JOIN_TOKEN: real })
    await logs('second', /this join token is used up/)
    for (const id of ['stranger', 'late', 'other', 'second']) expect(await shown(id)).toBeUndefined()
    for (const id of ['stranger', 'late', 'other', 'first', 'second']) await workers[id]!.kill()
    expect(
      (
        await runKagami(place, ['run', 'worker', '--data-dir', place.at('none')], {
          KAGAMI_JOIN_TOKEN: real.slice(0, 300),
        })
      ).stderr,
    ).toContain('this is not a join token, or only a part of one')
  })

  test('an id belongs to one key: another key is refused, and the first worker keeps working', async () => {
    await launchWorker('one', { KAGAMI_JOIN_TOKEN: await token() }, 'copy')
    await logs('copy', /worker id one belongs to another key/)
    await workers['copy']!.kill()
    await keepsSyncing('one', 'somebody claimed its id')
  })

  test('a worker sends nothing to a server with another certificate authority, or without TLS', async () => {
    const other = await startLockedNats(place, version, 'impostor')
    const invitation = readJoinToken(await token(), 'test')
    await launchWorker('careful', { KAGAMI_JOIN_TOKEN: writeJoinToken({ ...invitation, url: other.url }) })
    await logs('careful', /its certificate is not the one expected/)
    await workers['careful']!.kill()
    rmSync(place.at('careful'), { recursive: true })
    const open = await startNats(place, version, 'plain')
    await launchWorker('careful', { KAGAMI_JOIN_TOKEN: writeJoinToken({ ...invitation, url: open.url }) })
    await logs('careful', /server does not support 'tls'/)
    await workers['careful']!.kill()
    expect(await shown('careful')).toBeUndefined()
  })

  test('a revoked worker is disconnected at once and stays out, and no other worker is affected', async () => {
    const stolen = readStolenIdentity(place.at('two'))
    const [inside, bystander] = [
      await connectAs(place, nats, stolen),
      await connectAs(place, nats, readStolenIdentity(place.at('one'))),
    ]
    const noticed: string[] = []
    void (async () => {
      // A client also tells of its own pings, and of servers it learns of.
      for await (const { type } of bystander.status()) if (type !== 'update' && type !== 'ping') noticed.push(type)
    })()
    let cut = false
    void (async () => {
      for await (const status of inside.status()) if (status.type === 'disconnect') cut = true
    })()
    const sequence: number[] = []
    const supervision = await connectAs(place, nats, {
      ...nats.credentials.supervisor,
      ca: nats.credentials.ca,
      inbox: '_INBOX',
    })
    supervision.subscribe('kagami.worker.one.test', {
      callback: (_, message) => void sequence.push(Number(message.string())),
    })
    await supervision.flush()
    let sent = 0
    const beat = setInterval(() => bystander.publish('kagami.worker.one.test', String(sent++)), 1)
    place.onEnd(() => clearInterval(beat))
    const revoked = await runKagami(place, [
      'workers',
      'revoke',
      'two',
      '--reason',
      'stolen laptop',
      '--api',
      supervisor.url,
    ])
    expect([revoked.code, revoked.stderr]).toEqual([0, ''])
    await until('it is disconnected', () => cut, { timeoutMs: 1000 })
    expect(await shown('two')).toMatchObject({ admission: 'rejected', reason: 'stolen laptop' })
    expect(
      (await supervisor.api.call('audit', { query: { target: 'two' } })).items.map((entry) => entry.action),
    ).toEqual(expect.arrayContaining(['enrol', 'revoke', 'reject']))
    await until('messages still arrive for a while', () => sequence.length > 100)
    clearInterval(beat)
    await bystander.flush()
    await until('everything arrived', () => sequence.length === sent)
    expect(sequence).toEqual(Array.from({ length: sent }, (_, n) => n))
    expect(noticed).toEqual([])
    await keepsSyncing('one', 'its neighbour was revoked')
    await nats.kill()
    await nats.start()
    await expect(connectAs(place, nats, stolen)).rejects.toThrow()
    await keepsSyncing('one', 'nats-server was started again')
  })

  test('a NATS that was created again from its configuration gets the revocations again', async () => {
    const stolen = readStolenIdentity(place.at('two'))
    await nats.kill()
    for (const part of ['accounts', 'jetstream']) rmSync(place.at('locked', 'server', part), { recursive: true })
    await nats.start()
    await until('it is refused', () =>
      connectAs(place, nats, stolen, 1000).then(
        () => false,
        () => true,
      ),
    )
    await keepsSyncing('one', 'NATS was created again')
  })

  test('a revoked worker comes back with a new key, a new token and an approval', async () => {
    await workers['two']!.kill()
    await launchWorker('two', { KAGAMI_JOIN_TOKEN: await token() })
    await logs('two', /NATS cannot be used: it refuses these credentials/)
    await workers['two']!.kill()
    rmSync(place.at('two', '.kagami', 'nats.json'))
    await launchWorker('two', { KAGAMI_JOIN_TOKEN: await token() })
    await workers['two']!.exited
    expect(workers['two']!.output()).toContain('rejected by the supervisor')
    await supervisor.api.call('approve', { params: { id: 'two' } })
    await launchWorker('two')
    await keepsSyncing('two', 'its second approval')
  })

  test('a worker without credentials logs what it needs', async () => {
    await launchWorker('older', {
      KAGAMI_NATS_URL: nats.url.replace('tls:', 'nats:'),
      NODE_EXTRA_CA_CERTS: place.at('locked', 'server', 'ca.pem'),
    })
    await logs('older', /it is locked, and this program has no credentials/)
    await workers['older']!.kill()
  })

  test('a worker can be revoked while NATS is away, and after the database was lost', async () => {
    const stolen = readStolenIdentity(place.at('two'))
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    for (const part of ['', '-wal', '-shm']) rmSync(place.at(`supervisor.db${part}`), { force: true })
    await launchSupervisor(port)
    await until('both are known again', async () => (await shown('one')) && shown('two'), {
      seen: () => workers['two']!.output().slice(-2000),
    })
    await nats.kill()
    const revoked = await runKagami(place, ['workers', 'revoke', 'two', '--api', supervisor.url])
    expect([revoked.code, revoked.stderr]).toEqual([
      6,
      expect.stringContaining('The supervisor sends it again when it next reaches NATS'),
    ])
    await nats.start()
    await until('it is refused', () =>
      connectAs(place, nats, stolen, 1000).then(
        () => false,
        () => true,
      ),
    )
    await connectAs(place, nats, readStolenIdentity(place.at('one')))
  })

  test('a worker with a token of another locked NATS moves to that one', async () => {
    await workers['one']!.kill()
    const other = await startLockedNats(place, version, 'elsewhere')
    await supervisor.kill()
    supervisor = await startSupervisor(place, {
      nats: other.url,
      db: `sqlite://${place.at('elsewhere.db')}?mode=rwc`,
      env: { KAGAMI_NATS_URL: '', SUPERVISOR_NATS_CREDENTIALS: other.credentialsFile },
    })
    await launchWorker('one', { KAGAMI_JOIN_TOKEN: await token() })
    await until('it is known there', () => shown('one'), { seen: () => workers['one']!.output() })
    await keepsSyncing('one', 'it moved')
  })
})
