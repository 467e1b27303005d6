// trial.test.ts — A worker is asked by the API and the command line what an upstream has: what it answers, what is
// refused, and that no secret of it is kept.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import type { ApiError, NewTrial } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { runDocumented } from '../harness/documented.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

const TOKEN = 'a-token-for-the-tests'
const SECRET = 'correct-horse-battery'
const auth = { type: 'basic' as const, username: 'bob', password: SECRET }

describe('an upstream that is tried', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  let worker: Program
  let web: string
  let tree: string
  const ask = (body: NewTrial, id = 'w') => supervisor.api.call('tryUpstream', { params: { id }, body })
  const refusal = (body: NewTrial, id?: string) =>
    ask(body, id).then(
      () => null,
      (error: ApiError) => [error.code, error.field],
    )
  const cli = (...words: string[]) =>
    runKagami(place, ['replicas', 'test', ...words, '--api', supervisor.url], { KAGAMI_TOKEN: TOKEN })

  beforeAll(async () => {
    writeFiles(place.at('www'), { file: 'text' })
    writeFiles(place.at('up/files'), { a: 'a' })
    const served = await startHttpUpstream({ dir: place.at('www'), auth })
    const module = await startRsyncUpstream({ dir: place.at('up') })
    for (const { stop } of [served, module]) place.onEnd(stop)
    ;[web, tree] = [`${served.url}/file`, module.url]
    const nats = await startNats(place)
    const env = { SUPERVISOR_AUTH: 'token', SUPERVISOR_API_TOKEN: TOKEN }
    supervisor = await startSupervisor(place, { nats: nats.url, env })
    worker = await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-12' },
      providers: [{ name: 'tree', kind: 'rsync', upstream: tree }],
    })
    await startSpokenWorker(place, nats.url, {
      replicas: [],
      about: { worker_id: 'older', name: 'older', capabilities: ['verify', 'restore', 'rename', 'edit'] },
    })
    await until('both joined', async () => (await supervisor.api.call('listWorkers')).total === 2)
    await until('its replica is there', async () => (await supervisor.api.call('listReplicas')).total === 1)
  })

  test('is described by the worker, and no replica, sync or file comes of it', async () => {
    expect(await ask({ kind: 'rsync', upstream: tree, options: { compress: false }, interval_secs: 60 })).toMatchObject(
      {
        ok: true,
        reason: null,
        steps: [
          { what: 'address', ok: true },
          { what: 'connection', ok: true },
          { what: 'answer', ok: true, detail: expect.stringContaining('1 files') },
        ],
      },
    )
    expect((await supervisor.api.call('listReplicas')).total).toBe(1)
    expect(readdirSync(place.at('data'))).toEqual(['.kagami'])
    expect(readdirSync(place.at('data/.kagami/staging'))).toEqual([])
  })

  test('is a success of the request when it fails', async () => {
    expect(await ask({ kind: 'http', upstream: web })).toMatchObject({ ok: false, reason: 'auth_rejected' })
  })

  test('is given credentials, which nobody keeps', async () => {
    expect(await ask({ kind: 'http', upstream: web, auth })).toMatchObject({ ok: true })
    const { items } = await supervisor.api.call('audit', { query: { action: 'try_upstream' } })
    expect(items[0]).toMatchObject({ target: 'w', detail: `http ${web}`, result: 'ok' })
    const written = [...filesBelow(place.dir), supervisor.output(), worker.output()]
    expect(written.filter((text) => text.includes(SECRET))).toEqual([])
  })

  test('with the credentials of a replica is its own upstream alone', async () => {
    const body = { name: 'closed', kind: 'http', upstream: web, auth }
    const { replica_id } = await supervisor.api.call('addReplica', { params: { id: 'w' }, body })
    expect(await ask({ kind: 'http', upstream: web, replica_id })).toMatchObject({ ok: true })
    const other = await ask({ kind: 'http', upstream: `${web}2`, replica_id })
    expect(other).toMatchObject({ ok: false, reason: 'auth_rejected' })
    expect(await cli('closed@sh-12')).toMatchObject({ code: 0, stdout: expect.stringContaining('the file file') })
  })

  test.each([
    ['invalid_kind', 'kind', { kind: 'tape', upstream: 'http://127.0.0.1/' }],
    ['invalid_upstream', 'upstream', { kind: 'http', upstream: 'not a url' }],
    ['invalid_interval', 'interval_secs', { kind: 'http', upstream: 'http://127.0.0.1/', interval_secs: 9_999_999 }],
    ['invalid_options', 'options.none', { kind: 'http', upstream: 'http://127.0.0.1/', options: { none: 1 } }],
    ['no_such_replica', 'replica_id', { kind: 'http', upstream: 'http://127.0.0.1/', replica_id: 'none' }],
  ])('is refused before it is asked: %s', async (code, field, body) => {
    expect(await refusal(body)).toEqual([code, field])
  })

  test('is refused by a worker of an earlier version, which is not asked', async () => {
    const error = await ask({ kind: 'http', upstream: web }, 'older').catch((thrown: ApiError) => thrown)
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('upgrade it') })
  })

  test('needs a token', async () => {
    const answer = await fetch(`${supervisor.url}/api/v1/workers/w/try`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'http', upstream: web }),
    })
    expect(answer.status).toBe(401)
  })

  test('is tested by command, whose exit code says whether a sync would fail', async () => {
    const line = 'kagami replicas test URL --worker WORKER'
    const env = { KAGAMI_API: supervisor.url, KAGAMI_TOKEN: TOKEN }
    const documented = await runDocumented(place, line, { to: { URL: tree, WORKER: 'sh-12' }, env })
    expect(documented).toMatchObject({ code: 0, stdout: expect.stringContaining('✓ ok') })
    expect(await cli(web, '--worker', 'sh-12', '--kind', 'http')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('✕ failed'),
      stderr: expect.stringContaining('hint:'),
    })
  })

  test('cannot be tried by a worker that is away', async () => {
    await worker.kill('SIGTERM')
    expect(await refusal({ kind: 'http', upstream: web })).toEqual(['worker_unreachable', null])
  })
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
}
