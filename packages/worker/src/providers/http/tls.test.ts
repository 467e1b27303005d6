// tls.test.ts — https with certificates of a private authority: which are trusted, which refused, and how few
// connections a tree takes.
import { execFileSync } from 'node:child_process'
import { readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, writeFiles, type Upstream } from '@kagami/demo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sandboxForEach } from '../../testing/kills.ts'
import { trustAlso } from '../../programs/trust.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'
import { makeAuthority, makeSelfSigned, type Authority, type Certified } from '../../testing/certificates.ts'
import { startWebServer, type WebServer, type WebServerOptions } from '../../testing/web-servers.ts'

const OLD = 1_600_000_000
const HOSTS = ['127.0.0.1', 'localhost']
const FILES = Object.fromEntries(
  Array.from({ length: 500 }, (_, file) => [`d${file % 10}/f${file}.bin`, `content of ${file}\n`.repeat(50)]),
)

let place: Sandbox
let authority: Authority
let good: Certified
beforeAll(async () => {
  place = createSandbox()
  execFileSync('chmod', ['755', place.dir])
  authority = await makeAuthority(place.dir)
  good = await authority.sign('good', HOSTS)
  trustAlso(authority.certificate, join(place.dir, 'bundle.pem'))
})
afterAll(() => place.remove())

describe('over https, with an authority of one’s own,', () => {
  let sandbox: Sandbox
  let root: string
  let server: WebServer
  const stops = sandboxForEach((fresh) => {
    sandbox = fresh
    execFileSync('chmod', ['755', sandbox.dir])
    root = join(sandbox.dir, 'upstream')
    old({ 'a.iso': 'a'.repeat(5000), 'sub/b.txt': 'b\n' })
  })
  const old = (files: Record<string, string>) => {
    writeFiles(root, files)
    for (const path of Object.keys(files)) utimesSync(join(root, path), OLD, OLD)
  }
  const serve = async (
    kind: Parameters<typeof startWebServer>[0],
    tls: Certified,
    more: Partial<WebServerOptions> = {},
  ) => {
    server = await startWebServer(kind, { root, state: join(sandbox.dir, 'state'), tls, ...more })
    stops.push(server.stop)
  }
  const sync = (path = '/', host = '127.0.0.1') =>
    sandbox.sync({
      kind: 'http',
      upstream: `https://${host}:${server.port}${path}`,
      options: { max_shrink_percent: 100 },
    })
  const connections = () =>
    new Set(
      readFileSync(join(sandbox.dir, 'state', 'access.log'), 'utf8')
        .trim()
        .split('\n'),
    ).size

  it.each(['nginx', 'Apache, fancy', 'Caddy'] as const)(
    'a tree behind %s is copied whole, not copied twice, and followed',
    async (kind) => {
      await serve(kind, good)
      const first = await sync()
      expect(first, first.message ?? '').toMatchObject({ outcome: 'success', files: 2 })
      expect(readTree(sandbox.published)).toEqual(readTree(root))
      expect(await sync()).toMatchObject({ outcome: 'success', bytes: 0 })
      writeFiles(root, { 'sub/b.txt': 'another b\n', 'new.txt': 'new\n' })
      expect(await sync()).toMatchObject({ outcome: 'success' })
      expect(readTree(sandbox.published)).toEqual(readTree(root))
    },
  )

  it('a single file is copied, not copied twice, and followed', async () => {
    await serve('nginx', good)
    expect(await sync('/a.iso')).toMatchObject({ outcome: 'success', bytes: 5000 })
    expect(await sync('/a.iso')).toMatchObject({ outcome: 'success', bytes: 0 })
    writeFiles(root, { 'a.iso': 'other' })
    expect(await sync('/a.iso')).toMatchObject({ outcome: 'success', bytes: 5 })
    expect(readTree(sandbox.published)).toEqual({ 'a.iso': 'other' })
  })

  it('a tree of 500 small files takes a handful of connections', async () => {
    old(FILES)
    await serve('nginx', good)
    expect(await sync()).toMatchObject({ outcome: 'success', files: 502 })
    expect(readTree(sandbox.published)).toEqual(readTree(root))
    // One for the first listing, and `parallel` each for listings and files.
    expect(connections()).toBeLessThanOrEqual(9)
  })

  it('a download that broke off goes on where it was', async () => {
    old({ 'large.iso': 'x'.repeat(3_000_000) })
    await serve('nginx', good, { rules: 'limit_rate 1m;' })
    const stopping = new AbortController()
    const upstream = `${server.url}/large.iso`
    const broken = await sandbox.sync({
      kind: 'http',
      upstream,
      signal: stopping.signal,
      onProgress: ({ bytes }) => (bytes ?? 0) > 100_000 && stopping.abort('interrupted'),
    })
    expect(broken).toMatchObject({ outcome: 'interrupted' })
    const rest = await sandbox.sync({ kind: 'http', upstream })
    expect(rest, rest.message ?? '').toMatchObject({ outcome: 'success' })
    expect(rest.bytes).toBeLessThan(2_950_000)
    expect(readTree(sandbox.published)['large.iso']).toEqual(readTree(root)['large.iso'])
  })

  const bad: [string, string, () => Promise<Certified>][] = [
    ['has expired', 'has expired', () => authority.sign('expired', HOSTS, true)],
    ['is for another host', 'for another host', () => authority.sign('elsewhere', ['elsewhere.example'])],
    ['only speaks for itself', 'ca_file', () => makeSelfSigned(place.dir, HOSTS)],
  ]
  it.each(bad)('a certificate that %s is refused, and the copy stays', async (_what, said, make) => {
    await serve('nginx', good)
    await sync()
    const before = readTree(sandbox.published)
    await server.stop()
    writeFiles(root, { 'a.iso': 'evil' })
    await serve('nginx', await make(), { port: server.port })
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    expect(report.message).toContain(said)
    expect(report.message).toContain('certificate')
    expect(readTree(sandbox.published)).toEqual(before)
  })

  it('a certificate is held against the name in the address', async () => {
    await serve('nginx', await authority.sign('named', ['localhost']))
    expect(await sync('/a.iso', 'localhost')).toMatchObject({ outcome: 'success' })
    expect(await sync('/a.iso', '127.0.0.1')).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
  })

  it('a redirect to plain http is refused for a file and a tree, and the copy stays', async () => {
    const plain: Upstream = await startHttpUpstream({ dir: root, listings: true })
    stops.push(plain.stop)
    await serve('nginx', good, {
      rules:
        `location = /moved.iso { return 302 ${plain.url}/a.iso; } location = /moved/ { return 301 ` +
        `${plain.url}/; }`,
    })
    for (const path of ['/moved.iso', '/moved/']) {
      const report = await sync(path)
      expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
      expect(report.message).toContain('allow_downgrade')
      expect(() => readTree(sandbox.published)).toThrow()
    }
  })

  it('a git mirror follows no redirect to plain http', async () => {
    await serve('nginx', good, { rules: 'location /old.git/ { return 301 http://127.0.0.1:1/new.git/info/refs; }' })
    const report = await sandbox.sync({ kind: 'git', upstream: `${server.url}/old.git` })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    expect(report.message).toContain('from https to http://127.0.0.1:1, where anybody could change what comes')
    expect(report.message).not.toContain('allow_downgrade')
  })

  it('a git mirror believes the same authority, and refuses the same certificates', async () => {
    execFileSync(
      'sh',
      [
        '-c',
        'git init -q work && cd work && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one ' +
          '&& git clone -q --bare . ../upstream/repo.git && git -C ../upstream/repo.git update-server-info',
      ],
      { cwd: sandbox.dir },
    )
    await serve('nginx', good)
    const git = () => sandbox.sync({ kind: 'git', upstream: `${server.url}/repo.git` })
    const report = await git()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success', files: 1 })
    await server.stop()
    await serve('nginx', await makeSelfSigned(place.dir, HOSTS), { port: server.port })
    expect(await git()).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
  })
})
