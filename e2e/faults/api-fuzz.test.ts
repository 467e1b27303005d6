// api-fuzz.test.ts — Random requests to every route of the API, on both databases: no fault and no crash.
import fc from 'fast-check'
import { routes, pathFor, type Route } from '@kagami/protocol'
import { describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

describe.each(['sqlite', 'postgres'] as const)('random requests to the API on %s', (kind) => {
  const place = createPlace()
  const RUNS = rounds(250, 5000)

  test(`cause no fault and no crash in ${RUNS} rounds`, async ({ task }) => {
    const nats = await startNats(place)
    const db = kind === 'postgres' ? { db: await startPostgres(place) } : {}
    const supervisor = await startSupervisor(place, { nats: nats.url, ...db })
    const worker = await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.presence === 'online', {
      seen: () => worker.output(),
    })
    await supervisor.api.call('addReplica', {
      params: { id: 'w-1' },
      body: { name: 'added', kind: 'rsync', upstream: 'rsync://127.0.0.1:1/m/' },
    })
    const known = fc.constantFrom(
      'w-1',
      'ok',
      'tree',
      'added@w-1',
      '0',
      'x@w-1',
      '..',
      '%',
      "'; drop table syncs --",
      '\u0000',
      '💥',
    )
    const text = fc.oneof(known, fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 300 }))
    const field = fc.constantFrom(
      'name',
      'kind',
      'upstream',
      'interval_secs',
      'labels',
      'options',
      'auth',
      'reason',
      'resource',
      'replica_id',
      'hold_id',
      'generation',
      'expires_secs',
      'uses',
      'worker_id',
      'action',
      'replicas',
      'query',
      'patch',
      'expected',
      'dry_run',
    )
    const value = fc.oneof(
      text,
      fc.jsonValue({ maxDepth: 4 }),
      fc.constantFrom('git', 'rsync', 'http', 'https://h.invalid/a.git', 'rsync://h.invalid/m/', 0, -1, 1e308, null),
      fc.constantFrom('sync', 'pause', 'resume', 'edit', {}, { worker: 'w-1' }, { health: 'x' }, ['added@w-1'], true),
    )
    const names = Object.keys(routes).filter((name) => name !== 'stream') as (keyof typeof routes)[]
    const request = fc.record({
      name: fc.constantFrom(...names),
      id: text,
      query: fc.dictionary(
        fc.oneof(
          fc.constantFrom('cursor', 'limit', 'q', 'name', 'worker', 'sort', 'offset', 'target', 'outcome', 'label'),
          text,
        ),
        text,
        { maxKeys: 4 },
      ),
      body: fc.oneof(fc.dictionary(field, value, { maxKeys: 7 }), fc.jsonValue({ maxDepth: 3 })),
      headers: fc.constantFrom<Record<string, string>>({}, { 'if-match': '*' }, { 'if-match': '"0.x"' }),
    })
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(request, async ({ name, id, query, body, headers }) => {
        const route: Route = routes[name]
        const url = `${supervisor.url}${pathFor(route, { id: id.toWellFormed() })}?${new URLSearchParams(query)}`
        const answer = await fetch(url, {
          method: route.method,
          ...(route.method === 'POST' || route.method === 'PATCH'
            ? { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
            : {}),
        })
        await answer.arrayBuffer()
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        // 504: the worker does not answer for an unknown sync, which is not a fault.
        expect(
          answer.status < 500 || answer.status === 504,
          `${name} ${url} ${JSON.stringify(body)} → ${answer.status}`,
        ).toBe(true)
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
    expect(supervisor.output()).not.toContain('a fault while answering')
    expect((await fetch(`${supervisor.url}/readyz`)).status).toBe(200)
    expect([supervisor.child.exitCode, worker.child.exitCode]).toEqual([null, worker.child.exitCode])
    task.meta.figure = `${RUNS} requests, 0 faults: ${[...statuses]
      .sort((a, b) => a[0] - b[0])
      .map(([status, times]) => `${times}× ${status}`)
      .join(', ')}`
  }, 600_000)
})
