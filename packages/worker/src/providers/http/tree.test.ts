// tree.test.ts — Trees over http: conformance, what listings can break, what a crash can break.
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { providerConformance } from '../../testing/conformance.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'
import { createFilter } from './filter.ts'

const OLD = 1_600_000_000

async function start(dir: string, auth?: { username: string; password: string }) {
  const names = Array.from({ length: 40 }, (_, n) => `d${n % 4}/f${Math.floor(n / 4)}.bin`)
  writeFiles(dir, Object.fromEntries(names.map((name) => [name, randomBytes(50_000)])))
  for (const name of names) utimesSync(join(dir, name), OLD, OLD)
  const upstream = await startHttpUpstream({ dir, auth, listings: true })
  return {
    upstream: `${upstream.url}/`,
    port: upstream.port,
    stop: upstream.stop,
    expectSame: async (published: string) => expect(readTree(published)).toEqual(readTree(dir)),
    change: async () => {
      writeFiles(dir, {
        'd0/f0.bin': randomBytes(60_000),
        'new/deep/er/x.txt': 'new\n',
        'd1/f1.bin': randomBytes(50_000),
      })
      rmSync(join(dir, 'd3/f9.bin'))
    },
    empty: async () => readdirSync(dir).forEach((name) => rmSync(join(dir, name), { recursive: true })),
    vanish: async () => rmSync(dir, { recursive: true }),
  }
}

providerConformance({ kind: 'http', form: 'tree', tool: null, start })

describe('an http tree', () => {
  let sandbox: Sandbox
  let dir: string
  let base: string
  let stop: () => Promise<void>
  let asked: string[]
  let intercept: (request: IncomingMessage, response: ServerResponse) => boolean
  beforeEach(async () => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    asked = []
    intercept = () => false
    const upstream = await startHttpUpstream({
      dir,
      listings: true,
      intercept: (request, response) => {
        asked.push(request.url ?? '')
        return intercept(request, response)
      },
    })
    base = `${upstream.url}/`
    stop = upstream.stop
    old({
      'a.txt': 'a\n',
      'b.txt': 'b\n',
      'sub/c.txt': 'c\n',
      'sub/d.txt': 'd\n',
      'sub/deep/e.txt': 'e\n',
      'other/f.txt': 'f\n',
    })
  })
  afterEach(async () => {
    await stop()
    sandbox.remove()
  })
  const old = (files: Record<string, string | Buffer>) => {
    writeFiles(dir, files)
    for (const path of Object.keys(files)) utimesSync(join(dir, path), OLD, OLD)
  }
  const sync = (options: object = {}, more: object = {}) =>
    sandbox.sync({ kind: 'http', upstream: base, options: { ...options }, ...more })
  const page = (response: ServerResponse, links: string) =>
    Boolean(
      response.writeHead(200, { 'content-type': 'text/html' }).end(`<title>Index of /</title><pre>${links}</pre>`),
    )

  it('reads the listings alone when nothing changed, and writes nothing', async () => {
    expect(await sync()).toMatchObject({
      outcome: 'success',
      files: 6,
      size_bytes: 12,
      revision: new Date(OLD * 1000).toISOString(),
    })
    const before = readdirSync(sandbox.dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.parentPath.includes('logs'))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).ctimeMs)
    asked = []
    expect(await sync()).toMatchObject({ outcome: 'success', bytes: 0, files: 6 })
    expect(asked.sort()).toEqual(['/', '/other/', '/sub/', '/sub/deep/'])
    expect(
      readdirSync(sandbox.dataDir, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.parentPath.includes('logs'))
        .map((entry) => statSync(join(entry.parentPath, entry.name)).ctimeMs),
    ).toEqual(before)
    expect(statSync(join(sandbox.published, 'a.txt')).mtimeMs).toBe(OLD * 1000)
  })

  it('deletes nothing while a directory cannot be read, and still updates the rest', async () => {
    await sync()
    rmSync(join(dir, 'b.txt'))
    old({ 'a.txt': 'changed\n' })
    for (const answer of [
      (response: ServerResponse) => response.writeHead(500).end(),
      (response: ServerResponse) => response.writeHead(403).end(),
      (response: ServerResponse) => response.destroy(),
      (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>please log in'),
    ]) {
      intercept = (request, response) => request.url === '/sub/' && (answer(response), true)
      const report = await sync()
      expect(report).toMatchObject({ outcome: 'failed', reason: 'partial' })
      expect(report.message).toContain('sub/')
      expect(readTree(sandbox.published)).toEqual({ ...readTree(dir), 'b.txt': 'b\n' })
    }
    intercept = () => false
    expect(await sync()).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
  })

  it('publishes no first tree of which a part may come the next time', async () => {
    intercept = (request, response) => request.url === '/sub/c.txt' && Boolean(response.writeHead(502).end())
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(existsSync(sandbox.published)).toBe(false)
    intercept = () => false
    asked = []
    expect(await sync()).toMatchObject({ outcome: 'success', bytes: 2 })
    expect(asked.filter((path) => !path.endsWith('/'))).toEqual(['/sub/c.txt'])
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
  })

  it('keeps the copy of a file that vanishes while it is read, and says so', async () => {
    await sync()
    old({ 'sub/c.txt': 'new c\n' })
    intercept = (request, response) => request.url === '/sub/c.txt' && Boolean(response.writeHead(404).end())
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'success' })
    expect(report.message).toContain('vanished')
    expect(readTree(sandbox.published)).toMatchObject({ 'sub/c.txt': 'c\n' })
  })

  it('is held when most of it would go, and follows once somebody allowed it', async () => {
    await sync()
    rmSync(join(dir, 'sub'), { recursive: true })
    const before = readTree(sandbox.published)
    expect(await sync()).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
    expect(readTree(sandbox.published)).toEqual(before)
    expect(await sync({}, { task: { type: 'sync', approved: 3 } })).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
    expect(existsSync(join(sandbox.published, 'sub'))).toBe(false)
  })

  it('takes only names that stay inside, whatever a listing says', async () => {
    intercept = (request, response) =>
      request.url === '/' &&
      page(
        response,
        [
          '../',
          '/etc/passwd',
          '..%2f..%2fevil',
          '%2e%2e/evil',
          'http://elsewhere.example/x',
          '//elsewhere.example/x',
          '?C=N;O=D',
          '#top',
          'x%00y',
          'x%0Ay',
          'a%5cb',
          'a%c2%85b',
          '.kagami-http/',
          'n'.repeat(256),
          'javascript:alert(1)',
          'file:///etc/passwd',
          'sub/../../evil',
          'a.txt',
          'b.txt',
          './sub/',
        ]
          .map((href) => `<a href="${href}">${href}</a>\n`)
          .join(''),
      )
    expect(await sync()).toMatchObject({ outcome: 'success', files: 5 })
    expect(Object.keys(readTree(sandbox.published))).toEqual([
      'a.txt',
      'b.txt',
      'sub/c.txt',
      'sub/d.txt',
      'sub/deep/e.txt',
    ])
    expect(readdirSync(sandbox.dataDir).sort()).toEqual(['.kagami', 'copy'])
  })

  it('does not follow a link that somebody put into the copy', async () => {
    await sync()
    const outside = join(sandbox.dir, 'outside')
    mkdirSync(outside)
    rmSync(join(sandbox.published, 'sub'), { recursive: true })
    symlinkSync(outside, join(sandbox.published, 'sub'))
    await sync()
    expect(readdirSync(outside)).toEqual([])
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
    expect(lstatSync(join(sandbox.published, 'sub')).isDirectory()).toBe(true)
  })

  it('follows a file that became a directory and a directory that became a file', async () => {
    await sync()
    rmSync(join(dir, 'a.txt'))
    rmSync(join(dir, 'other'), { recursive: true })
    old({ 'a.txt/inside': 'in\n', other: 'a file now\n' })
    expect(await sync({ max_delete_percent: 100 })).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
  })

  it('leaves out what include and exclude say', async () => {
    old({ 'sub/x.iso': 'iso', 'sub/x.iso.log': 'log', 'tmp/y.iso': 'iso', '.hidden/z.iso': 'iso' })
    expect(await sync({ include: ['*.iso', 'a.txt'], exclude: ['tmp/'] })).toMatchObject({ outcome: 'success' })
    expect(Object.keys(readTree(sandbox.published))).toEqual(['.hidden/z.iso', 'a.txt', 'sub/x.iso'])
    expect(asked).not.toContain('/tmp/')
  })

  it('takes a pattern with a slash for a path, and one without for a name anywhere', () => {
    const held = (include: string[], exclude: string[] = []) =>
      ['a.iso', 'pool/a.iso', 'pool/b/c', 'x/pool/d', 'x/.e'].filter(createFilter({ include, exclude }).holds).join(' ')
    expect(held(['pool/**'])).toBe('pool/a.iso pool/b/c')
    expect(held(['pool/*'])).toBe('pool/a.iso')
    expect(held(['pool/'])).toBe('pool/a.iso pool/b/c x/pool/d')
    expect(held([], ['/pool'])).toBe('a.iso x/pool/d x/.e')
    expect(held([], ['*.iso', '.e'])).toBe('pool/b/c x/pool/d')
    expect(held([], ['x/*'])).toBe('a.iso pool/a.iso pool/b/c')
  })

  it.each(['in-place', 'swap'])('loses what is excluded later, once that was approved: %s', async (publish) => {
    old(Object.fromEntries(Array.from({ length: 6 }, (_, each) => [`iso/${each}.iso`, 'x'.repeat(10_000)])))
    await sync({ publish })
    const options = { publish, exclude: ['iso/*'], max_delete_percent: 60 }
    const held = await sync(options)
    expect(held).toMatchObject({ outcome: 'held', hold: { removed: 6, total: 12 } })
    expect(held.message).toBe('the copy would shrink from 60012 to 12 bytes, by more than 50 %; nothing was deleted')
    const report = await sync(options, { task: { type: 'sync', approved: 6 } })
    expect(report).toMatchObject({ outcome: 'success', files: 6, size_bytes: 12 })
    expect(existsSync(join(sandbox.published, 'iso'))).toBe(false)
    expect(await sync({ publish })).toMatchObject({ outcome: 'success', files: 12, size_bytes: 60_012 })
  })

  it('ends where its limits are', async () => {
    expect(await sync({ max_files: 3 })).toMatchObject({ outcome: 'failed', reason: 'quota_exceeded' })
    const report = await sync({ max_depth: 1 })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(Object.keys(readTree(sandbox.published))).not.toContain('sub/deep/e.txt')
  })

  it('shows readers the whole tree before or after, with publish = "swap"', async () => {
    await sync({ publish: 'swap' })
    const first = readlinkSync(sandbox.published)
    const opened = readTree(sandbox.published)
    for (const path of Object.keys(opened)) old({ [path]: 'second\n' })
    const seen = new Set<string>()
    intercept = () => {
      seen.add(JSON.stringify(readTree(sandbox.published)))
      return false
    }
    expect(await sync({ publish: 'swap' })).toMatchObject({ outcome: 'success' })
    expect([...seen]).toEqual([JSON.stringify(opened)])
    expect(readlinkSync(sandbox.published)).not.toBe(first)
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
    expect(readTree(join(sandbox.dataDir, first))).toEqual(opened)
    expect(await sync({ publish: 'swap' })).toMatchObject({ outcome: 'success', bytes: 0 })
  })

  it('goes on with what an interrupted run fetched, large files in their middle', async () => {
    const large = randomBytes(9 * 1024 * 1024)
    await sync()
    old({ 'large.iso': large, 'a.txt': 'new a\n' })
    intercept = (request, response) => {
      if (request.url !== '/large.iso' || request.headers.range) return false
      const { size, mtimeMs } = statSync(join(dir, 'large.iso'))
      response.writeHead(200, { etag: `"${size.toString(36)}-${mtimeMs.toString(36)}"`, 'content-length': size })
      response.write(large.subarray(0, 5_000_000), () => setImmediate(() => response.destroy()))
      return true
    }
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'partial' })
    asked = []
    const report = await sync()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(report.bytes).toBeLessThan(large.length)
    expect(asked.filter((path) => !path.endsWith('/'))).toEqual(['/large.iso'])
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
  })

  it('comes to the same tree wherever a run was broken off', async () => {
    for (let files = 0; files < 12; files++) old({ [`many/${files}.bin`]: randomBytes(2000) })
    await sync()
    for (let round = 0; round < 8; round++) {
      old({ [`many/${round}.bin`]: randomBytes(3000), 'a.txt': 'x'.repeat(round + 1) })
      rmSync(join(dir, `many/${round + 4}.bin`), { force: true })
      const stopping = new AbortController()
      let left = round * 2 + 1
      intercept = () => (--left === 0 && stopping.abort('interrupted'), false)
      const broken = await sync({}, { signal: stopping.signal })
      expect(['interrupted', 'success']).toContain(broken.outcome)
      intercept = () => false
      expect(await sync()).toMatchObject({ outcome: 'success' })
      expect(readTree(sandbox.published)).toEqual(readTree(dir))
    }
  })

  it('stays what it was found to be first: a page in place of the listing changes nothing', async () => {
    await sync()
    const before = readTree(sandbox.published)
    writeFileSync(join(dir, 'index.html'), '<html>welcome')
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(await sync({ tree: 'never' })).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
    expect(await sync({}, { upstream: `${base}index.html` })).toMatchObject({
      outcome: 'failed',
      reason: 'local_conflict',
    })
    expect(readTree(sandbox.published)).toEqual(before)
  })

  it('waits when the upstream asks for a moment', async () => {
    let refused = false
    intercept = (request, response) => {
      if (request.url !== '/a.txt' || refused) return false
      refused = true
      response.writeHead(429, { 'retry-after': '1' }).end()
      return true
    }
    expect(await sync()).toMatchObject({ outcome: 'success' })
    expect(readFileSync(join(sandbox.published, 'a.txt'), 'utf8')).toBe('a\n')
  })
})
