// moved.test.ts — Upstreams that answer with redirects: followed on the first request, within the rules for addresses;
// the report has the new address, and nothing is remembered.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitUpstream, startHttpUpstream, type Upstream } from '@kagami/demo'
import { beforeEach, describe, expect, it } from 'vitest'
import { sandboxForEach } from '../../testing/kills.ts'
import { createLfsSandbox } from '../../testing/lfs-server.ts'
import { mentions, readTree, type Sandbox, type SyncCall } from '../../testing/sandbox.ts'

const QUERY = 'info/refs?service=git-upload-pack'
const ME = { username: 'me', password: 'correct-horse-battery' }
type Answer = (request: IncomingMessage, response: ServerResponse) => boolean

let sandbox: Sandbox
let repository: string
let here: Upstream
let there: Upstream
/** Where requests of a path are sent, by its first part; of both servers. */
let moves: Map<string, readonly [status: number, location: string]>
let asked: { server: string; path: string; authorization: string | undefined }[]
const stops = sandboxForEach((fresh) => (sandbox = fresh))

beforeEach(async () => {
  moves = new Map()
  asked = []
  const dir = join(sandbox.dir, 'up')
  repository = join(dir, 'new.git')
  await ensureRepository(repository)
  await commit(repository, { message: 'one', files: { one: '1\n', big: randomBytes(50_000).toString('hex') } })
  here = await serve('here')
  there = await serve('there')
})

const serve = async (server: string, more: Partial<Parameters<typeof startGitUpstream>[0]> = {}) => {
  const upstream = await startGitUpstream({ dir: join(sandbox.dir, 'up'), intercept: redirect(server), ...more })
  stops.push(upstream.stop)
  return upstream
}
const redirect =
  (server: string): Answer =>
  (request, response) => {
    const { url = '', headers } = request
    asked.push({ server, path: url, authorization: headers.authorization })
    const found = moves.get(url.split('/')[1] ?? '')
    if (found) response.writeHead(found[0], { location: found[1] }).end('<html>moved</html>')
    return found !== undefined
  }
const sync = (more: Partial<SyncCall> = {}) => sandbox.sync({ kind: 'git', upstream: `${here.url}/old.git`, ...more })
const tips = (gitDir: string) => runChild('git', [`--git-dir=${gitDir}`, 'for-each-ref'])
const isUpToDate = async () => expect(await tips(sandbox.published)).toBe(await tips(repository))

describe('a repository that was renamed', () => {
  it.each([301, 308])('for good (%i) is followed, and the report says how to make that last', async (status) => {
    moves.set('old.git', [status, `/new.git/${QUERY}`])
    const report = await sync()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(report.message).toContain(
      `the upstream moved to ${here.url}/new.git, and was followed for this sync: kagami replicas edit copy ` +
        `--upstream ${here.url}/new.git`,
    )
    await isUpToDate()
  })

  it.each([302, 303, 307])('for this time (%i) is followed, and no other address is recommended', async (status) => {
    moves.set('old.git', [status, `${here.url}/new.git/info/refs`])
    const report = await sync()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(report.message).toBe(`the upstream sent us to ${here.url}/new.git for this time`)
    await isUpToDate()
  })

  it('is asked for at its old address each time, and only the first request goes there', async () => {
    moves.set('old.git', [301, `/new.git/${QUERY}`])
    await sync()
    await commit(repository, { message: 'two', files: { two: '2\n' } })
    asked.length = 0
    expect(await sync()).toMatchObject({ outcome: 'success' })
    await isUpToDate()
    expect(asked.filter(({ path }) => path.startsWith('/old.git')).map(({ path }) => path)).toEqual([
      `/old.git/${QUERY}`,
    ])
    expect(readFileSync(join(sandbox.published, 'config'), 'utf8')).toContain(`url = "${here.url}/old.git"`)
    expect(mentions(join(sandbox.dataDir, '.kagami', 'trees'), 'new.git')).toBe(false)
    moves.clear()
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'upstream_missing' })
    await isUpToDate()
  })

  it('is followed with publish = "swap"', async () => {
    moves.set('old.git', [301, `/new.git/${QUERY}`])
    await sync({ options: { publish: 'swap' } })
    await commit(repository, { message: 'two', files: { two: '2\n' } })
    expect(await sync({ options: { publish: 'swap' } })).toMatchObject({ outcome: 'success' })
    await isUpToDate()
  })

  it('is still held when it comes back without its history', async () => {
    moves.set('old.git', [301, `/new.git/${QUERY}`])
    await sync()
    const before = readTree(sandbox.published)
    await ensureRepository(join(sandbox.dir, 'up', 'empty.git'))
    moves.set('old.git', [301, `/empty.git/${QUERY}`])
    expect(await sync()).toMatchObject({ outcome: 'held', reason: 'upstream_empty' })
    expect({ ...readTree(sandbox.published), config: '' }).toEqual({ ...before, config: '' })
  })

  it('is followed by the address that was checked, whatever name it has', async () => {
    moves.set('old.git', [301, `http://moved.example.org:${there.port}/new.git/${QUERY}`])
    const report = await sync({ foundAt: '127.0.0.1' })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(asked.filter(({ server }) => server === 'there').length).toBeGreaterThan(1)
    await isUpToDate()
  })

  it('is followed to a plain web server', async () => {
    await runChild('git', [`--git-dir=${repository}`, 'update-server-info'])
    const plain = await startHttpUpstream({ dir: join(sandbox.dir, 'up') })
    stops.push(plain.stop)
    moves.set('old.git', [301, `${plain.url}/new.git/${QUERY}`])
    const report = await sync()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    await isUpToDate()
  })

  it('has its LFS objects at the new address', async () => {
    const lfs = await createLfsSandbox()
    stops.push(lfs.stop)
    const files = await lfs.pushFirst()
    moves.set('old.git', [301, `${lfs.upstream.url}/a.git/${QUERY}`])
    const report = await lfs.syncLfs({}, { upstream: `${here.url}/old.git` })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(await lfs.strangeInClone(files)).toEqual([])
    expect(asked).toHaveLength(1)
  })
})

describe('credentials', () => {
  const auth = { type: 'basic', ...ME } as const
  const closed = async () => (here = await serve('here', { auth: ME }))
  const sent = () => asked.filter(({ authorization }) => authorization !== undefined).map(({ server }) => server)

  it('go to another repository of the same origin', async () => {
    await closed()
    moves.set('old.git', [301, `/new.git/${QUERY}`])
    const report = await sync({ auth })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    await isUpToDate()
  })

  it.each(['another port', 'another name of the host'])('do not go to %s', async (where) => {
    await closed()
    const target = where === 'another port' ? there.url : `http://localhost:${there.port}`
    moves.set('old.git', [301, `${target}/new.git/${QUERY}`])
    const report = await sync({ auth })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(new Set(sent())).toEqual(new Set(['here']))
    expect(sandbox.log(report)).toContain(`the credentials are for ${here.url} and are not sent there`)
  })

  it('do not go to a server that asks for them', async () => {
    await closed()
    const headers: (string | undefined)[] = []
    const asking = await serve('asking', {
      intercept(request, response) {
        headers.push(request.headers.authorization)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
        return true
      },
    })
    moves.set('old.git', [301, `${asking.url}/new.git/${QUERY}`])
    const report = await sync({ auth })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
    expect(report.message).toContain(`moved to ${asking.url}/new.git, which wants credentials`)
    expect(report.message).toContain(`are for ${here.url} and were not sent there`)
    expect([headers.length > 0, new Set(headers)]).toEqual([true, new Set([undefined])])
    expect(JSON.stringify(report) + sandbox.log(report)).not.toContain(ME.password)
  })

  it('go to their own origin again after another', async () => {
    await closed()
    moves.set('old.git', [301, `${there.url}/between.git/${QUERY}`])
    moves.set('between.git', [301, `${here.url}/new.git/${QUERY}`])
    const report = await sync({ auth })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(new Set(sent())).toEqual(new Set(['here']))
  })
})

describe('a redirect is refused, and the copy stays,', () => {
  const against = async (location: string, more: Partial<SyncCall> = {}) => {
    moves.set('old.git', [301, `/new.git/${QUERY}`])
    expect(await sync()).toMatchObject({ outcome: 'success' })
    const before = readTree(sandbox.published)
    moves.set('old.git', [302, location])
    const report = await sync(more)
    expect(readTree(sandbox.published)).toEqual(before)
    return report
  }

  it.each([
    ['/users/sign_in', 'no address of a repository'],
    ['/users/sign_in?return=/old.git/info/refs&token=hidden', 'no address of a repository'],
    ['/new.git', 'no address of a repository'],
    ['/new.git/info/refs?service=git-upload-pack&token=hidden', 'no address of a repository'],
    ['/new.git/info/refs?service=git-receive-pack', 'no address of a repository'],
  ])('that leads to %s: %s', async (location, words) => {
    const report = await against(location)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_missing' })
    expect(report.message).toContain(words)
    expect(report.message).toContain(`${here.url}${location.split('?')[0]}`)
    expect(JSON.stringify(report) + sandbox.log(report)).not.toContain('hidden')
  })

  it.each([
    ['ftp://127.0.0.1/new.git/info/refs', 'is not an address we follow'],
    ['file:///etc/passwd/info/refs', 'is not an address we follow'],
    ['ext::sh -c id%20/info/refs', 'is not an address we follow'],
    ['http://me:hidden@127.0.0.1:1/new.git/info/refs', 'with a user name or password'],
    ['http://[/info/refs', 'something that is not an address'],
  ])('that leads to %s', async (location, words) => {
    const report = await against(location)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    expect(report.message).toContain(words)
    expect(JSON.stringify(report) + sandbox.log(report)).not.toContain('hidden')
  })

  it.each(['127.0.0.1', '10.1.2.3', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', '169.254.169.254'])(
    'from a public upstream to %s',
    async (host) => {
      const upstream = `http://git.example.org:${here.port}/old.git`
      const location = `http://${host}:${there.port}/new.git/${QUERY}`
      const report = await against(location, { publicOnly: true, foundAt: '127.0.0.1', upstream })
      expect(report).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
      expect(asked.filter(({ server }) => server === 'there')).toEqual([])
    },
  )

  it('where addresses of a cloud machine are private too', async () => {
    const report = await against(`http://169.254.169.254/new.git/${QUERY}`)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
  })

  it('that leads to itself', async () => {
    const report = await against(`/old.git/${QUERY}`)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    expect(report.message).toContain('redirects more than 5 times')
  })

  it('that is the sixth; five are followed', async () => {
    for (const hop of [1, 2, 3, 4]) moves.set(`hop${hop}`, [301, `/hop${hop + 1}/${QUERY}`])
    moves.set('hop5', [301, `/new.git/${QUERY}`])
    expect((await against(`/hop1/${QUERY}`)).message).toContain('redirects more than 5 times')
    moves.set('old.git', [301, `/hop2/${QUERY}`])
    expect(await sync()).toMatchObject({ outcome: 'success' })
  })

  it('that comes after the first answer', async () => {
    moves.set('old.git', [301, `/new.git/${QUERY}`])
    expect(await sync()).toMatchObject({ outcome: 'success' })
    const before = readTree(sandbox.published)
    await commit(repository, { message: 'two', files: { two: '2\n' } })
    const late = await serve('late', {
      intercept(request, response) {
        const isLate = request.method === 'POST'
        if (isLate) response.writeHead(307, { location: `${there.url}/new.git/git-upload-pack` }).end()
        return isLate
      },
    })
    const report = await sync({ upstream: `${late.url}/new.git` })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_missing' })
    expect(report.message).toContain('in the middle of a sync')
    expect(readTree(sandbox.published)).toEqual(before)
  })

  it('that leads to a web page', async () => {
    const page = await serve('page', {
      intercept(_request, response) {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html><html>Sign in</html>')
        return true
      },
    })
    expect(await against(`${page.url}/new.git/${QUERY}`)).toMatchObject({
      outcome: 'failed',
      reason: 'content_invalid',
    })
  })
})
