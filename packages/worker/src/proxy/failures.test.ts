// failures.test.ts — Proxies that are down, silent, confused, or want other credentials, and ports they do not open:
// each sync fails with a reason that names the proxy, and nobody goes around it.
import { join } from 'node:path'
import { freePort } from '@kagami/demo'
import type { SyncReport } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { flood, startBareServer } from '../testing/hostile.ts'
import { sandboxForEach } from '../testing/kills.ts'
import { serveKind, type Kind } from '../testing/kinds.ts'
import { FROM_PROXY, routesBy, startMicrosocks, startTinyproxy } from '../testing/proxies/start.ts'
import { startWitness } from '../testing/proxies/witness.ts'
import { mentions, readTree, type Sandbox, type SyncCall } from '../testing/sandbox.ts'
import { labelOf, type ProxyServer } from './server.ts'

const LOGIN = { username: 'worker', password: 'proxysecret' }
const WRONG = { username: 'worker', password: 'anothersecret' }
const KINDS: readonly Kind[] = ['http file', 'http tree', 'git', 'rsync']

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))

const kept = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
  const started = await starting
  stops.push(started.stop)
  return started
}
const serve = async (kind: Kind) => {
  const { upstream, call } = await serveKind(kind, { up: join(sandbox.dir, 'up'), stops })
  const witness = await kept(startWitness(upstream.port))
  const at = (port: number): SyncCall => ({
    ...call,
    upstream: call.upstream.replace(`127.0.0.1:${upstream.port}`, `localhost:${port}`),
  })
  return { witness, call: at(witness.port), gone: at(await freePort()), stop: upstream.stop }
}
const at = (scheme: ProxyServer['scheme'], port: number, login: ProxyServer['login'] = null): ProxyServer => ({
  scheme,
  host: '127.0.0.1',
  port,
  login,
})
/** A failure that names the proxy and shows no secret, anywhere. */
const expectFailure = (report: SyncReport, reason: SyncReport['reason'], server: ProxyServer) => {
  expect(report, report.message ?? '').toMatchObject({ outcome: 'failed', reason })
  expect(report.message).toContain(labelOf(server))
  for (const { password } of [LOGIN, WRONG]) {
    expect(JSON.stringify(report)).not.toContain(password)
    expect(mentions(sandbox.dataDir, password)).toBe(false)
  }
}

describe.each(KINDS)('%s', (kind) => {
  it.each(['http', 'socks5h', 'socks5'] as const)(
    'fails while the %s proxy is down, and does not go around it',
    async (scheme) => {
      const { witness, call } = await serve(kind)
      const server = at(scheme, await freePort())
      const report = await sandbox.sync({ ...call, proxies: routesBy(server) })
      expectFailure(report, 'upstream_unreachable', server)
      expect(report.message).toContain('it refuses connections')
      expect(report.hint).toContain('worker.toml')
      expect(witness.seen).toEqual([])
    },
  )

  it('keeps its copy while the proxy is down, and goes on when it is back', async () => {
    const { witness, call } = await serve(kind)
    const { routes, server, stop } = await kept(startTinyproxy({ dir: sandbox.dir }))
    expect(await sandbox.sync({ ...call, proxies: routes })).toMatchObject({ outcome: 'success' })
    const before = readTree(sandbox.published)
    await stop()
    expectFailure(await sandbox.sync({ ...call, proxies: routes }), 'upstream_unreachable', server)
    expect(readTree(sandbox.published)).toEqual(before)
    const again = await kept(startTinyproxy({ dir: sandbox.dir }))
    expect(await sandbox.sync({ ...call, proxies: again.routes })).toMatchObject({ outcome: 'success' })
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
  })

  it.each([
    ['without credentials', null],
    ['with wrong ones', WRONG],
  ])('is refused by a proxy that wants credentials, %s', async (_how, login) => {
    const { witness, call } = await serve(kind)
    for (const start of [startTinyproxy, startMicrosocks]) {
      const { server } = await kept(start({ dir: sandbox.dir, login: LOGIN }))
      const report = await sandbox.sync({ ...call, proxies: routesBy({ ...server, login }) })
      expectFailure(report, 'auth_rejected', server)
    }
    expect(witness.seen).toEqual([])
  })

  it.each(['http', 'socks5h'] as const)('fails when what should be a %s proxy talks otherwise', async (scheme) => {
    const { witness, call } = await serve(kind)
    for (const greeting of ['SSH-2.0-OpenSSH_9.2\r\n\r\n', '\u0004\u0000\u0000\u0000', 'HTTP/1.1 abc\r\n\r\n', '']) {
      const strange = await kept(startBareServer((socket) => void socket.on('error', () => {}).end(greeting)))
      const server = at(scheme, strange.port, LOGIN)
      const report = await sandbox.sync({ ...call, proxies: routesBy(server), options: { retry_secs: 0 } })
      expect(report, report.message ?? '').toMatchObject({ outcome: 'failed' })
      expect(['upstream_unreachable', 'content_invalid', 'upstream_refused']).toContain(report.reason)
      expectFailure(report, report.reason, server)
    }
    expect(witness.seen).toEqual([])
  })

  it.each(['http', 'socks5h'] as const)('fails when the %s proxy answers without end', async (scheme) => {
    const { witness, call } = await serve(kind)
    const endless = await kept(
      startBareServer((socket) =>
        flood(
          socket.on('error', () => {}),
          'HTTP/1.1 200 OK\r\nx: y\r\n',
        ),
      ),
    )
    const report = await sandbox.sync({ ...call, proxies: routesBy(at(scheme, endless.port)), timeoutSeconds: 20 })
    expect(report).toMatchObject({ outcome: 'failed' })
    expect(witness.seen).toEqual([])
  })

  it('says when the upstream behind the proxy takes no connections', async () => {
    const { gone } = await serve(kind)
    for (const start of [startTinyproxy, startMicrosocks]) {
      const { server, routes } = await kept(start({ dir: sandbox.dir }))
      const report = await sandbox.sync({ ...gone, proxies: routes })
      expect(['upstream_unreachable', 'upstream_refused']).toContain(report.reason)
      expectFailure(report, report.reason, server)
    }
  })
})

describe('an upstream behind a proxy', () => {
  it.each([
    ['tinyproxy', startTinyproxy],
    ['microsocks', startMicrosocks],
  ] as const)('that breaks each connection is not reached (%s)', async (_name, start) => {
    const strange = await kept(
      startBareServer((socket) => void socket.on('error', () => {}).once('data', () => socket.resetAndDestroy())),
    )
    const { server, routes } = await kept(start({ dir: sandbox.dir }))
    for (const [kind, upstream] of [
      ['git', `http://localhost:${strange.port}/a.git`],
      ['http', `http://localhost:${strange.port}/a`],
      ['rsync', `rsync://localhost:${strange.port}/a/`],
    ] as const) {
      const report = await sandbox.sync({ kind, upstream, proxies: routes })
      expect(['upstream_unreachable', 'content_invalid']).toContain(report.reason)
      expectFailure(report, report.reason, server)
    }
  })
})

describe('a proxy that answers nothing', () => {
  it.each([
    ['http file', 'http', { timeout_secs: 5 }],
    ['http tree', 'socks5h', { timeout_secs: 5 }],
    ['rsync', 'socks5h', { timeout_secs: 10 }],
    ['git', 'socks5h', {}],
  ] as const)('ends a sync of the kind %s by itself', async (kind, scheme, options) => {
    const { witness, call } = await serve(kind)
    const silent = await kept(startBareServer((socket) => void socket.on('error', () => {})))
    const server = at(scheme, silent.port)
    const report = await sandbox.sync({ ...call, proxies: routesBy(server), options })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'failed', reason: 'timed_out' })
    expect(witness.seen).toEqual([])
  })

  it('does not keep a sync that is cancelled', async () => {
    const { call } = await serve('rsync')
    const stop = new AbortController()
    const silent = await kept(
      startBareServer((socket) => void socket.on('error', () => {}).once('data', () => stop.abort('cancelled'))),
    )
    const proxies = routesBy(at('socks5h', silent.port))
    expect(await sandbox.sync({ ...call, proxies, signal: stop.signal })).toMatchObject({ outcome: 'cancelled' })
  })
})

describe('an answer that is the proxy’s own', () => {
  it.each([
    ['http file', 503, 'upstream_unreachable'],
    ['http tree', 503, 'upstream_unreachable'],
    ['git', 503, 'upstream_unreachable'],
    ['http file', 403, 'upstream_refused'],
    ['http tree', 403, 'upstream_refused'],
    ['git', 403, 'upstream_refused'],
    ['git', 407, 'auth_rejected'],
    ['http tree', 407, 'auth_rejected'],
  ] as const)('is not taken for that of the upstream (%s, %i)', async (kind, status, reason) => {
    const { witness, call } = await serve(kind)
    // As squid answers.
    const answer = `HTTP/1.1 ${status} x\r\nx-squid-error: ERR_X 111\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`
    const squid = await kept(
      startBareServer((socket) => void socket.on('error', () => {}).once('data', () => socket.end(answer))),
    )
    const server = at('http', squid.port, LOGIN)
    expectFailure(await sandbox.sync({ ...call, proxies: routesBy(server) }), reason, server)
    expect(witness.seen).toEqual([])
  })

  it('is told from that of the upstream, which keeps its words', async () => {
    const served = await serveKind('http file', { up: join(sandbox.dir, 'up'), stops })
    const { routes, server } = await kept(startTinyproxy({ dir: sandbox.dir }))
    served.refuse(404)
    const missing = await sandbox.sync({ ...served.call, proxies: routes })
    expect(missing).toMatchObject({
      reason: 'upstream_missing',
      message: 'the upstream answered 404: there is no such file',
    })
    served.refuse(403)
    expectFailure(await sandbox.sync({ ...served.call, proxies: routes }), 'auth_rejected', server)
  })
})

describe('a proxy that opens tunnels to port 443 alone', () => {
  it.each(['http file', 'http tree', 'git'] as const)('lets %s through, which needs none over http', async (kind) => {
    const { witness, call } = await serve(kind)
    const { routes } = await kept(startTinyproxy({ dir: sandbox.dir, ports: [443] }))
    const report = await sandbox.sync({ ...call, proxies: routes })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
  })

  it('does not let rsync through, and the report says so', async () => {
    const { witness, call } = await serve('rsync')
    const { routes, server } = await kept(startTinyproxy({ dir: sandbox.dir, ports: [443] }))
    const report = await sandbox.sync({ ...call, proxies: routes })
    expectFailure(report, 'upstream_refused', server)
    expect(report.message).toContain(`does not let this worker connect to localhost:${witness.port}`)
    expect(witness.seen).toEqual([])
  })
})

describe('hosts of no_proxy', () => {
  it.each(KINDS)('are reached directly (%s)', async (kind) => {
    const { witness, call } = await serve(kind)
    const dead = at('http', await freePort())
    const report = await sandbox.sync({ ...call, proxies: routesBy(dead, ['localhost']) })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(new Set(witness.seen)).toEqual(new Set(['127.0.0.1']))
    expect(sandbox.log(report)).not.toContain('through the proxy')
  })
})
