// locked.test.ts — "Lock NATS" of docs/operations.md, step by step: from an open NATS with mirrors of each kind to a
// locked one, and every line of its table.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as upgrade } from 'node:tls'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { expectDocumented, followDocumented } from '../harness/documented.ts'
import { readStolenIdentity } from '../harness/locked.ts'
import { startMirrorFleet, type MirrorFleet } from '../harness/mirror-fleet.ts'
import { syncAll } from '../harness/mirrors.ts'
import { createPlace } from '../harness/place.ts'
import { freePort, startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('an operator of a fleet on an open NATS', () => {
  const place = createPlace()
  let fleet: MirrorFleet
  let supervisor: SupervisorProgram
  let port: number
  let nats = { port: 0, pid: 0 }

  const follow = (line: string, to: Record<string, string> = {}) =>
    followDocumented(place, line, { to, env: { KAGAMI_API: supervisor.url } })
  const token = async (line = 'kagami nats token') => (await follow(line)).trim()
  const worker = async (id = 'w') =>
    (await supervisor.api.call('listWorkers')).items.find((one) => one.worker_id === id)
  /** Writes the files of a locked NATS as the page says, and starts the server on them. */
  const lock = async (dir: string) => {
    const [listen, monitor] = [await freePort(), await freePort()]
    const ports = `--port ${listen} --monitor 127.0.0.1:${monitor}`
    await followDocumented(place, 'kagami nats init --dir /etc/kagami/nats --host nats.example.org --host 10.0.0.1', {
      to: { '/etc/kagami/nats': `${place.at(dir)} ${ports}`, 'nats.example.org': '127.0.0.1', '10.0.0.1': 'localhost' },
    })
    expectDocumented('1. Start `nats-server -c /etc/kagami/nats/server/nats-server.conf`.')
    const words = [place.at('bin', 'nats-server'), '-c', place.at(dir, 'server', 'nats-server.conf')]
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...words], { stdio: 'ignore' })
    place.onEnd(() => child.kill('SIGKILL'))
    await until('it is healthy', async () => (await fetch(`http://127.0.0.1:${monitor}/healthz`)).ok)
    nats = { port: listen, pid: child.pid! }
  }
  const launchSupervisor = async (dir: string) => {
    expectDocumented('Give `supervisor.json` to the supervisor (mode 0600, owned by its user)')
    const file = place.at(dir, 'supervisor.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const env = { SUPERVISOR_NATS_CREDENTIALS: file, SUPERVISOR_AUTO_APPROVE: 'false' }
    supervisor = await startSupervisor(place, { nats: '', port, env })
  }
  const restart = (env: Record<string, string> = {}) => fleet.restart({ env: { KAGAMI_NATS_URL: '', ...env } })
  const syncWell = async () => {
    for (const [name, one] of Object.entries(await syncAll(supervisor, 'w', fleet.names)))
      expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'success' })
    fleet.expectWhole()
  }
  const isThere = (id: string) =>
    until(`${id} is online`, async () => (await worker(id))?.presence === 'online', {
      seen: () => [fleet.worker.output().slice(-2000), supervisor.output().slice(-1000)],
    })
  const history = async () => {
    const { items } = await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 500 } })
    return items.map((one) => one.sync_id)
  }

  beforeAll(async () => {
    mkdirSync(place.at('bin'), { recursive: true })
    cpSync(inject('tools').natsOld, place.at('bin', 'nats-server'))
    fleet = await startMirrorFleet(place)
    supervisor = fleet.supervisor
    port = Number(new URL(supervisor.url).port)
  })

  test('moves it to a locked one: decisions and history are kept, and nothing is fetched again', async () => {
    expectDocumented(
      'Then stop the supervisor, start it with the credentials, and restart each worker with a token and without ' +
        '`nats_url`.',
    )
    const before = await history()
    await lock('locked')
    await supervisor.kill('SIGTERM')
    await launchSupervisor('locked')
    await restart({ KAGAMI_JOIN_TOKEN: await token() })
    await isThere('w')
    expect(await worker()).toMatchObject({ admission: 'approved' })
    expect(await history()).toEqual(expect.arrayContaining(before))
    await syncWell()
    expectDocumented('5. Back up `supervisor.json` and `keys/`, and remove `keys/` from the machine.')
    renameSync(place.at('locked', 'keys'), place.at('keys of the backup'))
    await restart()
    await isThere('w')
    await syncWell()
  })

  test('lets a new worker in with a token and an approval', async () => {
    const invitation = await token()
    const env = { KAGAMI_JOIN_TOKEN: invitation, KAGAMI_WORKER_ID: 'w-2', KAGAMI_NAME: 'sh-2' }
    await startWorker(place, { nats: '', dir: 'second', env })
    await until('it is pending', async () => (await worker('w-2'))?.admission === 'pending')
    await follow('kagami workers approve NAME', { NAME: 'sh-2' })
    expectDocumented('The worker then has its own credentials in `data_dir/.kagami/nats.json`')
    await until('it has credentials', () => existsSync(place.at('second', '.kagami', 'nats.json')))
    await follow('kagami nats tokens')
  })

  test('cuts a worker off, and lets it come back', async () => {
    await follow('kagami workers revoke NAME', { NAME: 'sh-1' })
    await until('it is refused', () => /it refuses these credentials|rejected by/.test(fleet.worker.output()))
    expect(await worker('w-2')).toMatchObject({ presence: 'online' })
    await fleet.worker.kill('SIGTERM')
    expectDocumented(COME_BACK)
    rmSync(place.at('data', '.kagami', 'nats.json'))
    await follow('kagami workers approve NAME', { NAME: 'sh-1' })
    await restart({ KAGAMI_JOIN_TOKEN: await token() })
    await isThere('w')
    await syncWell()
  })

  test('replaces a data_dir that was lost', async () => {
    expectDocumented(REPLACE)
    await fleet.worker.kill('SIGTERM')
    rmSync(place.at('data'), { recursive: true })
    await follow('kagami workers revoke NAME', { NAME: 'sh-1' })
    await follow('kagami workers approve NAME', { NAME: 'sh-1' })
    await restart({ KAGAMI_JOIN_TOKEN: await token() })
    await until('it waits, for its files are gone', async () => (await worker())?.admission === 'pending')
    await follow('kagami workers approve NAME', { NAME: 'sh-1' })
    await until('it is approved', async () => (await worker())?.admission === 'approved')
    await isThere('w')
    await syncWell()
  })

  test('adds a host name to the certificate, and no connection breaks', async () => {
    const fits = () =>
      isCertifiedFor('nats-2.example.org', { port: nats.port, ca: readStolenIdentity(place.at('data')).ca! })
    expect(await fits()).toBe(false)
    const said = fleet.worker.output().length
    renameSync(place.at('keys of the backup'), place.at('locked', 'keys'))
    expectDocumented('`kagami nats certificate --dir … --host …` with all names, then `nats-server --signal reload`')
    const hosts = ['127.0.0.1', 'nats-2.example.org'].join(' --host ')
    await follow('kagami nats certificate --dir … --host …', {
      '--dir …': `--dir ${place.at('locked')}`,
      '--host …': `--host ${hosts}`,
    })
    await follow('nats-server --signal reload', { reload: `reload=${nats.pid}` })
    await until('the new name is in the certificate', fits)
    expect(fleet.worker.output().slice(said)).not.toContain('lost NATS')
    await syncWell()
  })

  test('starts over after the keys of the supervisor were read by others', async () => {
    expectDocumented(START_OVER)
    await lock('anew')
    await supervisor.kill('SIGTERM')
    await launchSupervisor('anew')
    await follow('kagami workers revoke NAME', { NAME: 'sh-1' })
    await follow('kagami workers approve NAME', { NAME: 'sh-1' })
    await restart({ KAGAMI_JOIN_TOKEN: await token() })
    await isThere('w')
    await syncWell()
  })
})

const COME_BACK = 'remove `.kagami/nats.json` from its `data_dir`, approve it, start it with a new token'
const REPLACE =
  'revoke the id and approve it, start the new worker with `worker_id` and a new token, and approve it once more: it ' +
  'waits because its files are gone'
const START_OVER =
  '`kagami nats init` into a new directory, and start the new server and the supervisor with it. Then, for every ' +
  'worker: `kagami workers revoke NAME`, `kagami workers approve NAME`, and start it with a new token'

/** Whether nats-server shows a certificate of its authority for this name. */
async function isCertifiedFor(servername: string, { port, ca }: { port: number; ca: string }): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    // It says INFO before it changes to TLS.
    await once(socket, 'data')
    const secure = upgrade({ socket, ca, servername, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    return secure.authorized
  } finally {
    socket.destroy()
  }
}
