// secrets.test.ts — Credentials of an upstream reach the one program that needs them and nothing else: no file, log,
// argument, message, answer or page.
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import type { Desired } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, runKagami, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const SECRET = 'correct-horse-battery-staple'
const FORMS = [
  SECRET,
  Buffer.from(`bob:${SECRET}`).toString('base64'),
  Buffer.from(SECRET).toString('base64').slice(0, -2),
  encodeURIComponent(SECRET),
]

/** Command lines and environments of every process that is not the tool itself. */
function commandLines(): string {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      } catch {
        return ''
      }
    })
    .join('\n')
}

describe('the password of an upstream', () => {
  const place = createPlace()
  const elsewhere = createPlace()
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let worker: Program & { http: string }
  const replica = async () => (await supervisor.api.call('listReplicas', { query: { name: 'closed' } })).items[0]
  const start = () => startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
  const sync = async () => {
    const before = (await replica())?.last_sync?.sync_id
    await supervisor.api.call('syncResource', { params: { id: 'closed' } })
    return until(
      'it has synced',
      async () => {
        const now = await replica()
        return now?.last_sync && now.last_sync.sync_id !== before && now
      },
      { seen: () => worker.output() },
    )
  }

  beforeAll(async () => {
    // The upstream's own file of secrets may contain the password, so it is in another folder.
    writeFiles(elsewhere.at('files'), { a: 'a\n', b: 'b\n' })
    const upstream = await startRsyncUpstream({ dir: elsewhere.dir, auth: { username: 'bob', password: SECRET } })
    place.onEnd(() => upstream.stop())
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    worker = await start()
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items.length === 1)
    const added = await runKagami(
      place,
      ['replicas', 'add', upstream.url, '--worker', 'w-1', '--name', 'closed', '--api', supervisor.url],
      { KAGAMI_AUTH: JSON.stringify({ type: 'basic', username: 'bob', password: SECRET }) },
    )
    expect(added.code).toBe(0)
    await until('the worker has it', replica)
  })

  test('opens the upstream, also after both programs were restarted', async () => {
    expect(await sync()).toMatchObject({ last_sync: { outcome: 'success' }, files: 2 })
    await Promise.all([worker.kill(), supervisor.kill()])
    supervisor = await startSupervisor(place, { nats: nats.url })
    worker = await start()
    await until('it is back', async () => (await replica())?.worker_presence === 'online')
    expect(await sync()).toMatchObject({ last_sync: { outcome: 'success' } })
  })

  test('is in no file of supervisor, worker and NATS, in no output or answer, and in no command line', async () => {
    let lines = ''
    for (let round = 0; round < 10; round++) {
      const syncing = sync()
      lines += commandLines()
      await syncing
      lines += commandLines()
    }
    const answers = await Promise.all(
      [
        '/workers',
        '/resources',
        '/api/v1/replicas',
        '/api/v1/workers',
        '/api/v1/syncs',
        '/api/v1/audit',
        '/metrics',
        '/api/v1/summary',
      ].map(async (path) => (await fetch(supervisor.url + path)).text()),
    )
    const { items } = await supervisor.api.call('listSyncs', { query: { limit: 1 } })
    const log = (await supervisor.api.call('syncLog', { params: { id: items[0]!.sync_id } })).text
    const files = readdirSync(place.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`)
    expect(files.length).toBeGreaterThan(10)
    for (const form of FORMS) {
      for (const [what, text] of Object.entries({
        lines,
        log,
        worker: worker.output(),
        supervisor: supervisor.output(),
        metrics: await (await fetch(`${worker.http}/metrics`)).text(),
        answers: answers.join(),
      }))
        expect(text.includes(form), what).toBe(false)
      expect(files.filter((file) => readFileSync(file).includes(form))).toEqual([])
    }
    expect(statSync(place.at('data', '.kagami', 'credentials.key')).mode & 0o777).toBe(0o600)
  })

  test('does not open for another address, where somebody who changes the upstream could collect it', async () => {
    await Promise.all([worker.kill(), supervisor.kill()])
    // Change the worker's cached document, as somebody with access to NATS could.
    const file = place.at('data', '.kagami', 'desired.json')
    // The checksum is against damage, not against people: without it the document is read as it is.
    const { checksum: _none, ...document } = JSON.parse(readFileSync(file, 'utf8')) as Desired & { checksum: string }
    const [spec] = document.replicas
    const forged = { ...spec!, interval_secs: 1, upstream: spec!.upstream.replace('/files/', '/other/') }
    writeFileSync(
      file,
      JSON.stringify({
        ...document,
        replicas: [forged],
      }),
    )
    worker = await start()
    const lastSync = () =>
      (
        JSON.parse(readFileSync(place.at('data', '.kagami', 'replicas', `${forged.replica_id}.json`), 'utf8')) as {
          facts: { lastSync: { reason: string; message: string } }
        }
      ).facts.lastSync
    await until('it tried', () => lastSync().reason === 'auth_rejected', { seen: () => worker.output() })
    expect(lastSync().message).toContain('sealed for another key')
  })
})

describe('a password in a file that worker.toml names', () => {
  const place = createPlace()
  const elsewhere = createPlace()
  const file = place.at('password')
  let supervisor: SupervisorProgram
  let worker: Program & { http: string }
  let served: Awaited<ReturnType<typeof startRsyncUpstream>>
  const sync = async (name: string) => {
    const { code } = await runKagami(place, ['sync', name, '--wait', '--api', supervisor.url])
    const [replica] = (await supervisor.api.call('listReplicas', { query: { name } })).items
    return { code, ...replica!.last_sync! }
  }

  beforeAll(async () => {
    writeFiles(elsewhere.at('files'), { a: 'a\n' })
    served = await startRsyncUpstream({ dir: elsewhere.dir, auth: { username: 'bob', password: SECRET } })
    place.onEnd(() => served.stop())
    writeFileSync(file, `${SECRET}\n`)
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    const auth = { type: 'basic', username: 'bob', password_file: file }
    const providers = [
      { name: 'with-file', kind: 'rsync', upstream: served.url, auth },
      { name: 'without', kind: 'rsync', upstream: served.url },
    ]
    worker = await startWorker(place, { nats: nats.url, providers })
    await until('it is there', async () => (await supervisor.api.call('listReplicas')).total === 2, {
      seen: () => worker.output(),
    })
  })

  test('is read at each sync, and what is said of a wrong or missing one leads to a sync that succeeds', async () => {
    expect(await sync('with-file')).toMatchObject({ code: 0, outcome: 'success' })
    writeFileSync(file, 'another\n')
    const wrong = await sync('with-file')
    expect(wrong).toMatchObject({ code: 1, reason: 'auth_rejected' })
    expect(wrong.hint).toContain(`Write working credentials into ${file}, which is read at each sync`)
    rmSync(file)
    const missing = await sync('with-file')
    expect(missing).toMatchObject({ code: 1, reason: 'auth_rejected', hint: wrong.hint })
    expect(missing.message).toContain(`${file} cannot be read, or is empty; the upstream was not asked`)
    writeFileSync(file, `${SECRET}\n`)
    expect(await sync('with-file')).toMatchObject({ code: 0, outcome: 'success' })
    for (const form of FORMS) expect(worker.output() + supervisor.output()).not.toContain(form)
  })

  test('is not what a replica without credentials is told to remove and add again', async () => {
    expect(await sync('without')).toMatchObject({
      reason: 'auth_rejected',
      hint: expect.stringContaining('Give this replica auth in worker.toml'),
    })
  })
})

describe('a password that an upstream says back', () => {
  const place = createPlace()
  // It sends whoever signs in to a host with the name of the password, and so it is in the failure.
  const server = createServer((request, response) => {
    const said = Buffer.from(request.headers.authorization?.split(' ')[1] ?? '', 'base64').toString()
    response.writeHead(302, { location: `http://${said.split(':')[1] ?? 'nobody'}.invalid/` }).end()
  })

  test('is masked in what needs attention, which has the words of the failure', async () => {
    server.listen(0, '127.0.0.1')
    place.onEnd(() => void server.close())
    await once(server, 'listening')
    const nats = await startNats(place)
    const supervisor = await startSupervisor(place, { nats: nats.url })
    const worker = await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items.length === 1)
    const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`
    const auth = JSON.stringify({ type: 'basic', username: 'bob', password: SECRET })
    const kagami = (...line: string[]) => runKagami(place, [...line, '--api', supervisor.url], { KAGAMI_AUTH: auth })
    expect((await kagami('replicas', 'add', upstream, '--worker', 'w-1', '--name', 'echo')).code).toBe(0)
    await until('the worker has it', async () => (await supervisor.api.call('listReplicas')).total === 1)
    await supervisor.api.call('syncResource', { params: { id: 'echo' } })
    const last = await until(
      'it has failed',
      async () => (await supervisor.api.call('summary')).causes.find((cause) => cause.last)?.last,
      { seen: () => worker.output() },
    )
    expect(last).toMatchObject({ name: 'echo', line: expect.stringContaining('***.invalid') })
    const shown = (await kagami('status')).stdout
    expect(shown).toContain('***.invalid')
    for (const form of FORMS) expect(JSON.stringify(last) + shown + worker.output()).not.toContain(form)
  })
})
