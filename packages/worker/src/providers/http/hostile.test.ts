// hostile.test.ts — Upstreams that lie, delay or redirect: the published copy stays byte for byte what it was, and the
// report says why.
import { createHash, randomBytes } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPaces } from '../../http/pace.ts'
import { createPeers } from '../../sync/peers.ts'
import { sendRequest } from '../../http/request.ts'
import { SyncFailure } from '../../provider.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'
import { PATIENCE } from '../../testing/patience.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

const GOOD = randomBytes(300_000)
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')

const unpaced = () => ({ paces: createPaces(), pause: async () => {} })

describe('the copy of a file is kept, and the report says why, when the upstream', () => {
  let sandbox: Sandbox
  let dir: string
  let base: string
  let answer: Answer | null
  let asked: number
  let stop: () => Promise<void>
  beforeEach(async () => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    answer = null
    asked = 0
    const upstream = await startHttpUpstream({
      dir,
      intercept: (request, response) => (asked++, answer ? (answer(request, response), true) : false),
    })
    base = upstream.url
    stop = upstream.stop
    writeFiles(dir, { 'a.iso': GOOD })
  })
  afterEach(async () => {
    await stop()
    sandbox.remove()
  })
  const sync = (options: object = {}, more: object = {}) =>
    sandbox.sync({ kind: 'http', upstream: `${base}/a.iso`, options: { ...options }, ...more })
  /** Syncs once without faults, then against the faulty response. */
  const against = async (hostile: Answer, options: object = {}) => {
    await sync(options)
    const before = readTree(sandbox.published)
    expect(Object.keys(before)).toEqual(['a.iso'])
    answer = hostile
    const report = await sync(options)
    expect(readTree(sandbox.published)).toEqual(before)
    return report
  }
  const endless = (response: ServerResponse, piece: Buffer, everyMs = 0) => {
    const more = () =>
      void (
        response.destroyed ||
        (everyMs > 0
          ? (response.write(piece), setTimeout(more, everyMs))
          : response.write(piece, () => setImmediate(more)))
      )
    more()
  }

  it('is emptied', async () => {
    expect(await against((_request, response) => response.writeHead(200, { 'content-length': 0 }).end())).toMatchObject(
      { outcome: 'held', reason: 'upstream_empty' },
    )
    expect(await sync({}, { task: { type: 'sync', approved: 1 } })).toMatchObject({ outcome: 'success', size_bytes: 0 })
  })

  it('shrank to a tenth, known before or after', async () => {
    expect(
      await against((_request, response) =>
        response.writeHead(200, { 'content-length': 30_000 }).end(GOOD.subarray(0, 30_000)),
      ),
    ).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
    answer = (_request, response) => response.writeHead(200).end(GOOD.subarray(0, 30_000))
    expect(await sync()).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
  })

  it('sends less than it promised', async () => {
    const report = await against((_request, response) =>
      response.writeHead(200, { 'content-length': 400_000 }).write(GOOD, () => setImmediate(() => response.destroy())),
    )
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain('100000 bytes of 400000 are missing')
  })

  it('sends what does not match its own checksum', async () => {
    const value = createHash('sha256').update('other').digest('base64')
    for (const headers of [
      { digest: `sha-256=${value}` },
      { 'repr-digest': `sha-256=:${value}:` },
      { 'content-md5': createHash('md5').update('other').digest('base64') },
    ]) {
      expect(
        await against((_request, response) =>
          response.writeHead(200, { ...headers, 'content-length': GOOD.length }).end(GOOD),
        ),
      ).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
      answer = null
    }
  })

  it('sends what does not match the checksum it must have', async () => {
    const other = randomBytes(300_000)
    const bad: Answer = (_request, response) => response.writeHead(200, { 'content-length': other.length }).end(other)
    expect((await against(bad, { checksum: `sha256:${sha256(GOOD)}` })).message).toContain(sha256(GOOD))
    answer = null
    writeFileSync(join(dir, 'SHA256SUMS'), `${sha256('x')}  b.iso\n${sha256(GOOD)} *a.iso\n`)
    writeFileSync(join(dir, 'a.iso.sha256'), sha256(GOOD))
    for (const checksum of ['SHA256SUMS', '.sha256']) {
      answer = null
      expect(
        await against(
          (request, response) =>
            request.url === '/a.iso' ? bad(request, response) : response.end(`${sha256(GOOD)}  a.iso\n`),
          { checksum },
        ),
      ).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    }
  })

  it('sends an error page with status 200', async () => {
    const page: Answer = (_request, response) =>
      response
        .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
        .end(`\n<!DOCTYPE html><html>${'please log in '.repeat(30_000)}`)
    const report = await against(page)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain('web page')
    expect(await sync({ accept_html: true })).toMatchObject({ outcome: 'success' })
  })

  it('sends without end', async () => {
    const report = await against((_request, response) => endless(response.writeHead(200), Buffer.alloc(256 * 1024)), {
      max_mib: 2,
    })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain('max_mib')
    expect(await sync({ quota_mib: 80 })).toMatchObject({ outcome: 'failed', reason: 'quota_exceeded' })
  })

  it('falls silent in the middle', async () => {
    expect(
      await against((_request, response) => response.writeHead(200, { 'content-length': 400_000 }).write(GOOD), {
        timeout_secs: 1,
      }),
    ).toMatchObject({ outcome: 'failed', reason: 'timed_out' })
  })

  it('drips', async () => {
    const drip: Answer = (_request, response) =>
      endless(response.writeHead(200, { 'content-length': 400_000 }), Buffer.alloc(1), 100)
    expect(await against(drip, { timeout_secs: 1 })).toMatchObject({ outcome: 'failed', reason: 'stalled' })
    expect(await sync({ timeout_secs: 1, min_rate_bps: 0, time_limit_secs: 3 })).toMatchObject({
      outcome: 'failed',
      reason: 'timed_out',
    })
  })

  it('sends compressed what was asked for as it is', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    const report = await against((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bomb.length }).end(bomb),
    )
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain('gzip')
  })

  it('goes on with another range, or with another file, than it began with', async () => {
    const lies: Answer[] = [
      (_request, response) =>
        response
          .writeHead(206, { etag: '"x"', 'content-range': 'bytes 0-99999/400000', 'content-length': 100_000 })
          .end(Buffer.alloc(100_000)),
      (request, response) =>
        response
          .writeHead(206, {
            etag: '"y"',
            'content-range': `bytes ${/\d+/.exec(request.headers.range ?? '')?.[0]}-399999/400000`,
            'content-length': 100_000,
          })
          .end(Buffer.alloc(100_000)),
    ]
    for (const lie of lies) {
      answer = null
      await against((_request, response) =>
        response
          .writeHead(200, { etag: '"x"', 'content-length': 400_000 })
          .write(GOOD.subarray(0, 100_000), () => setImmediate(() => response.destroy())),
      )
      expect(await against(lie)).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    }
  })

  it('asks to come back later', async () => {
    const report = await against((_request, response) => response.writeHead(503, { 'retry-after': '120' }).end())
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    expect(report.message).toContain('120 s')
  })

  it('is at a private address, however spelled, and the worker goes to public ones only', async () => {
    const port = new URL(base).port
    for (const host of [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '127.1',
      '0',
      '①②⑦.⓪.⓪.①',
      '[::ffff:127.0.0.1]',
      '[::1]',
      '[::127.0.0.1]',
    ]) {
      const report = await sandbox.sync({ kind: 'http', upstream: `http://${host}:${port}/a.iso`, publicOnly: true })
      expect(report, host).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
    }
    expect(asked).toBe(0)
  })
})

describe('a redirect', () => {
  it('leads to no private address once the upstream is public', async () => {
    const sandbox = createSandbox()
    let asked = 0
    const target = await startHttpUpstream({ dir: sandbox.dir, intercept: () => (asked++, false) })
    const upstream = await startHttpUpstream({
      dir: sandbox.dir,
      intercept: (_request, response) =>
        Boolean(response.writeHead(302, { location: `http://127.0.0.2:${target.port}/x` }).end()),
    })
    // 127.0.0.1 stands for the public side here; everything else follows the real rules.
    const real = createPeers({ publicOnly: true, known: null })
    const peers = {
      check: (address?: string) => (address === '127.0.0.1' ? undefined : real.check(address)),
      resolve: real.resolve,
      via: real.via,
    }
    const context = { ...unpaced(), auth: null, peers, signal: new AbortController().signal, log: () => {} }
    const asking = sendRequest({
      context,
      options: { timeout_secs: 5, allow_downgrade: false },
      url: new URL(`${upstream.url}/x`),
      headers: {},
    })
    await expect(asking).rejects.toThrow(SyncFailure)
    await expect(asking).rejects.toMatchObject({ reason: 'address_forbidden' })
    expect(asked).toBe(0)
    await Promise.all([upstream.stop(), target.stop()])
    sandbox.remove()
  })
})

describe('a file whose length is not known', () => {
  it('is taken, and the report says that it is unverified', async () => {
    const sandbox = createSandbox()
    const server = createServer(
      (socket) =>
        void socket
          .on('error', () => {})
          .once('data', () =>
            socket.end('HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\nsome bytes'),
          ),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const report = await sandbox.sync({ kind: 'http', upstream: `http://127.0.0.1:${port}/a.iso` })
    expect(report).toMatchObject({ outcome: 'success', size_bytes: 10 })
    expect(report.message).toContain('unverified')
    server.close()
    sandbox.remove()
  })
})

describe('a request that is over', () => {
  it('leaves nothing on the signal of its run, and none begins once that was stopped', async () => {
    const sandbox = createSandbox()
    writeFiles(sandbox.dir, { 'a.iso': GOOD })
    const upstream = await startHttpUpstream({ dir: sandbox.dir })
    const stopping = new AbortController()
    const context = {
      ...unpaced(),
      auth: null,
      peers: createPeers({ publicOnly: false, known: null }),
      signal: stopping.signal,
      log: () => {},
    }
    const asking = (parsed: boolean) =>
      sendRequest({
        context,
        options: { timeout_secs: 5, allow_downgrade: false },
        url: new URL(`${upstream.url}/a.iso`),
        headers: {},
        parsed,
      })
    for (const parsed of [true, false]) {
      const { response } = await asking(parsed)
      await response.body(() => {})
      response.close()
      await vi.waitFor(() => expect(getEventListeners(stopping.signal, 'abort')).toEqual([]), PATIENCE)
    }
    stopping.abort('interrupted')
    for (const parsed of [true, false]) await expect(asking(parsed)).rejects.toThrow()
    await upstream.stop()
    sandbox.remove()
  })
})
