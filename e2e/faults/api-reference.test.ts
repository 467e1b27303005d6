// api-reference.test.ts — The reference at /openapi.json is true: every answer has a status and a body that it lists,
// whatever is asked, and what it does not allow is refused in one form.
import { connect } from 'node:net'
import { request } from 'node:http'
import fc from 'fast-check'
import { checkFor, ErrorBody, pathFor, routes, type Route } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

interface Property {
  type?: string
  minimum?: number
  maximum?: number
  pattern?: string
  maxLength?: number
  'x-words'?: readonly string[]
}

interface Document {
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>
}

const place = createPlace()
const RUNS = rounds(1500, 20_000)
const TOKEN = 'a-token-of-the-tests'
let supervisor: SupervisorProgram
let statusesOf: Map<string, string[]>

beforeAll(async () => {
  const nats = await startNats(place)
  supervisor = await startSupervisor(place, {
    nats: nats.url,
    env: { SUPERVISOR_AUTH: 'token', SUPERVISOR_API_TOKEN: TOKEN },
  })
  const providers = [{ name: 'tree', kind: 'rsync', upstream: 'rsync://127.0.0.1:1/tree/' }]
  const worker = await startWorker(place, { nats: nats.url, providers, env: { KAGAMI_WORKER_ID: 'w-1' } })
  await until('it joined', async () => (await supervisor.api.call('listReplicas')).total === 1, {
    seen: () => worker.output(),
  })
  await supervisor.api.call('addReplica', {
    params: { id: 'w-1' },
    body: { name: 'added', kind: 'rsync', upstream: 'rsync://127.0.0.1:1/added/' },
  })
  const document = (await (await fetch(`${supervisor.url}/openapi.json`)).json()) as Document
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  statusesOf = new Map(operations.map(({ operationId, responses }) => [operationId, Object.keys(responses)]))
})

const anyText = fc.oneof(
  fc.constantFrom('', ' ', 'true', '0', '-1', '1e9', '1.5', 'constructor', '__proto__', '%', 'a,b', 'null', '💥'),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ minLength: 500, maxLength: 600 }),
)

/** A value of a parameter: one that its schema allows, or any. */
function valueOf(property: Property): fc.Arbitrary<string> {
  const valid =
    property['x-words']?.length !== undefined
      ? fc.subarray([...property['x-words']]).map((words) => words.join(','))
      : property.type === 'integer'
        ? fc.integer({ min: property.minimum ?? -1000, max: Math.min(property.maximum ?? 1000, 10_000) }).map(String)
        : property.pattern
          ? fc.stringMatching(new RegExp(property.pattern))
          : fc.constantFrom('w-1', 'tree', 'tree@w-1', 'nothing', 'a=b')
  return fc.oneof(valid, anyText)
}

function requestOf(name: keyof typeof routes) {
  const route: Route = routes[name]
  const query = Object.entries((route.query?.properties ?? {}) as Record<string, Property>).map(
    ([key, property]) => [key, valueOf(property)] as const,
  )
  const body = fc.oneof(
    fc.constantFrom(undefined, null, {}, { reason: 'r' }, { generation: 1 }, { name: 'b' }, { id: 'x' }),
    fc.record(
      { name: anyText, kind: fc.constantFrom('git', 'rsync', 'nope'), upstream: anyText },
      { requiredKeys: [] },
    ),
    fc.record(
      { interval_secs: fc.nat(9), options: fc.constantFrom({}, { x: 1 }), upstream: anyText },
      { requiredKeys: [] },
    ),
    fc.jsonValue({ maxDepth: 2 }),
  )
  return fc.record({
    name: fc.constant(name),
    id: fc.oneof(fc.constantFrom('w-1', 'tree', 'tree@w-1', 'added', 'x'.repeat(129), 'x'.repeat(300)), anyText),
    query: fc.record(Object.fromEntries(query), { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>,
    body: route.body ? body : fc.constant(undefined),
    ifMatch: fc.constantFrom(...(route.headers ? [undefined, '*', '"0.x"', 'x'] : [undefined])),
    token: fc.boolean(),
  })
}

describe('the reference of the API', () => {
  // The live stream does not end, and a terminated worker would leave nothing to ask for.
  const names = (Object.keys(routes) as (keyof typeof routes)[]).filter(
    (name) => !['stream', 'terminate', 'reject'].includes(name),
  )

  test(`lists every status and body of the answers to ${RUNS} random requests`, async ({ task }) => {
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(fc.oneof(...names.map(requestOf)), async ({ name, id, query, body, ifMatch, token }) => {
        const route: Route = routes[name]
        const url = `${supervisor.url}${pathFor(route, { id: id.toWellFormed() || 'x' })}?${new URLSearchParams(query)}`
        const answer = await fetch(url, {
          method: route.method,
          headers: {
            ...(token ? { authorization: `Bearer ${TOKEN}` } : {}),
            ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        const text = await answer.text()
        const what = `${name} ${url} ${JSON.stringify(body)} → ${answer.status} ${text.slice(0, 300)}`
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
        // fetch resolves . and .. in the path before it sends them: that is another operation.
        if (/^\.{1,2}$/.test(id)) return
        expect(statusesOf.get(name), what).toContain(String(answer.status))
        if (answer.status >= 400) expect(checkFor(ErrorBody).ok(JSON.parse(text)), what).toBe(true)
        else if (route.response) expect(checkFor(route.response).ok(JSON.parse(text)), what).toBe(true)
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
    expect(supervisor.output()).not.toContain('a fault while answering')
    task.meta.figure = `${RUNS} requests: ${[...seen]
      .sort((a, b) => a[0] - b[0])
      .map(([status, times]) => `${times}× ${status}`)
      .join(', ')}`
  }, 600_000)

  test.each<[path: string, field: string, text: string]>([
    ['/api/v1/replicas?sort=constructor', 'sort', 'must be one of worst'],
    ['/api/v1/replicas?sort=nam', 'sort', 'did you mean name?'],
    ['/api/v1/replicas?health=faild', 'health', 'did you mean failed?'],
    ['/api/v1/replicas?health=fresh,!faild', 'health', 'did you mean failed?'],
    ['/api/v1/replicas?cause=toString', 'cause', 'must be one of'],
    ['/api/v1/resources?status=redy', 'status', 'did you mean ready?'],
    ['/api/v1/resources?health=x', 'health', 'must be one of'],
    ['/api/v1/workers?admission=aproved', 'admission', 'did you mean approved?'],
    ['/api/v1/workers?presence=onlin', 'presence', 'did you mean online?'],
    ['/api/v1/syncs?outcome=sucess', 'outcome', 'did you mean success?'],
    ['/api/v1/syncs?state=run', 'state', 'must be one of running, finished'],
    ['/api/v1/replicas?limit=true', 'limit', 'must be integer'],
    ['/api/v1/replicas?limit=0', 'limit', 'must be'],
    ['/api/v1/replicas?limit=1e9', 'limit', 'must be integer'],
    ['/api/v1/replicas?limit=501', 'limit', 'must be'],
    ['/api/v1/replicas?cursor=x', 'cursor', 'is not the next_cursor of a page'],
    ['/api/v1/syncs?cursor=1', 'cursor', 'is not the next_cursor of a page'],
    ['/api/v1/audit?cursor=-1', 'cursor', 'is not the next_cursor of a page'],
  ])('GET %s is refused with the field named', async (path, field, text) => {
    const answer = await fetch(`${supervisor.url}${path}`)
    expect(answer.status).toBe(400)
    const { error } = (await answer.json()) as { error: { code: string; field: string; message: string } }
    expect(error).toMatchObject({ code: 'invalid_request', field })
    expect(error.message).toContain(text)
  })

  test('words of a filter may be several, with spaces, or none', async () => {
    for (const query of ['health=failed,%20late', 'health=', 'sort=-name', 'cause=timed_out,', 'limit=1&cursor='])
      expect((await fetch(`${supervisor.url}/api/v1/replicas?${query}`)).status, query).toBe(200)
  })

  test.each<[method: string, path: string, allow: string]>([
    ['PUT', '/api/v1/replicas', 'GET, HEAD'],
    ['POST', '/overview', 'GET, HEAD'],
    ['GET', '/workers/w-1/approve', 'POST'],
    ['PUT', '/api/v1/replicas/tree', 'DELETE, GET, HEAD, PATCH'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['QUERY', '/api/v1/audit', 'GET, HEAD'],
    ['OPTIONS', '/api/v1/workers/x', 'GET, HEAD'],
  ])('%s %s is not a method of that path, and the answer names those that are', async (method, path, allow) => {
    const answer = await fetch(`${supervisor.url}${path}`, { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow])
    expect(checkFor(ErrorBody).ok(await answer.json())).toBe(true)
    expect((await fetch(`${supervisor.url}/nothing`, { method })).status).toBe(404)
  })

  test('malformed escapes, long ids and long addresses are refused in the one form', async () => {
    const ask = (path: string) =>
      new Promise<{ status: number; body: unknown }>((resolve, reject) => {
        const { hostname, port } = new URL(supervisor.url)
        request({ hostname, port, path }, (answer) => {
          let text = ''
          answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
          answer.on('end', () => resolve({ status: answer.statusCode!, body: JSON.parse(text) as unknown }))
        })
          .on('error', reject)
          .end()
      })
    const paths = [
      '/api/v1/workers/%',
      '/workers/%ff/x%',
      `/api/v1/workers/${'x'.repeat(2000)}`,
      `/api/v1/workers/${'x'.repeat(20_000)}`,
    ]
    const answers = []
    for (const path of paths) answers.push(await ask(path))
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 431])
    for (const { body } of answers) expect(checkFor(ErrorBody).ok(body), JSON.stringify(body)).toBe(true)
  })

  test('bytes that are no request are refused in the one form too', async () => {
    const { hostname, port } = new URL(supervisor.url)
    const text = await new Promise<string>((resolve) => {
      let all = ''
      const socket = connect(Number(port), hostname, () => socket.write('no request\r\n\r\n'))
      socket.on('data', (chunk) => (all += chunk.toString()))
      socket.on('close', () => resolve(all))
    })
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(checkFor(ErrorBody).ok(JSON.parse(text.split('\r\n\r\n')[1]!))).toBe(true)
  })

  test('an empty body where one may be left out is accepted as the reference says', async () => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
    for (const body of [undefined, 'null', '{}']) {
      const answer = await fetch(`${supervisor.url}/api/v1/replicas/tree/rollback`, {
        method: 'POST',
        headers,
        ...(body === undefined ? {} : { body }),
      })
      // The replica has no earlier tree, which is found only once the body was understood.
      expect(answer.status, `${body}: ${await answer.text()}`).not.toBe(400)
    }
  })
})
