// kinds.test.ts — Each kind of upstream through real proxies, with and without credentials: what is copied, and that
// nobody but the proxy reaches the upstream.
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitDaemon, writeFiles, type Credentials } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { sandboxForEach } from '../testing/kills.ts'
import { FILES, serveKind, type Kind } from '../testing/kinds.ts'
import { FROM_PROXY, startMicrosocks, startTinyproxy, type ProxyOptions } from '../testing/proxies/start.ts'
import { startWitness } from '../testing/proxies/witness.ts'
import { readTree, type Sandbox } from '../testing/sandbox.ts'

const LOGIN = { username: 'worker', password: 'pro xy:p@ss' }
const PLAIN = { username: 'worker', password: 'proxysecret' }

type Start = (options: ProxyOptions) => ReturnType<typeof startTinyproxy>
const PROXIES: readonly (readonly [string, Start, Partial<ProxyOptions>])[] = [
  ['tinyproxy', startTinyproxy, {}],
  ['tinyproxy with a password', startTinyproxy, { login: PLAIN }],
  ['SOCKS that finds names', startMicrosocks, {}],
  ['SOCKS that finds names, with a password', startMicrosocks, { login: LOGIN }],
  ['SOCKS that is given addresses', startMicrosocks, { scheme: 'socks5', login: LOGIN }],
]
const KINDS: readonly Kind[] = ['http file', 'http tree', 'git', 'rsync']

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))

const opened = async (start: Start, options: Partial<ProxyOptions>) => {
  const proxy = await start({ dir: sandbox.dir, ...options })
  stops.push(proxy.stop)
  return proxy
}
const witnessed = async (port: number) => {
  const witness = await startWitness(port)
  stops.push(witness.stop)
  return witness
}

describe.each(PROXIES)('through %s', (_name, start, options) => {
  it.each(KINDS)('%s is copied and followed, and only the proxy comes to the upstream', async (kind) => {
    const auth: Credentials = { username: 'bob', password: 'upstream secret' }
    const up = join(sandbox.dir, 'up')
    const { upstream, call } = await serveKind(kind, { up, auth, stops })
    const witness = await witnessed(upstream.port)
    const proxy = await opened(start, options)
    const proxied = {
      ...call,
      // A name, so that somebody has to find its address.
      upstream: call.upstream.replace(`127.0.0.1:${upstream.port}`, `localhost:${witness.port}`),
      auth: { type: 'basic', ...auth } as const,
      proxies: proxy.routes,
    }
    const report = await sandbox.sync(proxied)
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    if (kind === 'git') {
      const listed = await runChild('git', [`--git-dir=${sandbox.published}`, 'ls-tree', '-r', '--name-only', 'HEAD'])
      expect(listed.trim().split('\n').sort()).toEqual(Object.keys(FILES).sort())
      await commit(join(up, 'a.git'), { message: 'two', files: { more: 'more\n' } })
    } else writeFiles(join(up, 'files'), { more: 'more\n' })
    const again = await sandbox.sync(proxied)
    expect(again, again.message ?? '').toMatchObject({ outcome: 'success' })
    if (kind === 'rsync' || kind === 'http tree')
      expect(readTree(sandbox.published)).toEqual(readTree(join(up, 'files')))
    expect(witness.seen.length).toBeGreaterThan(0)
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
    const log = sandbox.log(report)
    expect(log).toContain(`through the proxy ${proxy.server.scheme}://127.0.0.1:${proxy.server.port}`)
    expect(log).not.toContain(LOGIN.password)
  })

  it('git:// is copied, and only the proxy comes to the upstream', async () => {
    const up = join(sandbox.dir, 'up')
    await ensureRepository(join(up, 'a.git'))
    await commit(join(up, 'a.git'), { message: 'one', files: FILES })
    const daemon = await startGitDaemon({ dir: up })
    stops.push(daemon.stop)
    const witness = await witnessed(daemon.port)
    const { routes } = await opened(start, options)
    const upstream = `git://localhost:${witness.port}/a.git`
    const report = await sandbox.sync({ kind: 'git', upstream, proxies: routes })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(new Set(witness.seen)).toEqual(new Set([FROM_PROXY]))
  })
})
