// upstreams.test.ts — What real upstreams do to trees over http: circles, folders listed like files, listings that are
// cut or wrong, refusals, forbidden files, strange encodings.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { SyncReport } from '@kagami/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodePercent, pathBytes } from '../../names.ts'
import {
  listingPage,
  SERVED_AT,
  startListingServer,
  type ListingServer,
} from '../../testing/listings/listing-server.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'

const HOUR = 3600

describe.each(['in-place', 'swap'])('a tree over http, published %s,', (publish) => {
  let sandbox: Sandbox
  let server: ListingServer
  beforeEach(async () => {
    sandbox = createSandbox()
    server = await startListingServer()
  })
  afterEach(async () => {
    await server.stop()
    sandbox.remove()
  })
  const serve = (files: Record<string, string | Buffer>) => {
    for (const [path, body] of Object.entries(files)) server.files.set(path, { body })
  }
  const numbered = (folder: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${folder}f${index + 10}`, `file ${index}\n`]))
  const sync = (options: object = {}): Promise<SyncReport> =>
    sandbox.sync({ kind: 'http', upstream: server.url, options: { publish, ...options } })
  const succeeds = async (options: object = {}) => {
    const report = await sync(options)
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    return report
  }
  const copy = () => readTree(sandbox.published)
  const served = () =>
    Object.fromEntries([...server.files].map(([path, { body }]) => [decodeURIComponent(path), String(body)]))

  it('does not follow a folder that shows what is above it, and says so', async () => {
    serve(numbered('pool/', 5))
    serve({ README: 'read me\n' })
    // `ubuntu -> .`, at the top and below it.
    server.intercept = (path, _request, response) => {
      const inner = path.replace(/^(ubuntu\/)+/, '')
      const lines = [
        { name: 'README', time: SERVED_AT, size: 8 },
        { name: 'pool/', time: SERVED_AT, size: null },
        { name: 'ubuntu/', time: SERVED_AT, size: null },
      ]
      if (inner !== '') return false
      return Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end(listingPage(path, lines)))
    }
    const report = await succeeds()
    expect(copy()).toEqual(served())
    expect(report.left_out).toEqual({ count: 1, examples: [expect.stringContaining('ubuntu/: it shows the same')] })
    expect(await succeeds()).toMatchObject({ bytes: 0 })
  })

  it.each(['.kagami-http', '.kagami-http/x'])(
    'leaves out %s, whose name it needs itself, and says so',
    async (path) => {
      serve({ a: 'a\n', 'sub/.kagami-http': 'wanted\n', [path]: 'x' })
      for (let round = 0; round < 2; round++) {
        const report = await succeeds()
        expect(report.left_out).toEqual({ count: 1, examples: [expect.stringContaining('the name is reserved')] })
        expect(copy()).toEqual({ a: 'a\n', 'sub/.kagami-http': 'wanted\n' })
      }
    },
  )

  it('has folders that are listed without their slash as folders, however they answer', async () => {
    serve({ 'pool/a.deb': 'a\n', 'v1.2/b': 'b\n', 'plain/deep/c': 'c\n' })
    const page = '<html><body>a page, no listing</body></html>'
    server.files.set('about', { body: page, headers: { 'content-type': 'text/html' } })
    const lines = (names: string[]) => names.map((name) => ({ name, time: SERVED_AT, size: null }))
    const pages: Record<string, string> = {
      '': listingPage('', lines(['pool', 'v1.2', 'plain', 'about'])),
      'plain/': listingPage('plain/', lines(['deep'])),
      // This one answers without a redirect.
      'v1.2': listingPage('v1.2/', lines(['b'])),
    }
    server.intercept = (path, _request, response) =>
      pages[path] !== undefined && Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end(pages[path]))
    await succeeds()
    expect(copy()).toEqual(served())
    expect(await succeeds()).toMatchObject({ bytes: 0 })
    expect(copy()).toEqual(served())
  })

  it('follows a folder that becomes a file of any size, and a file that becomes a folder', async () => {
    const large = randomBytes(9_000_000)
    serve({ 'one/a': 'a\n', 'one/b/c': 'c\n', 'two/a': 'a\n', three: 'three\n', ...numbered('rest/', 20) })
    await succeeds()
    for (const path of ['one/a', 'one/b/c', 'two/a', 'three']) server.files.delete(path)
    serve({ one: 'small\n', two: large, 'three/x/y': 'y\n' })
    await succeeds()
    expect({ ...copy(), two: '' }).toEqual({ ...served(), two: '' })
    expect(copy().two).toContain('9000000 bytes')
  })

  it('keeps what a listing lacks that lost much though its folder did not change, and says so', async () => {
    serve({ ...numbered('pool/', 60), ...numbered('other/', 200) })
    await succeeds()
    const gone = [...server.files.keys()].filter((path) => path.startsWith('pool/')).slice(0, 15)
    const bodies = gone.map((path) => [path, server.files.get(path)!] as const)
    for (const path of gone) server.files.delete(path)
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(report.message).toContain('lists 45 entries where it had 60, though its time did not change')
    expect(Object.keys(copy())).toHaveLength(260)
    // It is whole again, as nothing had happened; then the folder changes in truth.
    for (const [path, file] of bodies) server.files.set(path, file)
    await succeeds()
    for (const path of gone) server.files.delete(path)
    server.folderTimes.set('pool/', SERVED_AT + HOUR)
    await succeeds()
    expect(Object.keys(copy())).toHaveLength(245)
  })

  it('is held when a folder that stays loses all it has, small as that is in the whole', async () => {
    serve({ ...numbered('dists/', 6), 'dists/sub/x': 'x\n', ...numbered('pool/', 300) })
    await succeeds()
    server.intercept = (path, _request, response) =>
      path === 'dists/' &&
      Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end(listingPage('dists/', [])))
    server.folderTimes.set('dists/', SERVED_AT + HOUR)
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'held', reason: 'too_many_deletions', hold: { removed: 7, total: 307 } })
    expect(report.message).toContain('the folder "dists" would have 0 of its 7 entries')
    expect(Object.keys(copy())).toHaveLength(307)
  })

  it('lists what it leaves out: names that cannot be kept, and files that may not be read', async () => {
    serve({ ...numbered('', 20), 'a%5Cb': 'backslash\n', 'new%0Aline': 'newline\n', 'caf%E9': 'latin\n' })
    const report = await succeeds()
    expect(report.left_out).toEqual({
      count: 2,
      examples: [expect.stringMatching(/^a\\\\b: /), expect.stringMatching(/^new\\012line: /)],
    })
    server.files.delete('f10')
    const forbids: ListingServer['intercept'] = (path, _request, response) =>
      ['f11', 'secret/'].includes(path) && Boolean(response.writeHead(403).end())
    server.intercept = forbids
    server.files.set('f11', { body: 'another\n', time: SERVED_AT + HOUR })
    serve({ 'secret/x': 'x\n' })
    const partial = await sync()
    expect(partial).toMatchObject({ outcome: 'failed', reason: 'partial', left_out: { count: 4 } })
    expect(copy()).toHaveProperty('f10')
    const skipping = await succeeds({ skip_forbidden: true })
    expect(skipping.left_out).toMatchObject({ count: 4 })
    expect(skipping.left_out?.examples.join()).toContain('secret/: the upstream lists it and answers 403')
    expect(copy()).not.toHaveProperty('f10')
    expect(copy()).toMatchObject({ f11: 'file 1\n' })
  })

  it('keeps what lies below a folder that may no longer be read, with skip_forbidden', async () => {
    serve({ ...numbered('pool/', 20), 'secret/x': 'x\n' })
    await succeeds()
    server.intercept = (path, _request, response) => path === 'secret/' && Boolean(response.writeHead(403).end())
    server.files.delete('pool/f10')
    server.folderTimes.set('pool/', SERVED_AT + HOUR)
    writeFileSync(join(sandbox.published, 'secret/unknown'), 'never listed\n')
    const sizes = { files: 21, size_bytes: Object.values(copy()).join('').length - copy()['pool/f10']!.length }
    expect(await succeeds({ skip_forbidden: true })).toMatchObject(sizes)
    expect(await succeeds({ skip_forbidden: true })).toMatchObject(sizes)
    expect(copy()).toHaveProperty('secret/x')
    expect(copy()).not.toHaveProperty('pool/f10')
    server.intercept = () => false
    expect(await succeeds()).toMatchObject({ bytes: 0 })
  })

  it('stores the bytes that are sent where an encoding is named for the name alone', async () => {
    const headers = { 'content-encoding': 'x-gzip' }
    for (const name of ['a.tar.gz.asc', 'a.tar.gz.sha256', 'a.tar.gz.sig'])
      server.files.set(name, { body: `signature ${name}\n`, headers })
    server.files.set('a.tar.gz', { body: gzipSync('content'), headers })
    server.files.set('b.tar.xz', { body: 'not xz at all\n', headers: { 'content-encoding': 'xz' } })
    await succeeds()
    expect(Object.keys(copy())).toHaveLength(5)
    server.files.set('c.txt', { body: gzipSync('packed on the way'), headers: { 'content-encoding': 'gzip' } })
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(report.message).toContain('c.txt: the upstream sends c.txt encoded as gzip')
    expect(copy()).not.toHaveProperty('c.txt')
  })

  it('is asked file by file once a listing is seen to be wrong', async () => {
    serve(numbered('', 40))
    await succeeds()
    // From now on the listing says less than the truth: the size of one file, and nothing of the change of another.
    server.files.set('f20', { body: 'longer than the listing says\n', time: SERVED_AT + HOUR })
    server.files.set('f30', { body: 'changed\n', time: SERVED_AT + HOUR })
    server.intercept = (path, _request, response) => {
      if (path !== '') return false
      const lines = [...server.files].map(([name, { body }]) => ({
        name,
        time: name === 'f20' ? SERVED_AT + HOUR : SERVED_AT,
        size: name === 'f20' ? 5 : name === 'f30' ? 8 : Buffer.byteLength(body),
      }))
      return Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end(listingPage('', lines)))
    }
    const report = await succeeds()
    expect(report.message).toContain('the listing was not believed in this sync: f20 has 29 bytes, the listing says 5')
    expect(copy()).toEqual(served())
  })

  it('takes no file that changed after it was listed for a wrong listing', async () => {
    serve(numbered('', 40))
    await succeeds()
    const listed = [...server.files].map(([name, { body }]) => ({
      name,
      time: SERVED_AT,
      size: Buffer.byteLength(body),
    }))
    const stale = listed.map((line) => (line.name === 'f20' ? { ...line, size: 5 } : line))
    server.intercept = (path, _request, response) =>
      path === '' && Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end(listingPage('', stale)))
    server.files.set('f20', { body: 'written a moment ago\n', time: Math.floor(Date.now() / 1000) })
    expect(await succeeds()).toMatchObject({ message: null })
    expect(copy()).toEqual(served())
    server.asked.length = 0
    await succeeds()
    expect(server.asked.filter((path) => path !== '')).toEqual(['f20'])
  })

  it('gets all files of a host that allows few requests, without being refused much', async () => {
    serve(numbered('', 150))
    const rate = 100
    let [tokens, at, answered, refused] = [20, performance.now(), 0, 0]
    server.intercept = (_path, _request, response) => {
      const now = performance.now()
      tokens = Math.min(20, tokens + ((now - at) / 1000) * rate)
      at = now
      if (tokens >= 1) {
        tokens--
        answered++
        return false
      }
      refused++
      return Boolean(response.writeHead(503).end('busy'))
    }
    const stalls = monitorEventLoopDelay()
    stalls.enable()
    const report = await succeeds()
    stalls.disable()
    expect(copy()).toEqual(served())
    expect(refused).toBeGreaterThan(0)
    // Server and worker stand still together when the machine is busy: what was under way then is refused at once.
    const stalledMs = stalls.max / 1e6
    const bound = answered / 4 + (stalledMs > 100 ? (stalledMs / 1000) * rate : 0)
    expect(refused, `${refused} refused, ${answered} answered: ${report.message}`).toBeLessThan(bound)
    expect(report.message).toMatch(/the upstream refused \d+ requests as too many and allowed about \d+ a second/)
  })

  it('gives up a host that refuses everything, keeps the copy, and says what it answers', async () => {
    serve(numbered('', 30))
    await succeeds()
    const before = copy()
    server.intercept = (path, _request, response) =>
      path !== '' && Boolean(response.writeHead(429, { 'retry-after': '120' }).end())
    for (const name of ['f10', 'f11', 'f12']) server.files.set(name, { body: `new ${name}\n`, time: SERVED_AT + HOUR })
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(report.message).toContain('the upstream answered 429 and asks to come back in 120 s: too many requests')
    expect(copy()).toEqual(before)
    expect(existsSync(join(sandbox.published, 'f10'))).toBe(true)
  })

  it('says what is up to date and what is in the way while nothing may be deleted', async () => {
    serve({ ...numbered('', 30), 'dir/x': 'x\n' })
    await succeeds()
    server.files.delete('dir/x')
    serve({ dir: 'a file now\n' })
    server.files.set('f10', { body: 'changed, and longer\n', time: SERVED_AT + HOUR })
    server.intercept = (path, _request, response) => path === 'f11' && Boolean(response.writeHead(500).end())
    server.files.set('f11', { body: 'changed too\n', time: SERVED_AT + HOUR })
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(report.message).toContain(
      'the rest is up to date but for 1 that something of another kind is in the way of, nothing was deleted',
    )
    expect(copy()).toMatchObject({ 'dir/x': 'x\n', f10: 'changed, and longer\n', f11: 'file 1\n' })
    server.intercept = () => false
    await succeeds()
    expect(copy()).toEqual(served())
  })

  it('takes over a tree that is there, with names of any bytes, and fetches none of it', async () => {
    serve({ ...numbered('', 20), 'caf%E9.txt': 'latin\n', 'Andr%E9/a': 'a\n' })
    for (const [path, { body }] of server.files) {
      const file = join(sandbox.published, decodePercent(path))
      mkdirSync(pathBytes(dirname(file)), { recursive: true })
      writeFileSync(pathBytes(file), body)
      utimesSync(pathBytes(file), SERVED_AT, SERVED_AT)
    }
    const call = { kind: 'http', upstream: server.url, options: { publish }, adoptExisting: true }
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', bytes: 0, files: 22 })
    server.files.delete('caf%E9.txt')
    server.files.delete('Andr%E9/a')
    await succeeds()
    expect(copy()).toEqual(served())
  })

  it('takes no more bytes a second than it may', async () => {
    serve(Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, Buffer.alloc(500_000, name)])))
    const started = performance.now()
    await succeeds({ bwlimit_kbps: 800 })
    // 2 MB at 800 KiB a second take 2.4 s, less what the last reads may be ahead.
    expect(performance.now() - started).toBeGreaterThan(1000)
    expect(copy().a).toContain('500000 bytes')
  })
})
