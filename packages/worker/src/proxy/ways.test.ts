// ways.test.ts — What else leads through a proxy: https, LFS and ssh; and who sees the credentials of the proxy: only
// the proxy.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { commit, ensureRepository, startGitUpstream, startSshUpstream, writeFiles } from '@kagami/demo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRunProxies } from './run.ts'
import { trustAlso } from '../programs/trust.ts'
import { makeAuthority, type Certified } from '../testing/certificates.ts'
import { sandboxForEach } from '../testing/kills.ts'
import { serveKind } from '../testing/kinds.ts'
import { lfsForEach } from '../testing/lfs-server.ts'
import { FROM_PROXY, routesBy, startMicrosocks, startTinyproxy } from '../testing/proxies/start.ts'
import { startTlsFront } from '../testing/proxies/tls-front.ts'
import { startWitness } from '../testing/proxies/witness.ts'
import {
  commandLines,
  createSandbox,
  mentions,
  readTree,
  startStallingProxy,
  type Sandbox,
} from '../testing/sandbox.ts'
import { startWebServer } from '../testing/web-servers.ts'

const LOGIN = { username: 'worker', password: 'proxysecret' }
const STARTS = [
  ['an HTTP proxy', startTinyproxy],
  ['a SOCKS proxy', startMicrosocks],
] as const

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))
const kept = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
  const started = await starting
  stops.push(started.stop)
  return started
}

describe('over https', () => {
  let place: Sandbox
  let good: Certified
  beforeAll(async () => {
    place = createSandbox()
    execFileSync('chmod', ['755', place.dir])
    const authority = await makeAuthority(place.dir)
    good = await authority.sign('good', ['localhost'])
    trustAlso(authority.certificate, join(place.dir, 'bundle.pem'))
  })
  afterAll(() => place.remove())

  it.each(STARTS)('%s sees no more than host and port', async (_name, start) => {
    execFileSync('chmod', ['755', sandbox.dir])
    const root = join(sandbox.dir, 'root')
    writeFiles(root, Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`d${n % 3}/f${n}`, `${n}\n`.repeat(50)])))
    await ensureRepository(join(sandbox.dir, 'git', 'a.git'))
    await commit(join(sandbox.dir, 'git', 'a.git'), { message: 'one', files: { one: '1\n' } })
    const git = await kept(startGitUpstream({ dir: join(sandbox.dir, 'git') }))
    const rules = `location /a.git { proxy_pass http://127.0.0.1:${git.port}; proxy_request_buffering off; }`
    const server = await kept(startWebServer('nginx', { root, state: join(sandbox.dir, 'state'), tls: good, rules }))
    const witness = await kept(startWitness(server.port))
    const proxy = await kept(start({ dir: sandbox.dir, login: LOGIN }))
    const sync = (name: string, kind: string, path: string) =>
      sandbox.sync({
        name,
        replicaId: name,
        kind,
        upstream: `https://localhost:${witness.port}/${path}`,
        proxies: proxy.routes,
      })
    for (const report of [
      await sync('tree', 'http', ''),
      await sync('file', 'http', 'd1/f1'),
      await sync('repository', 'git', 'a.git'),
    ])
      expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(readTree(join(sandbox.dataDir, 'tree'))).toEqual(readTree(root))
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
    expect(proxy.log()).not.toContain('d1')
  })

  it.each(['http tree', 'git', 'rsync'] as const)('%s goes through a proxy that is https itself', async (kind) => {
    const { upstream, call } = await serveKind(kind, { up: join(sandbox.dir, 'up'), stops })
    const witness = await kept(startWitness(upstream.port))
    const inner = await kept(startTinyproxy({ dir: sandbox.dir, login: LOGIN }))
    const front = await kept(startTlsFront(inner.server.port, good))
    const server = { ...inner.server, scheme: 'https' as const, host: 'localhost', port: front.port }
    const report = await sandbox.sync({
      ...call,
      upstream: call.upstream.replace(`:${upstream.port}`, `:${witness.port}`),
      proxies: routesBy(server),
    })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
  })
})

describe('LFS objects', () => {
  const lfs = lfsForEach()

  it.each(STARTS)('come through %s, as the repository does', async (_name, start) => {
    const { routes, stop } = await start({ dir: lfs.sandbox.dir, login: LOGIN })
    const report = await lfs.sync({}, { proxies: routes })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(lfs.sandbox.fetched()).toHaveLength(2)
    await lfs.cloneIsWhole(lfs.first)
    await stop()
    await lfs.author.push({ lfs: { 'new.bin': Buffer.from('new') }, plain: {} })
    lfs.upstream.asked.length = 0
    expect(await lfs.sync({}, { proxies: routes })).toMatchObject({ reason: 'upstream_unreachable' })
    expect(lfs.upstream.asked).toEqual([])
  })
})

describe('over ssh', () => {
  it.each(STARTS)('git and rsync go through %s, and the host is known by its own name', async (_name, start) => {
    const repository = join(sandbox.dir, 'a.git')
    await ensureRepository(repository)
    await commit(repository, { message: 'one', files: { one: '1\n' } })
    writeFiles(join(sandbox.dir, 'files'), { one: '1\n', 'sub/two': '2\n' })
    const server = await kept(startSshUpstream({ dir: join(sandbox.dir, 'sshd') }))
    const witness = await kept(startWitness(server.port))
    const known_hosts = join(sandbox.dir, 'known')
    writeFileSync(
      known_hosts,
      server.known.replace('127.0.0.1', 'localhost').replace(`${server.port}`, `${witness.port}`),
    )
    const { routes } = await kept(start({ dir: sandbox.dir, login: LOGIN }))
    const sync = (kind: string, folder: string, ssh = { key: server.key, known_hosts }) =>
      sandbox.sync({
        name: kind,
        replicaId: kind,
        kind,
        upstream: `ssh://${server.user}@localhost:${witness.port}${join(sandbox.dir, folder)}`,
        ssh,
        proxies: routes,
      })
    for (const report of [await sync('git', 'a.git'), await sync('rsync', 'files/')])
      expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(readTree(join(sandbox.dataDir, 'rsync'))).toEqual(readTree(join(sandbox.dir, 'files')))
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
    const stranger = await sync('git', 'a.git', { key: server.key, known_hosts: join(sandbox.dir, 'none') })
    expect(stranger).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    expect(stranger.hint).toContain('kagami workers hosts add')
  })
})

describe('the credentials of a proxy', () => {
  /** Environments of all processes on this machine that this user may read. */
  const environments = () =>
    readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'latin1')
        } catch {
          return ''
        }
      })
      .join('\n')

  it.each(['git', 'rsync'] as const)('are seen by no program while %s runs, and stand in no file', async (kind) => {
    const { upstream, call } = await serveKind(kind, { up: join(sandbox.dir, 'up'), stops })
    // What cannot be compressed takes its time.
    const big = randomBytes(800_000).toString('hex')
    if (kind === 'git') await commit(join(sandbox.dir, 'up', 'a.git'), { message: 'big', files: { big } })
    else writeFiles(join(sandbox.dir, 'up', 'files'), { big })
    const stalling = await kept(startStallingProxy(upstream.port, 60_000))
    const { routes } = await kept(startTinyproxy({ dir: sandbox.dir, login: LOGIN }))
    const stop = new AbortController()
    let seen = ''
    void stalling.stalled.then(() => {
      seen = `${commandLines()}\n${environments()}`
      stop.abort('cancelled')
    })
    const report = await sandbox.sync({
      ...call,
      upstream: call.upstream.replace(`:${upstream.port}`, `:${stalling.port}`),
      proxies: routes,
      signal: stop.signal,
    })
    expect(report).toMatchObject({ outcome: 'cancelled' })
    // The program was looked at while it ran: it is told of the proxy on this machine.
    expect(seen).toContain('kagami:')
    for (const secret of [LOGIN.password, Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')]) {
      expect(seen).not.toContain(secret)
      expect(mentions(sandbox.dataDir, secret)).toBe(false)
      expect(JSON.stringify(report)).not.toContain(secret)
    }
  })

  it('are of no use to others: what programs are given wants a password, leads nowhere else, and ends', async () => {
    const { upstream } = await serveKind('http file', { up: join(sandbox.dir, 'up'), stops })
    const proxy = await kept(startTinyproxy({ dir: sandbox.dir, login: LOGIN }))
    const proxies = createRunProxies(proxy.routes, {
      signal: new AbortController().signal,
      resolve: (name) => Promise.resolve([name]),
      log: () => {},
    })
    const via = proxies.via({ protocol: 'http:', hostname: '127.0.0.1' })!
    const local = await via.local('127.0.0.1', upstream.port)
    /** Statuses of the answers to a request with the whole address, and to one for a tunnel. */
    const ask = (password: string | null, port: number) =>
      Promise.all(
        [`http://127.0.0.1:${port}/f1`, `127.0.0.1:${port}`].map(
          (path, tunnel) =>
            new Promise((resolve, reject) => {
              const pair = Buffer.from(`${local.username}:${password}`).toString('base64')
              const headers = password === null ? {} : { 'proxy-authorization': `Basic ${pair}` }
              const method = tunnel ? 'CONNECT' : 'GET'
              const asked = request({ host: '127.0.0.1', port: local.port, method, path, headers, agent: false })
              const settle = ({ statusCode }: IncomingMessage) => {
                resolve(statusCode)
                asked.destroy()
              }
              asked.on('response', settle).on('connect', settle).on('error', reject).end()
            }),
        ),
      )
    const elsewhere = await kept(startWitness(upstream.port))
    expect(await ask(local.password, upstream.port)).toEqual([200, 200])
    expect(await ask(null, upstream.port)).toEqual([407, 407])
    expect(await ask('x', upstream.port)).toEqual([407, 407])
    expect(await ask(local.password, elsewhere.port)).toEqual([403, 403])
    expect(elsewhere.seen).toEqual([])
    proxies.close()
    await expect.poll(() => ask(local.password, upstream.port).catch(() => 'closed')).toBe('closed')
  })
})
