// compression.test.ts — Answers are compressed for who can read it, with the same text as without; the live stream and
// short answers are not.
import { request } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

interface Answer {
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Buffer
}

/** Asks as curl does: fetch would decompress by itself. */
const ask = (url: string, encoding: string, method = 'GET') =>
  new Promise<Answer>((resolve, reject) => {
    request(url, { method, headers: { 'accept-encoding': encoding } }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(parts) }))
    })
      .on('error', reject)
      .end()
  })

describe('an answer of the API', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    await startWorker(place, {
      nats: nats.url,
      providers: Array.from({ length: 40 }, (_, index) => ({
        name: `mirror-${index}`,
        kind: 'http',
        upstream: `http://127.0.0.1:1/${index}`,
        interval_secs: 3600,
      })),
    })
    await until('all have failed, and nothing changes any more', async () => {
      const { items } = await supervisor.api.call('listReplicas')
      return items.length === 40 && items.every(({ health, activity }) => health === 'failed' && activity === 'idle')
    })
  })

  test.each([
    ['br', '/resources', brotliDecompressSync],
    ['gzip, deflate', '/resources', gunzipSync],
    ['br;q=0, gzip', '/api/v1/replicas', gunzipSync],
    ['*', '/api/v1/replicas', brotliDecompressSync],
    ['gzip, deflate, br, zstd', '/openapi.json', brotliDecompressSync],
  ])('for "%s" is that of %s, smaller', async (encoding, path, unpack) => {
    const [plain, packed] = await Promise.all([ask(supervisor.url + path, ''), ask(supervisor.url + path, encoding)])
    expect(plain.headers).toMatchObject({ vary: expect.stringContaining('accept-encoding') })
    expect(plain.headers).not.toHaveProperty('content-encoding')
    expect(packed.headers['content-encoding']).toBe(unpack === gunzipSync ? 'gzip' : 'br')
    expect(unpack(packed.body).toString()).toBe(plain.body.toString())
    expect(packed.body.length * 3).toBeLessThan(plain.body.length)
  })

  test.each([
    ['that is short', '/healthz', 'gzip', 'GET'],
    ['whose client reads none', '/resources', 'identity', 'GET'],
    ['whose client forbids all', '/resources', 'gzip;q=0, br;q=0', 'GET'],
    ['without a body', '/resources', 'gzip', 'HEAD'],
  ])('%s is not compressed', async (_, path, encoding, method) => {
    const { headers } = await ask(supervisor.url + path, encoding, method)
    expect(headers).not.toHaveProperty('content-encoding')
  })

  test('of the live stream arrives as it is written', async () => {
    const stop = new AbortController()
    const stream = await fetch(`${supervisor.url}/api/v1/stream`, {
      headers: { 'accept-encoding': 'gzip, br' },
      signal: stop.signal,
    })
    expect(stream.headers.get('content-encoding')).toBeNull()
    const { value } = await stream.body!.getReader().read()
    expect(Buffer.from(value!).toString()).toContain('retry: 2000')
    stop.abort()
  })

  test('of the UI was compressed when it was built', async () => {
    const page = await ask(`${supervisor.url}/ui/`, '')
    const script = /src="(\/ui\/assets\/[^"]+\.js)"/.exec(page.body.toString())![1]!
    const [plain, packed] = await Promise.all([
      ask(supervisor.url + script, ''),
      ask(supervisor.url + script, 'gzip, br'),
    ])
    expect(packed.headers).toMatchObject({ 'content-encoding': 'br', 'content-type': plain.headers['content-type'] })
    expect(packed.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(brotliDecompressSync(packed.body).equals(plain.body)).toBe(true)
  })

  test('of a page of the UI is index.html, compressed too', async () => {
    const { headers, body } = await ask(`${supervisor.url}/ui/replicas`, 'br')
    expect(headers['content-encoding']).toBe('br')
    expect(brotliDecompressSync(body).toString()).toContain('<div id="app"')
  })
})
