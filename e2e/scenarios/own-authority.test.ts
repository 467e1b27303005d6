// own-authority.test.ts — A company's mirrors: upstreams behind https whose certificates are from an authority of its
// own.
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { freePort, writeFiles } from '@kagami/demo'
import { makeAuthority } from '@kagami/worker/testing/certificates'
import { startWebServer } from '@kagami/worker/testing/web-servers'
import { expect, inject, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, runKagami } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const place = createPlace()

test('a worker with ca_file mirrors upstreams of that authority, and one without logs what is missing', async () => {
  execFileSync('chmod', ['755', place.dir])
  writeFiles(place.at('up'), { 'tree/a.txt': 'a\n' })
  execFileSync(
    'sh',
    [
      '-c',
      'git init -q work && cd work && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one && ' +
        'git clone -q --bare . ../up/repo.git && git -C ../up/repo.git update-server-info',
    ],
    { cwd: place.dir },
  )
  const authority = await makeAuthority(place.dir)
  const server = await startWebServer('nginx', {
    root: place.at('up'),
    state: place.at('nginx'),
    tls: await authority.sign('server', ['127.0.0.1']),
  })
  place.onEnd(server.stop)
  const nats = await startNats(place)
  const supervisor = await startSupervisor(place, { nats: nats.url })
  const providers = [
    { name: 'tree', kind: 'http', upstream: `${server.url}/tree/` },
    { name: 'repo', kind: 'git', upstream: `${server.url}/repo.git` },
  ]
  const knowing = await startWorker(place, {
    nats: nats.url,
    dir: 'knowing',
    providers,
    env: { KAGAMI_CA_FILE: authority.certificate, KAGAMI_NAME: 'knowing' },
  })
  await startWorker(place, { nats: nats.url, dir: 'strange', providers, env: { KAGAMI_NAME: 'strange' } })
  await until('both joined', async () => (await supervisor.api.call('listReplicas')).total === 4, {
    seen: () => knowing.output(),
  })
  for (const id of ['tree', 'repo']) await supervisor.api.call('syncResource', { params: { id } })
  const { items } = await until('all have synced', async () => {
    const found = await supervisor.api.call('listReplicas')
    return found.items.every(({ last_sync }) => last_sync) && found
  })
  for (const replica of items) {
    const expected =
      replica.worker_name === 'knowing' ? { outcome: 'success' } : { outcome: 'failed', reason: 'upstream_unreachable' }
    expect(replica.last_sync, `${replica.name} of ${replica.worker_name}: ${replica.last_sync?.message}`).toMatchObject(
      expected,
    )
  }
  expect(
    items.find(({ name, worker_name }) => name === 'tree' && worker_name === 'strange')?.last_sync?.message,
  ).toContain('ca_file')
  expect(readFileSync(place.at('knowing', 'tree', 'a.txt'), 'utf8')).toBe('a\n')
  await knowing.kill('SIGTERM')
  const refused = await runKagami(place, ['run', 'worker'], {
    KAGAMI_DATA_DIR: place.at('other'),
    KAGAMI_CA_FILE: place.at('nowhere.pem'),
    KAGAMI_NATS_URL: nats.url,
  })
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('nowhere.pem')
})

test('a worker with ca_file trusts a NATS of that authority, and one without logs why it does not', async () => {
  const authority = await makeAuthority(place.dir)
  const { certificate, key } = await authority.sign('nats', ['localhost'])
  const [port, config] = [await freePort(), place.at('nats-tls.conf')]
  writeFileSync(
    config,
    `listen: "127.0.0.1:${port}"\ntls { cert_file: "${certificate}", key_file: "${key}" }\njetstream { ` +
      `store_dir: "${place.at('nats-tls')}" }\n`,
  )
  const server = spawn(inject('tools').natsOld, ['-c', config], { stdio: 'ignore' })
  place.onEnd(() => server.kill())
  const worker = (dir: string, env: Record<string, string>) =>
    startWorker(place, { nats: `tls://localhost:${port}`, dir, env })
  const strange = await worker('strange-nats', {})
  await until('it logs why', () => strange.output().includes('its certificate is not the one expected'), {
    seen: () => strange.output(),
  })
  const knowing = await worker('knowing-nats', { KAGAMI_CA_FILE: authority.certificate })
  await until('it requests to join', () => knowing.output().includes('no supervisor answers'), {
    seen: () => knowing.output(),
  })
})
