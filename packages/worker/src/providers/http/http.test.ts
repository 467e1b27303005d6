// http.test.ts — The kind http: conformance, and what only web servers can break.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Subject } from '../../testing/conformance-stage.ts'
import { providerConformance } from '../../testing/conformance.ts'
import { createPeers } from '../../sync/peers.ts'
import { checkAddress, fileNameOf } from '../../http/address.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'

async function start(dir: string, auth?: { username: string; password: string }): Promise<Subject> {
  const file = join(dir, 'big.tar.gz')
  writeFiles(dir, { 'big.tar.gz': randomBytes(600_000) })
  const upstream = await startHttpUpstream({ dir, auth })
  return {
    upstream: `${upstream.url}/big.tar.gz`,
    port: upstream.port,
    stop: upstream.stop,
    expectSame: async (published) => expect(readTree(published)).toEqual(readTree(dir)),
    change: async () => writeFileSync(file, randomBytes(700_000)),
    empty: async () => writeFileSync(file, ''),
    vanish: async () => rmSync(file),
  }
}

providerConformance({ kind: 'http', tool: null, start })

describe('an http mirror', () => {
  let sandbox: Sandbox
  let dir: string
  let intercept: (request: IncomingMessage, response: ServerResponse) => boolean
  let asked: IncomingMessage[]
  let base: string
  const stops: (() => Promise<void>)[] = []
  beforeEach(async () => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    intercept = () => false
    asked = []
    const upstream = await startHttpUpstream({
      dir,
      intercept: (request, response) => {
        asked.push(request)
        return intercept(request, response)
      },
    })
    base = upstream.url
    stops.push(upstream.stop)
  })
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
    sandbox.remove()
  })
  const sync = (path: string, more: object = {}) => sandbox.sync({ kind: 'http', upstream: `${base}${path}`, ...more })

  it('goes on where a download broke off', async () => {
    const body = randomBytes(500_000)
    writeFiles(dir, { 'a.iso': body })
    intercept = (_request, response) => {
      if (asked.length > 1) return false
      response.writeHead(200, { etag: etagOf(join(dir, 'a.iso')), 'content-length': body.length })
      response.write(body.subarray(0, 300_000), () => setImmediate(() => response.destroy()))
      return true
    }
    expect(await sync('/a.iso')).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(existsSync(sandbox.published)).toBe(false)
    const report = await sync('/a.iso')
    expect(asked[1]?.headers.range).toMatch(/^bytes=\d+-$/)
    expect(report).toMatchObject({ outcome: 'success', size_bytes: 500_000 })
    expect(report.bytes).toBeLessThan(500_000)
    expect(readFileSync(join(sandbox.published, 'a.iso')).equals(body)).toBe(true)
  })

  it('holds a continued download against its checksum as a whole, what was there before too', async () => {
    const body = randomBytes(500_000)
    writeFiles(dir, { 'a.iso': body })
    const options = { checksum: `sha256:${createHash('sha256').update(body).digest('hex')}` }
    for (const first of [Buffer.alloc(300_000), body.subarray(0, 300_000)]) {
      intercept = (request, response) => {
        if (request.headers.range) return false
        response.writeHead(200, { etag: etagOf(join(dir, 'a.iso')), 'content-length': body.length })
        response.write(first, () => setImmediate(() => response.destroy()))
        return true
      }
      expect(await sync('/a.iso', { options })).toMatchObject({
        outcome: 'failed',
        message: expect.stringContaining('cut off'),
      })
      const report = await sync('/a.iso', { options })
      expect(report, report.message ?? '').toMatchObject(
        first.equals(body.subarray(0, 300_000))
          ? { outcome: 'success' }
          : { outcome: 'failed', reason: 'content_invalid', message: expect.stringContaining('sha256') },
      )
    }
    expect(readFileSync(join(sandbox.published, 'a.iso')).equals(body)).toBe(true)
  })

  it('starts again when the file changed while a download was broken off', async () => {
    writeFiles(dir, { 'a.iso': randomBytes(400_000) })
    intercept = (_request, response) => {
      if (asked.length > 1) return false
      response.writeHead(200, { etag: '"older"', 'content-length': 400_000 })
      response.write(Buffer.alloc(200_000), () => setImmediate(() => response.destroy()))
      return true
    }
    await sync('/a.iso')
    expect(await sync('/a.iso')).toMatchObject({ outcome: 'success', bytes: 400_000 })
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
  })

  it('does not join two halves that do not belong together', async () => {
    writeFiles(dir, { 'a.iso': randomBytes(400_000) })
    intercept = (_request, response) => {
      if (asked.length === 1) {
        response.writeHead(200, { etag: '"x"', 'content-length': 400_000 })
        response.write(Buffer.alloc(200_000), () => setImmediate(() => response.destroy()))
      } else
        response
          .writeHead(206, { etag: '"x"', 'content-range': 'bytes 0-99999/400000', 'content-length': 100_000 })
          .end(Buffer.alloc(100_000))
      return true
    }
    await sync('/a.iso')
    expect(await sync('/a.iso')).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(existsSync(sandbox.published)).toBe(false)
  })

  it('keeps the copy when an answer without a length breaks off', async () => {
    writeFiles(dir, { 'a.txt': 'good\n' })
    await sync('/a.txt')
    intercept = (_request, response) => {
      response.writeHead(200)
      response.write('bad', () => setImmediate(() => response.destroy()))
      return true
    }
    expect(await sync('/a.txt')).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(readTree(sandbox.published)).toEqual({ 'a.txt': 'good\n' })
  })

  it('takes an answer in chunks, and the bytes as they are when they are compressed', async () => {
    const packed = randomBytes(1000)
    intercept = (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.write(packed.subarray(0, 500), () => response.end(packed.subarray(500)))
      return true
    }
    expect(await sync('/a.tar.gz')).toMatchObject({ outcome: 'success' })
    expect(readFileSync(join(sandbox.published, 'a.tar.gz')).equals(packed)).toBe(true)
  })

  it('follows five redirects and gives credentials to nobody else', async () => {
    writeFiles(dir, { 'real.txt': 'real\n' })
    const seen: (string | undefined)[] = []
    const other = await startHttpUpstream({
      dir,
      intercept: (request) => {
        seen.push(request.headers.authorization)
        return false
      },
    })
    stops.push(other.stop)
    const hop = (request: IncomingMessage) => Number(/hop(\d)/.exec(request.url ?? '')?.[1] ?? 0)
    intercept = (request, response) => {
      response
        .writeHead(302, { location: hop(request) === 4 ? `${other.url}/real.txt` : `/hop${hop(request) + 1}` })
        .end()
      return true
    }
    expect(await sync('/latest.txt', { auth: { type: 'token', token: 'tok-en-1234' } })).toMatchObject({
      outcome: 'success',
    })
    expect(asked.map((request) => request.headers.authorization)).toEqual(Array(5).fill('Bearer tok-en-1234'))
    expect(seen).toEqual([undefined])
    expect(readTree(sandbox.published)).toEqual({ 'latest.txt': 'real\n' })
    intercept = (_request, response) => Boolean(response.writeHead(302, { location: '/again' }).end())
    expect(await sync('/loop')).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
  })

  it('is never redirected to a file or to the addresses of a cloud machine', async () => {
    const ways: Record<string, string> = {
      'file:///etc/passwd': 'upstream_refused',
      'data:text/plain,hello': 'upstream_refused',
      'gopher://127.0.0.1/': 'upstream_refused',
      'http://user:pw@127.0.0.1/': 'upstream_refused',
      'http://169.254.169.254/latest/meta-data': 'address_forbidden',
      'http://[fe80::1]/': 'address_forbidden',
      'http://2852039166/': 'address_forbidden',
    }
    for (const [location, reason] of Object.entries(ways)) {
      intercept = (_request, response) => Boolean(response.writeHead(302, { location }).end())
      expect(await sync('/x'), location).toMatchObject({ outcome: 'failed', reason })
    }
  })

  it('says what a status means', async () => {
    const reasons: Record<number, string> = {
      401: 'auth_rejected',
      403: 'auth_rejected',
      404: 'upstream_missing',
      410: 'upstream_missing',
      429: 'upstream_refused',
      500: 'upstream_refused',
      503: 'upstream_refused',
    }
    for (const [status, reason] of Object.entries(reasons)) {
      intercept = (_request, response) => Boolean(response.writeHead(Number(status)).end('sorry'))
      expect(await sync('/x')).toMatchObject({ outcome: 'failed', reason })
    }
  })

  it('has the time of its upstream, and is not fetched twice', async () => {
    writeFiles(dir, { 'index.html': '<p>hello' })
    utimesSync(join(dir, 'index.html'), 1_000_000, 1_000_000)
    expect(await sync('/')).toMatchObject({ outcome: 'success', bytes: 8 })
    expect(statSync(join(sandbox.published, 'index.html')).mtimeMs).toBe(1_000_000_000)
    expect(await sync('/')).toMatchObject({ outcome: 'success', bytes: 0, files: 1, size_bytes: 8 })
  })

  it('is fetched again when somebody changed the copy', async () => {
    writeFiles(dir, { 'a.txt': 'good\n' })
    await sync('/a.txt')
    writeFileSync(join(sandbox.published, 'a.txt'), 'changed here')
    expect(await sync('/a.txt')).toMatchObject({ outcome: 'success', bytes: 5 })
    expect(readTree(sandbox.published)).toEqual({ 'a.txt': 'good\n' })
  })

  it('gives up an upstream that falls silent', async () => {
    intercept = () => true
    expect(await sync('/x', { options: { timeout_secs: 1 } })).toMatchObject({ outcome: 'failed', reason: 'timed_out' })
  })

  it('says that a name does not exist', async () => {
    expect(await sandbox.sync({ kind: 'http', upstream: 'http://no-such-host.invalid/x' })).toMatchObject({
      outcome: 'failed',
      reason: 'upstream_unreachable',
    })
  })
})

function etagOf(file: string): string {
  const { size, mtimeMs } = statSync(file)
  return `"${size.toString(36)}-${mtimeMs.toString(36)}"`
}

describe('the name of a mirrored file', () => {
  it.each([
    ['http://h/foo.tar.gz', 'foo.tar.gz'],
    ['http://h/foo.tar.gz?sig=1#x', 'foo.tar.gz'],
    ['http://h', 'index.html'],
    ['http://h/a/', 'index.html'],
    ['http://h/a%20b.iso', 'a b.iso'],
    ['http://h/..%2f..%2fetc', '..%2f..%2fetc'],
    ['http://h/%2e%2e', 'index.html'],
    ['http://h/%00x', '%00x'],
    ['http://h/%ff', '\udcff'],
    ['http://h/%f', '%f'],
    ['http://h/日本.txt', '日本.txt'],
  ])('of %s is %s', (address, name) => expect(fileNameOf(new URL(address))).toBe(name))
})

describe('an address an http mirror does not go to', () => {
  it('is refused in every spelling of a link-local address', () => {
    const peers = createPeers({ publicOnly: false, known: null })
    for (const host of [
      '169.254.169.254',
      '2852039166',
      '0xa9fea9fe',
      '0251.0376.0251.0376',
      '169.254.43518',
      '①⑥⑨.②⑤④.①⑥⑨.②⑤④',
      '[::ffff:169.254.169.254]',
      '[fe80::1]',
      '[fd00:ec2::254]',
    ]) {
      expect(() => checkAddress(new URL(`http://${host}/`), peers), host).toThrow('link-local')
    }
  })
})
