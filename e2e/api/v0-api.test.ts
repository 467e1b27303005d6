// v0-api.test.ts — Every route, status and shape of the API at the root, against the running programs, on both
// supported nats-servers.
import { mkdirSync, writeFileSync } from 'node:fs'
import { checkFor, routes, V0Overview, V0Replica, Telemetry, type V0Resource, type V0Worker } from '@kagami/protocol'
import { startHttpUpstream } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace, NATS_VERSIONS } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe.each(NATS_VERSIONS)('the HTTP API at the root, on the %s nats-server', (version) => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  let id: string
  let upstream: string
  const get = async (path: string) => (await fetch(supervisor.url + path)).json()
  const send = (method: string, path: string, body?: unknown) =>
    fetch(supervisor.url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
  const worker = async () => ((await get('/workers')) as V0Worker[]).find((one) => one.worker_id === id)
  const resource = async (name: string) => ((await get('/resources')) as V0Resource[]).find((one) => one.name === name)

  beforeAll(async () => {
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'foo.tar.gz'), 'first')
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => files.stop())
    upstream = `${files.url}/foo.tar.gz`
    const nats = await startNats(place, version)
    supervisor = await startSupervisor(place, { nats: nats.url, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    id = 'w-1'
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: id },
      providers: [{ name: 'declared', kind: 'http', upstream, interval_secs: 3600, labels: { env: 'prod' } }],
    })
    await until('the worker is pending', worker)
  })

  test('/ leads to the UI', async () => {
    const answer = await fetch(`${supervisor.url}/`, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/ui/'])
  })

  test('a worker that is not approved is pending, and syncs nothing', async () => {
    const shown = await until('its replica is shown', async () => {
      const one = await worker()
      return one && one.replicas.length > 0 && one
    })
    expect(shown).toMatchObject({ approved: false, status: 'pending' })
    expect(shown.replicas[0]).toMatchObject({
      worker_id: id,
      name: 'declared',
      kind: 'http',
      upstream,
      status: 'init',
      interval_secs: 3600,
      labels: { env: 'prod' },
    })
    expect(Math.abs(shown.last_seen - Date.now() / 1000)).toBeLessThan(60)
    expect(await get('/overview')).toEqual({
      workers_total: 1,
      workers_approved: 0,
      workers_pending: 1,
      workers_rejected: 0,
      resources_total: 0,
    })
    expect(await get('/resources')).toEqual([])
  })

  test('requests for a pending worker are refused with 400', async () => {
    expect((await send('POST', `/workers/${id}/sync`, { resource: null })).status).toBe(400)
    expect((await send('POST', `/workers/${id}/add_replica`, { name: 'x', kind: 'http', upstream })).status).toBe(400)
    expect((await send('POST', `/workers/${id}/remove_replica`, { replica_id: 'x' })).status).toBe(400)
  })

  test('for unknown workers decisions get 404 and commands 400', async () => {
    expect((await send('POST', '/workers/nobody/approve')).status).toBe(404)
    expect((await send('POST', '/workers/nobody/reject', { reason: 'no' })).status).toBe(404)
    expect((await send('DELETE', '/workers/nobody')).status).toBe(404)
    expect((await send('POST', '/workers/nobody/sync', { resource: null })).status).toBe(400)
    expect((await send('POST', '/workers/nobody/add_replica', { name: 'x', kind: 'http', upstream })).status).toBe(400)
    expect((await send('POST', '/workers/nobody/remove_replica', { replica_id: 'x' })).status).toBe(400)
  })

  test('approval answers 200 without a body, and the declared replica becomes ready', async () => {
    const answer = await send('POST', `/workers/${id}/approve`)
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    expect(await worker()).toMatchObject({ approved: true, status: 'approved' })
    const ready = await until('the mirror is ready', async () => {
      const one = await resource('declared')
      return one?.status === 'ready' && one
    })
    expect(ready.replicas).toHaveLength(1)
    expect(checkFor(V0Replica).ok(ready.replicas[0])).toBe(true)
    expect(ready.replicas[0]!.status).toBe('success')
    expect(checkFor(V0Overview).ok(await get('/overview'))).toBe(true)
    expect(await get('/overview')).toMatchObject({ workers_approved: 1, workers_pending: 0, resources_total: 1 })
  })

  test('a replica added by the API syncs on request, and its credentials are never shown', async () => {
    const auth = { type: 'basic', username: 'bob', password: 's3cret-pass' }
    const answer = await send('POST', `/workers/${id}/add_replica`, {
      name: 'added',
      kind: 'http',
      upstream,
      interval_secs: 0,
      labels: { env: 'test' },
      auth,
    })
    expect(answer.status).toBe(202)
    await until('it is shown', () => resource('added'))
    expect((await resource('added'))?.status).toBe('syncing')
    expect((await send('POST', `/workers/${id}/sync`, { resource: 'added' })).status).toBe(202)
    await until('it is ready', async () => (await resource('added'))?.status === 'ready')
    for (const path of [
      '/workers',
      '/resources',
      '/api/v1/workers',
      '/api/v1/replicas',
      '/api/v1/audit',
      '/api/v1/syncs',
      '/metrics',
    ]) {
      expect(await (await fetch(supervisor.url + path)).text()).not.toContain('s3cret-pass')
    }
    expect(supervisor.output()).not.toContain('s3cret-pass')
  })

  test('sync answers 202 for all, 404 for a resource that the worker does not have', async () => {
    expect((await send('POST', `/workers/${id}/sync`, { resource: null })).status).toBe(202)
    expect((await send('POST', `/workers/${id}/sync`, { resource: 'nothing' })).status).toBe(404)
  })

  test.each([
    ['name', { name: 'a/b', kind: 'http', upstream: 'http://127.0.0.1/x' }],
    ['name', { name: 'a..b', kind: 'http', upstream: 'http://127.0.0.1/x' }],
    ['name', { name: 'x.lock', kind: 'http', upstream: 'http://127.0.0.1/x' }],
    ['name', { name: 'NUL', kind: 'http', upstream: 'http://127.0.0.1/x' }],
    ['name', { name: 'Declared', kind: 'http', upstream: 'http://127.0.0.1/x' }],
    ['name', { name: 5, kind: 'http', upstream: 'http://127.0.0.1/x' }],
    ['name', { kind: 'http', upstream: 'http://127.0.0.1/x' }],
    ['kind', { name: 'ok', kind: 'ftp', upstream: 'ftp://127.0.0.1/x' }],
    ['upstream', { name: 'ok', kind: 'git', upstream: 'ext::sh -c touch% PWN' }],
    ['upstream', { name: 'ok', kind: 'git', upstream: '--upload-pack=touch PWN' }],
    ['upstream', { name: 'ok', kind: 'rsync', upstream: '/etc/shadow' }],
    ['upstream', { name: 'ok', kind: 'rsync', upstream: 'host:/path' }],
    ['upstream', { name: 'ok', kind: 'http', upstream: 'http://bob:pw@127.0.0.1/x' }],
    ['upstream', { name: 'ok', kind: 'http', upstream: 'file:///etc/passwd' }],
    ['interval_secs', { name: 'ok', kind: 'http', upstream: 'http://127.0.0.1/x', interval_secs: -1 }],
    ['interval_secs', { name: 'ok', kind: 'http', upstream: 'http://127.0.0.1/x', interval_secs: 1.5 }],
    ['interval_secs', { name: 'ok', kind: 'http', upstream: 'http://127.0.0.1/x', interval_secs: '5' }],
    ['interval_secs', { name: 'ok', kind: 'http', upstream: 'http://127.0.0.1/x', interval_secs: 2_592_001 }],
    ['options.nonsense', { name: 'ok', kind: 'http', upstream: 'http://127.0.0.1/x', options: { nonsense: 1 } }],
  ])('a replica with a bad %s is refused with 400 and the field named', async (field, body) => {
    const answer = await send('POST', `/workers/${id}/add_replica`, body)
    expect(answer.status).toBe(400)
    const { error } = (await answer.json()) as {
      error: { field: string; hint: string; message: string; request_id: string }
    }
    expect(error.field).toBe(field)
    expect(error.hint.length).toBeGreaterThan(10)
    expect(error.request_id).not.toBe('')
  })

  test('a removed replica disappears, and its files stay', async () => {
    const added = (await resource('added'))!.replicas[0]!
    expect((await send('POST', `/workers/${id}/remove_replica`, { replica_id: 'nothing' })).status).toBe(400)
    expect((await send('POST', `/workers/${id}/remove_replica`, { replica_id: added.replica_id })).status).toBe(202)
    await until('it is gone', async () => !(await resource('added')))
    const declared = (await resource('declared'))!.replicas[0]!
    expect((await send('POST', `/workers/${id}/remove_replica`, { replica_id: declared.replica_id })).status).toBe(202)
    await until('the declared one is gone too', async () => !(await resource('declared')))
    const { readFileSync } = await import('node:fs')
    expect(readFileSync(place.at('data', 'declared', 'foo.tar.gz'), 'utf8')).toBe('first')
  })

  test('telemetry has 24 points and only measured values', async () => {
    const telemetry = await get('/telemetry')
    expect(checkFor(Telemetry).ok(telemetry)).toBe(true)
    expect(telemetry.traffic.map((point: { label: string }) => point.label)).toEqual(
      Array.from({ length: 24 }, (_, i) => `${23 - i}m`),
    )
    expect(telemetry.traffic.slice(0, 20).every((point: { value: number }) => point.value === 0)).toBe(true)
    expect(telemetry.latency_ms.p50).toBeGreaterThan(0)
    expect(telemetry.disk.total_gb).toBeGreaterThan(0)
  })

  test('rejection stops the worker, termination removes it', async () => {
    expect((await send('POST', `/workers/${id}/reject`, { reason: 'test' })).status).toBe(200)
    expect(await worker()).toMatchObject({ approved: false, status: 'rejected' })
    const answer = await send('DELETE', `/workers/${id}`)
    expect([answer.status, await answer.text()]).toEqual([204, ''])
    expect(await worker()).toBeUndefined()
    expect((await send('DELETE', `/workers/${id}`)).status).toBe(404)
  })

  test('every route of the reference exists, and every unknown one is answered with 404', async () => {
    const document = (await get('/openapi.json')) as { paths: Record<string, Record<string, unknown>> }
    for (const route of Object.values(routes))
      expect(document.paths[route.path]?.[route.method.toLowerCase()]).toBeDefined()
    const unknown = await fetch(`${supervisor.url}/nothing/here`)
    expect([unknown.status, ((await unknown.json()) as { error: { code: string } }).error.code]).toEqual([
      404,
      'not_found',
    ])
  })
})
