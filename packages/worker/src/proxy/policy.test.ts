// policy.test.ts — What the rules for addresses still promise behind a proxy: what is an address is refused before the
// proxy is asked, in every spelling; what is a name is the proxy's, and is never led to a private address.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { createPeers } from '../sync/peers.ts'
import { startBareServer } from '../testing/hostile.ts'
import { sandboxForEach } from '../testing/kills.ts'
import { routesBy } from '../testing/proxies/start.ts'
import type { Sandbox } from '../testing/sandbox.ts'
import { isExempt } from './exempt.ts'
import { createRunProxies } from './run.ts'
import type { ProxyServer } from './server.ts'

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))
const at = (scheme: ProxyServer['scheme'], port: number): ProxyServer => ({
  scheme,
  host: '127.0.0.1',
  port,
  login: null,
})

/** A proxy that only counts who comes. */
const countingProxy = async () => {
  const count = { asked: 0 }
  const { port, stop } = await startBareServer((socket) => {
    count.asked++
    socket.destroy()
  })
  stops.push(stop)
  return { port, count }
}

describe('an upstream that is never allowed', () => {
  const FORBIDDEN = [
    ['http', 'http://169.254.169.254/latest/'],
    ['http', 'http://2852039166/latest/'],
    ['http', 'http://[::ffff:a9fe:a9fe]/latest'],
    ['http', 'http://metadata.google.internal/'],
    ['http', 'http://Metadata.Google.Internal./x'],
    ['git', 'http://169.254.169.254/a.git'],
    ['git', 'git://169.254.169.254/a.git'],
    ['git', 'git://2852039166/a.git'],
    ['git', 'git://0xa9fea9fe/a.git'],
    ['rsync', 'rsync://169.254.169.254/a/'],
    ['rsync', 'rsync://2852039166/a/'],
    ['rsync', 'rsync://0xa9.254.0251.254/a/'],
    ['rsync', 'rsync://metadata.google.internal/a/'],
  ] as const
  it.each(['http', 'socks5h', 'socks5'] as const)('is refused before the %s proxy is asked', async (scheme) => {
    const { port, count } = await countingProxy()
    for (const [kind, upstream] of FORBIDDEN) {
      // What is given addresses needs names that are known here.
      if (scheme === 'socks5' && /google/i.test(upstream)) continue
      const report = await sandbox.sync({ kind, upstream, proxies: routesBy(at(scheme, port)) })
      expect(report, `${upstream}: ${report.message}`).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
    }
    expect(count.asked).toBe(0)
  })

  it.each(['http', 'socks5h', 'socks5'] as const)(
    'is any private one where only public ones are, and the %s proxy is not asked',
    async (scheme) => {
      const { port, count } = await countingProxy()
      for (const [kind, upstream] of [
        ['http', 'http://10.0.0.1/'],
        ['http', 'http://localhost/'],
        ...(scheme === 'socks5' ? [] : [['http', 'http://x.localhost/a'] as const]),
        ['http', 'http://[::1]/'],
        ['git', 'https://192.168.1.1/a.git'],
        ['git', 'git://localhost/a.git'],
        ['git', 'git://2130706433/a.git'],
        ['rsync', 'rsync://127.1/a/'],
        ['rsync', 'rsync://LOCALHOST/a/'],
      ] as const) {
        const report = await sandbox.sync({ kind, upstream, publicOnly: true, proxies: routesBy(at(scheme, port)) })
        expect(report, `${upstream}: ${report.message}`).toMatchObject({ outcome: 'failed' })
        expect(report.reason).toBe('address_forbidden')
      }
      expect(count.asked).toBe(0)
    },
  )
})

describe('a name that only the proxy resolves', () => {
  /** A proxy that answers for every host itself. */
  const answering = async (answer: (url: URL, response: ServerResponse) => void) => {
    const asked: string[] = []
    const server = createServer((request: IncomingMessage, response) => {
      asked.push(request.url ?? '')
      answer(new URL(request.url ?? ''), response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => void server.close(() => resolve())))
    return { asked, proxies: routesBy(at('http', (server.address() as AddressInfo).port)) }
  }

  it('is asked for, and nothing is believed about where it is', async () => {
    const { asked, proxies } = await answering((_url, response) => void response.end('content\n'))
    const upstream = 'http://mirror.example/dists/Release?x=1'
    const report = await sandbox.sync({ kind: 'http', upstream, publicOnly: true, proxies })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(asked).toEqual([upstream])
    const marker = readFileSync(join(sandbox.dataDir, '.kagami', 'trees', 'copy.json'), 'utf8')
    expect(marker).not.toContain('reach')
  })

  it('does not lead to a private address, unless the replica allows it', async () => {
    const { asked, proxies } = await answering((url, response) => {
      if (url.hostname === '10.0.0.1') return void response.end('inside\n')
      response.writeHead(302, { location: 'http://10.0.0.1/a' }).end()
    })
    const call = { kind: 'http', upstream: 'http://mirror.example/a', proxies }
    const report = await sandbox.sync(call)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
    expect(report.message).toContain('whose address only the proxy knows')
    expect(asked).toEqual(['http://mirror.example/a'])
    expect(await sandbox.sync({ ...call, options: { allow_private: true } })).toMatchObject({ outcome: 'success' })
    const never = await answering((_url, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/a' }).end()
    })
    for (const options of [{}, { allow_private: true }])
      expect(await sandbox.sync({ ...call, options, proxies: never.proxies })).toMatchObject({
        reason: 'address_forbidden',
      })
    expect(never.asked).toHaveLength(2)
  })

  it('is not led from a repository to a private address', async () => {
    const { asked, proxies } = await answering((url, response) => {
      response.writeHead(301, { location: `http://192.168.7.7${url.pathname}${url.search}` }).end()
    })
    const report = await sandbox.sync({ kind: 'git', upstream: 'http://git.example/a.git', proxies })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
    expect(asked).toHaveLength(1)
  })

  it('may be private where earlier syncs found it there', () => {
    const signal = new AbortController().signal
    const proxies = createRunProxies(routesBy(at('http', 1)), {
      signal,
      resolve: () => Promise.resolve([]),
      log: () => {},
    })
    const peers = createPeers({ publicOnly: false, known: 'private', proxies })
    peers.via({ protocol: 'http:', hostname: 'mirror.lan' })
    expect(() => peers.check('10.0.0.1')).not.toThrow()
    const others = createPeers({ publicOnly: false, known: 'public', proxies })
    expect(() => others.via({ protocol: 'http:', hostname: 'localhost' })).toThrow(/private address localhost/)
    expect(others.reach).toBe(null)
  })
})

describe('a host that is reached directly', () => {
  it('keeps its rules where other ways lead through a proxy', () => {
    const signal = new AbortController().signal
    const routes = { ...routesBy(at('http', 1), ['mirror.lan']), http: null }
    const proxies = createRunProxies(routes, { signal, resolve: () => Promise.resolve([]), log: () => {} })
    const peers = createPeers({ publicOnly: false, known: null, proxies })
    expect(peers.via({ protocol: 'http:', hostname: 'localhost' })).toBe(null)
    expect(peers.via({ protocol: 'https:', hostname: 'mirror.lan' })).toBe(null)
    peers.check('10.0.0.1')
    expect(peers.reach).toBe('private')
    expect(peers.via({ protocol: 'https:', hostname: 'cdn.example' })?.label).toBe('http://127.0.0.1:1')
    expect(() => peers.check('10.0.0.1')).not.toThrow()
    const others = createPeers({ publicOnly: false, known: null, proxies })
    others.via({ protocol: 'https:', hostname: 'cdn.example' })
    expect(() => others.check('10.0.0.1')).toThrow(/whose address only the proxy knows/)
  })
})

describe('a proxy that is given addresses', () => {
  it('is given only those that are allowed', async () => {
    const { port, count } = await countingProxy()
    const call = { kind: 'http', upstream: 'http://localhost:9/a', proxies: routesBy(at('socks5', port)) }
    expect(await sandbox.sync({ ...call, publicOnly: true })).toMatchObject({ reason: 'address_forbidden' })
    expect(count.asked).toBe(0)
    expect(await sandbox.sync(call)).toMatchObject({ reason: 'upstream_unreachable' })
    expect(count.asked).toBeGreaterThan(0)
  })
})

describe('no_proxy', () => {
  test.each([
    ['mirror.lan', 'mirror.lan', true],
    ['a.mirror.lan', 'mirror.lan', true],
    ['a.mirror.lan.', '.Mirror.LAN', true],
    ['a.mirror.lan', '*.mirror.lan', true],
    ['mirror.lan', 'irror.lan', false],
    ['mirror.lan.example', 'mirror.lan', false],
    ['10.2.3.4', '10.0.0.0/8', true],
    ['11.2.3.4', '10.0.0.0/8', false],
    ['10.2.3.4', '10.2.3.4', true],
    ['10.2.3.4', '3.4', false],
    ['[fd00::1]', 'fd00::/8', true],
    ['fd00::1', '10.0.0.0/8', false],
    ['mirror.lan', '10.0.0.0/8', false],
    ['anything', '*', true],
    ['10.2.3.4', '10.0.0.0/99', false],
  ])('%s and "%s": %s', (host, entry, exempt) => expect(isExempt(host, [entry])).toBe(exempt))
})
