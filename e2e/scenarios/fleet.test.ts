// fleet.test.ts — Everyday operation: tokens and audit, logs of running syncs, cancelling, stopping, and
// two processes with one id.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { startHttpUpstream } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace, type Place } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

/** Starts an upstream whose `/slow` sends a few bytes, and the rest when the test calls `letGo`. */
async function startSlowUpstream(place: Place) {
  mkdirSync(place.at('www'))
  writeFileSync(place.at('www', 'file'), 'x'.repeat(1000))
  const held: ServerResponse[] = []
  const upstream = await startHttpUpstream({
    dir: place.at('www'),
    intercept(request, response) {
      if (!request.url?.startsWith('/slow')) return false
      response.writeHead(200, { 'content-length': 800_000 })
      response.write('x'.repeat(200_000))
      held.push(response)
      return true
    },
  })
  place.onEnd(() => upstream.stop())
  return { url: upstream.url, letGo: () => held.splice(0).forEach((response) => response.end('x'.repeat(600_000))) }
}

describe('a fleet on an ordinary day', () => {
  const place = createPlace()
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let worker: Program & { http: string }
  let upstream: Awaited<ReturnType<typeof startSlowUpstream>>
  const replica = async (name: string) => (await supervisor.api.call('listReplicas', { query: { name } })).items[0]

  beforeAll(async () => {
    upstream = await startSlowUpstream(place)
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    worker = await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_SLOTS: '1' },
      providers: [
        { name: 'slow', kind: 'http', upstream: `${upstream.url}/slow` },
        { name: 'quick', kind: 'http', upstream: `${upstream.url}/file` },
      ],
    })
    await until('it joined', async () => (await supervisor.api.call('listReplicas')).total === 2)
  })

  test('a running sync shows progress and log, another one waits with a reason, and cancelling ends it', async () => {
    await supervisor.api.call('syncResource', { params: { id: 'slow' } })
    const running = await until('it runs and knows how far it is', async () => {
      const { items } = await supervisor.api.call('listSyncs', { query: { state: 'running' } })
      return items[0]?.progress?.percent ? items[0] : null
    })
    expect(running).toMatchObject({ name: 'slow', trigger: 'manual', outcome: null })
    expect(running.progress?.percent).toBeGreaterThan(0)
    expect(running.progress?.percent).toBeLessThanOrEqual(25)
    const log = await supervisor.api.call('syncLog', { params: { id: running.sync_id } })
    expect(log.text).toContain(`http ${upstream.url}/slow`)
    expect(log.headers.get('x-log-running')).toBe('true')
    await supervisor.api.call('syncResource', { params: { id: 'quick' } })
    const queued = await until('the other waits', async () => {
      const one = await replica('quick')
      return one?.activity === 'queued' && one
    })
    expect(queued.queue).toEqual({ position: 1, reason: '1 of 1 slots are in use' })
    await supervisor.api.call('cancelSync', { params: { id: running.sync_id } })
    const ended = await until('it has ended', async () => {
      const sync = await supervisor.api.call('getSync', { params: { id: running.sync_id } })
      return sync.state === 'finished' && sync
    })
    expect(ended).toMatchObject({ outcome: 'cancelled', reason: 'cancelled' })
    await expect(supervisor.api.call('cancelSync', { params: { id: running.sync_id } })).rejects.toMatchObject({
      code: 'conflict',
      status: 409,
    })
    await until('the waiting one got its turn', async () => (await replica('quick'))?.status === 'success')
    expect(readdirSync(place.at('data'))).not.toContain('slow')
  })

  test('supervisor and worker export real metrics', async () => {
    // The sync that the test before requested may still be running.
    await until('quick has synced', async () => (await replica('quick'))?.status === 'success')
    const ofWorker = await (await fetch(`${worker.http}/metrics`)).text()
    expect(ofWorker).toMatch(/kagami_syncs_total\{kind="http",outcome="success",reason=""\} [1-9]/)
    expect(ofWorker).toMatch(/kagami_syncs_total\{kind="http",outcome="cancelled",reason="cancelled"\} 1/)
    expect(ofWorker).toMatch(/kagami_sync_bytes_total\{kind="http"\} 1000/)
    expect(ofWorker).toMatch(/kagami_nats_connected 1/)
    expect(ofWorker).toMatch(/process_resident_memory_bytes \d+/)
    expect((await fetch(`${worker.http}/ping`)).status).toBe(200)
    const ofSupervisor = await (await fetch(`${supervisor.url}/metrics`)).text()
    expect(ofSupervisor).toMatch(/kagami_workers\{admission="approved"\} 1/)
    expect(ofSupervisor).toMatch(/kagami_replicas\{status="success"\} 1/)
    expect((await fetch(`${supervisor.url}/healthz`)).status).toBe(200)
  })

  test('a second process with the id of a running worker waits, and says why', async () => {
    const second = await startWorker(place, {
      nats: nats.url,
      dir: 'data-2',
      env: { KAGAMI_WORKER_ID: 'w-1' },
      providers: [{ name: 'other', kind: 'http', upstream: `${upstream.url}/file`, interval_secs: 1 }],
    })
    await until('it is logged', () => second.output().includes('another running process uses worker id w-1'), {
      seen: () => second.output(),
    })
    expect((await supervisor.api.call('getWorker', { params: { id: 'w-1' } })).conflict).toContain(
      'another running process',
    )
    expect(readdirSync(place.at('data-2'))).toEqual(['.kagami'])
    await second.kill()
  })

  test('a second process on the data_dir of a running worker waits, and says whose it is', async () => {
    const same = await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-2' } })
    await until(
      'it is logged',
      () => same.output().includes(`another worker uses data_dir ${place.at('data')}: process ${worker.child.pid} on`),
      { seen: () => same.output() },
    )
    expect((await supervisor.api.call('listWorkers')).items.map((one) => one.worker_id)).not.toContain('w-2')
    await same.kill('SIGTERM')
    expect(await same.exited).toBe(0)
  })

  test('two workers on one filesystem count it once', async () => {
    const total = async () =>
      ((await (await fetch(`${supervisor.url}/telemetry`)).json()) as { disk: { total_gb: number } }).disk.total_gb
    const before = await total()
    const third = await startWorker(place, { nats: nats.url, dir: 'data-3', env: { KAGAMI_WORKER_ID: 'w-3' } })
    await until(
      'its disk is reported',
      async () => (await supervisor.api.call('listWorkers')).items.find((one) => one.worker_id === 'w-3')?.storage,
    )
    expect(await total()).toBe(before)
    await supervisor.api.call('terminate', { params: { id: 'w-3' } })
    expect(await third.exited).toBe(0)
  })

  test('SIGTERM ends a worker and its sync with exit code 0; the sync runs again at the next start', async () => {
    await supervisor.api.call('syncResource', { params: { id: 'slow' } })
    const running = await until(
      'it runs',
      async () => (await supervisor.api.call('listSyncs', { query: { state: 'running' } })).items[0],
    )
    worker.child.kill('SIGTERM')
    expect(await worker.exited).toBe(0)
    await until(
      'it is known to be gone',
      async () => (await supervisor.api.call('getWorker', { params: { id: 'w-1' } })).presence === 'lost',
    )
    expect(await replica('quick')).toMatchObject({ health: 'unknown', status: 'success' })
    await until(
      'its end is in the history',
      async () => (await supervisor.api.call('getSync', { params: { id: running.sync_id } })).outcome === 'interrupted',
    )
    worker = await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_SLOTS: '1' },
      providers: [
        { name: 'slow', kind: 'http', upstream: `${upstream.url}/slow` },
        { name: 'quick', kind: 'http', upstream: `${upstream.url}/file` },
      ],
    })
    await until(
      'it is back',
      async () => (await supervisor.api.call('getWorker', { params: { id: 'w-1' } })).presence === 'online',
    )
  })

  test('a rejected worker stops itself, and stays rejected when it is started again', async () => {
    await supervisor.api.call('reject', { params: { id: 'w-1' }, body: { reason: 'out of order' } })
    expect(await worker.exited).toBe(0)
    await until('it is logged', () => worker.output().includes('out of order'), { seen: () => worker.output() })
    const again = await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
    expect(await again.exited).toBe(0)
  })

  test('every write is in the audit, with actor, action and result', async () => {
    await supervisor.api.call('approve', { params: { id: 'nobody' } }).catch(() => {})
    const { items } = await supervisor.api.call('audit', { query: { limit: 500 } })
    const lines = items.map((entry) => `${entry.actor} ${entry.action} ${entry.target} ${entry.result}`)
    for (const line of [
      'worker join w-1 approved',
      'anyone sync w-1 ok',
      'anyone reject w-1 ok',
      'anyone terminate w-3 ok',
      'anyone approve nobody not_found',
    ])
      expect(lines).toContain(line)
    expect(items[0]?.remote).toBe('127.0.0.1')
  })
})

describe('who may write', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  const approve = (headers: Record<string, string>) =>
    fetch(`${supervisor.url}/workers/nobody/approve`, { method: 'POST', headers })

  beforeAll(async () => {
    supervisor = await startSupervisor(place, {
      nats: (await startNats(place)).url,
      env: { SUPERVISOR_AUTH: 'token', SUPERVISOR_API_TOKEN: 'a-long-enough-token' },
    })
  })

  test('anyone can read; writing needs the token; the session shows who is signed in', async () => {
    expect((await fetch(`${supervisor.url}/workers`)).status).toBe(200)
    expect((await fetch(`${supervisor.url}/workers/nobody/approve`, { method: 'POST' })).status).toBe(401)
    expect((await approve({})).status).toBe(401)
    expect((await approve({ authorization: 'Bearer a-long-enough-token' })).status).toBe(404)
    expect(await supervisor.api.call('session')).toMatchObject({ auth: 'token', authenticated: true })
    expect(await (await fetch(`${supervisor.url}/api/v1/session`)).json()).toMatchObject({ authenticated: false })
  })

  test('a page of another site cannot write, not even with the token', async () => {
    expect(
      (await approve({ authorization: 'Bearer a-long-enough-token', origin: 'https://evil.example' })).status,
    ).toBe(401)
    expect((await approve({ authorization: 'Bearer a-long-enough-token', origin: supervisor.url })).status).toBe(404)
  })

  test('wrong tokens are limited and logged, the right one keeps working, and no token is ever logged', async () => {
    const codes: number[] = []
    for (let i = 0; i < 13; i++) codes.push((await approve({ authorization: `Bearer wrong-${i}` })).status)
    expect(codes.slice(0, 10)).toEqual(Array(10).fill(401))
    expect(codes.at(-1)).toBe(429)
    expect((await approve({ authorization: 'Bearer a-long-enough-token' })).status).toBe(404)
    const refused = await approve({ authorization: 'Bearer wrong' })
    expect(await refused.json()).toMatchObject({ error: { code: 'too_many_attempts' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    await until('it is logged', () => supervisor.output().includes('a wrong token was used'), {
      seen: () => supervisor.output(),
    })
    expect(supervisor.output()).not.toMatch(/wrong-\d|a-long-enough-token/)
  })

  test.each([
    ['a body that is no JSON', { body: '{', headers: { 'content-type': 'application/json' } }, 400],
    ['a body of text', { body: 'reason=x', headers: { 'content-type': 'text/plain' } }, 400],
    [
      'a body over 1 MiB',
      { body: JSON.stringify({ reason: 'x'.repeat(1_100_000) }), headers: { 'content-type': 'application/json' } },
      413,
    ],
    [
      'a prototype in the body',
      { body: '{"__proto__":{"x":1}}', headers: { 'content-type': 'application/json' } },
      400,
    ],
    ['a reason of the wrong type', { body: '{"reason":5}', headers: { 'content-type': 'application/json' } }, 400],
  ])('%s is refused in the shape of every error', async (_, request, status) => {
    const answer = await fetch(`${supervisor.url}/workers/nobody/reject`, {
      method: 'POST',
      ...request,
      headers: { ...request.headers, authorization: 'Bearer a-long-enough-token' },
    })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({
      error: {
        code: expect.any(String),
        message: expect.any(String),
        hint: expect.any(String),
        field: expect.toSatisfy((field: unknown) => field === null || typeof field === 'string'),
        request_id: expect.any(String),
      },
    })
  })
})

describe('an address that sends too many writes', () => {
  const place = createPlace()

  test('is refused after 3000 writes in a minute, with the time to wait, and can still read', async () => {
    const supervisor = await startSupervisor(place, {
      nats: (await startNats(place)).url,
      env: { SUPERVISOR_AUTH: 'token', SUPERVISOR_API_TOKEN: 'a-long-enough-token' },
    })
    const headers = { authorization: 'Bearer a-long-enough-token' }
    const write = () => fetch(`${supervisor.url}/workers/nobody/approve`, { method: 'POST', headers })
    const codes: number[] = []
    for (let round = 0; round < 30; round++)
      codes.push(...(await Promise.all(Array.from({ length: 100 }, async () => (await write()).status))))
    expect(codes).toEqual(Array(3000).fill(404))
    const refused = await write()
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ error: { code: 'too_many_writes' } })
    expect(Number(refused.headers.get('retry-after'))).toSatisfy((seconds: number) => seconds > 0 && seconds <= 60)
    expect((await fetch(`${supervisor.url}/workers`)).status).toBe(200)
  })
})
