// proxies.test.ts — A fleet behind proxies, by docs/proxies.md: for all replicas, and chosen by the API among those of
// worker.toml; NATS and the environment have no part in it, and no secret is shown.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { startHttpUpstream, writeFiles, type Upstream } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  FROM_PROXY,
  startMicrosocks,
  startTinyproxy,
  type TestProxy,
} from '../../packages/worker/src/testing/proxies/start.ts'
import { startWitness, type Witness } from '../../packages/worker/src/testing/proxies/witness.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const LOGIN = { username: 'worker', password: 'proxysecret' }

describe('a worker behind proxies', () => {
  const place = createPlace()
  const elsewhere = createPlace()
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let worker: Program & { http: string }
  let usual: TestProxy
  let campus: TestProxy
  let upstream: Upstream
  let witness: Witness
  /** Where nothing listens. */
  const dead = 9

  const start = (env: Record<string, string> = {}) =>
    startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1', ...env } })
  const kagami = (...args: string[]) => runKagami(place, [...args, '--api', supervisor.url])
  const replica = async (name: string) => (await supervisor.api.call('listReplicas', { query: { name } })).items[0]
  const sync = async (name: string) => {
    const before = (await replica(name))?.last_sync?.sync_id
    witness.seen.length = 0
    await supervisor.api.call('syncResource', { params: { id: name } })
    return until('it has synced', async () => {
      const last = (await replica(name))?.last_sync
      return last && last.sync_id !== before && last
    })
  }
  const toml = (text: string) => writeFileSync(place.at('worker.toml'), text)
  const listed = () => `
[[proxies]]
name = "campus"
url = "socks5h://127.0.0.1:${campus.server.port}"
username = "worker"
password_file = "${elsewhere.at('password')}"

[[proxies]]
name = "direct"
url = "none"
`

  beforeAll(async () => {
    writeFiles(elsewhere.at('files'), { a: 'a\n', 'b/c': 'c\n' })
    writeFileSync(elsewhere.at('password'), `${LOGIN.password}\n`)
    upstream = await startHttpUpstream({ dir: elsewhere.at('files'), listings: true })
    witness = await startWitness(upstream.port)
    usual = await startTinyproxy({ dir: elsewhere.dir })
    campus = await startMicrosocks({ dir: elsewhere.dir, login: LOGIN })
    for (const one of [upstream, witness, usual, campus]) place.onEnd(() => one.stop())
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    toml(`proxy = "http://127.0.0.1:${usual.server.port}"\n${listed()}`)
    const nowhere = `http://127.0.0.1:${dead}`
    worker = await start({ http_proxy: nowhere, https_proxy: nowhere, ALL_PROXY: nowhere, NO_PROXY: '*' })
    const seen = () => worker.output()
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items.length === 1, { seen })
  })

  test('reaches upstreams through the proxy for all, whatever its environment has', async () => {
    const at = `http://localhost:${witness.port}/`
    expect(await kagami('replicas', 'add', at, '--kind', 'http', '--worker', 'w-1', '--name', 'tree')).toMatchObject({
      code: 0,
    })
    await until('the worker has it', () => replica('tree'))
    const done = await sync('tree')
    expect(done, done.message ?? '').toMatchObject({ outcome: 'success' })
    expect(existsSync(place.at('data', 'tree', 'b', 'c'))).toBe(true)
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
    const log = await kagami('logs', done.sync_id)
    expect(log.stdout).toContain(`through the proxy http://127.0.0.1:${usual.server.port}`)
  })

  test('lets the API choose among the proxies of worker.toml, and name no other', async () => {
    expect(await kagami('replicas', 'edit', 'tree@w-1', '--option', 'proxy=campus')).toMatchObject({ code: 0 })
    const done = await sync('tree')
    expect(done, done.message ?? '').toMatchObject({ outcome: 'success' })
    expect((await kagami('logs', done.sync_id)).stdout).toContain(
      `through the proxy socks5h://127.0.0.1:${campus.server.port}`,
    )
    for (const strange of ['http://169.254.169.254:80', 'socks5h://127.0.0.1:22', 'none', 'env', 'others']) {
      const refused = await kagami('replicas', 'edit', 'tree@w-1', '--option', `proxy=${strange}`)
      expect(refused.code, refused.stderr).not.toBe(0)
      expect(refused.stderr).toContain('proxy')
    }
    expect((await replica('tree'))?.options).toMatchObject({ proxy: 'campus' })
    expect(await kagami('replicas', 'edit', 'tree@w-1', '--option', 'proxy=direct')).toMatchObject({ code: 0 })
    expect(await sync('tree')).toMatchObject({ outcome: 'success' })
    expect(new Set(witness.seen)).toEqual(new Set(['127.0.0.1']))
    expect(await kagami('replicas', 'edit', 'tree@w-1', '--option', 'proxy=campus')).toMatchObject({ code: 0 })
  })

  test('says when the password of a proxy is wrong, and takes the right one at the next sync', async () => {
    writeFileSync(elsewhere.at('password'), 'anothersecret\n')
    const refused = await sync('tree')
    expect(refused).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
    expect(refused.hint).toContain('password_file')
    expect(witness.seen).toEqual([])
    writeFileSync(elsewhere.at('password'), `${LOGIN.password}\n`)
    expect(await sync('tree')).toMatchObject({ outcome: 'success' })
  })

  test('keeps the fleet and its copy while the proxy is down, and does not go around it', async () => {
    await worker.kill('SIGTERM')
    toml(`proxy = "http://127.0.0.1:${dead}"`)
    worker = await start()
    await until('it is back', async () => (await supervisor.api.call('listWorkers')).items[0]?.presence === 'online')
    const lost = await sync('tree')
    expect(lost).toMatchObject({ outcome: 'failed', reason: 'invalid_options' })
    expect(lost.message).toContain('there is no proxy "campus" in worker.toml')
    const none = await kagami('replicas', 'edit', 'tree@w-1', '--option', 'proxy=direct')
    expect(none.code, none.stderr).not.toBe(0)
    expect(await kagami('replicas', 'edit', 'tree@w-1', '--unset', 'proxy')).toMatchObject({ code: 0 })
    const down = await sync('tree')
    expect(down).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    expect(down.message).toBe(`the proxy http://127.0.0.1:${dead} cannot be reached: it refuses connections`)
    expect(witness.seen).toEqual([])
    expect(existsSync(place.at('data', 'tree', 'b', 'c'))).toBe(true)
  })

  test('takes the environment where worker.toml says so', async () => {
    await worker.kill('SIGTERM')
    toml('proxy = "env"')
    worker = await start({ http_proxy: `http://127.0.0.1:${usual.server.port}` })
    await until('it is back', async () => (await supervisor.api.call('listWorkers')).items[0]?.presence === 'online')
    const done = await sync('tree')
    expect(done, done.message ?? '').toMatchObject({ outcome: 'success' })
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
  })

  test('shows no password of a proxy in a file, output, answer or log', async () => {
    const paths = ['/api/v1/replicas', '/api/v1/workers', '/api/v1/syncs', '/api/v1/audit', '/resources', '/metrics']
    const answers = await Promise.all(paths.map(async (path) => (await fetch(supervisor.url + path)).text()))
    for (const text of [...answers, worker.output(), supervisor.output()]) {
      expect(text).not.toContain(LOGIN.password)
      expect(text).not.toContain('anothersecret')
    }
    const files = readdirSync(place.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`)
    expect(files.filter((file) => readFileSync(file).includes(LOGIN.password))).toEqual([])
  })
})
