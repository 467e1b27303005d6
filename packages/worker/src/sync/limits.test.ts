// limits.test.ts — What ends a sync from outside, and what a sync may not begin: silence, quota, full disks, hooks and
// content that is too old or wrong.
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { readTree, startStallingProxy, type Sandbox } from '../testing/sandbox.ts'
import { dateIn } from './freshness.ts'
import { sandboxForEach } from '../testing/kills.ts'

let sandbox: Sandbox
let files: string
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  files = join(sandbox.dir, 'up', 'files')
})

async function serve(content: Record<string, string | Buffer>, options: Record<string, unknown> = {}) {
  writeFiles(files, content)
  const upstream = await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
  stops.push(upstream.stop)
  return { kind: 'rsync', upstream: upstream.url, port: upstream.port, options: { compress: false, ...options } }
}

describe('a sync in which nothing moves', () => {
  it('is ended, says so, and leaves the copy as it was', async () => {
    const call = await serve({ 'a/one': 'one\n', 'b/two': 'two\n' })
    await sandbox.sync(call)
    const before = readTree(sandbox.published)
    writeFiles(files, { big: randomBytes(600_000) })
    const proxy = await startStallingProxy(call.port, 200_000)
    const report = await sandbox.sync({
      ...call,
      upstream: call.upstream.replace(`:${call.port}`, `:${proxy.port}`),
      options: { ...call.options, stall_secs: 1 },
    })
    await proxy.stop()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'stalled', message: 'nothing moved for 1 s' })
    expect(readTree(sandbox.published)).toEqual(before)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
  })

  it('has its own time limit before that of the worker', async () => {
    const call = await serve({ big: randomBytes(600_000) })
    const proxy = await startStallingProxy(call.port, 200_000)
    const report = await sandbox.sync({
      ...call,
      upstream: call.upstream.replace(`:${call.port}`, `:${proxy.port}`),
      options: { ...call.options, time_limit_secs: 1 },
    })
    await proxy.stop()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'timed_out', message: expect.stringContaining('1 s') })
  })
})

describe('a copy with a quota', () => {
  it('is not begun when it would be larger, and an old one stays', async () => {
    const call = await serve({ big: randomBytes(3_000_000) })
    expect(await sandbox.sync({ ...call, options: { quota_mib: 1 } })).toMatchObject({
      outcome: 'failed',
      reason: 'quota_exceeded',
      message: expect.stringContaining('its quota is 1 MiB'),
    })
    expect(existsSync(sandbox.published)).toBe(false)
    expect(await sandbox.sync({ ...call, options: { quota_mib: 3 } })).toMatchObject({ outcome: 'success' })
    writeFiles(files, { more: randomBytes(3_000_000) })
    expect(await sandbox.sync({ ...call, options: { quota_mib: 3 } })).toMatchObject({ reason: 'quota_exceeded' })
    expect(readdirSync(sandbox.published)).toEqual(['big'])
  })
})

// A disk of its own needs root, to mount it.
describe.runIf(process.getuid?.() === 0)('a disk that is too small', () => {
  const mount = (mib: number) => {
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', sandbox.dataDir]).status).toBe(0)
    stops.push(async () => void spawnSync('umount', ['-l', sandbox.dataDir]))
  }
  const free = () => {
    const { bavail, bsize } = statfsSync(sandbox.dataDir)
    return bavail * bsize
  }

  it('is not even begun to be filled when the upstream tells its size', async () => {
    mount(90)
    const call = await serve({ small: 'x\n' })
    await sandbox.sync(call)
    const before = free()
    writeFiles(files, { big: Buffer.alloc(40_000_000, 1) })
    expect(await sandbox.sync(call)).toMatchObject({
      outcome: 'failed',
      reason: 'disk_full',
      message: expect.stringContaining('none of it was begun'),
    })
    expect(readdirSync(sandbox.published)).toEqual(['small'])
    expect(Math.abs(free() - before)).toBeLessThan(1_000_000)
  })

  it('does not cost a first copy what it had already got, when the rest does not fit now', async () => {
    mount(120)
    const call = await serve({ a: Buffer.alloc(10_000_000, 1), b: Buffer.alloc(40_000_000, 2) })
    const proxy = await startStallingProxy(call.port, 15_000_000)
    stops.push(proxy.stop)
    const first = {
      ...call,
      upstream: call.upstream.replace(`:${call.port}`, `:${proxy.port}`),
      options: { ...call.options, stall_secs: 5 },
    }
    expect(await sandbox.sync(first)).toMatchObject({ reason: 'stalled' })
    const staging = join(sandbox.dataDir, '.kagami', 'staging')
    const had = readTree(staging)
    expect(Object.keys(had)).toContain('replica-1/a')
    writeFileSync(join(sandbox.dataDir, 'of-others'), Buffer.alloc(20_000_000, 3))
    expect(await sandbox.sync(first)).toMatchObject({
      reason: 'disk_full',
      message: expect.stringContaining('none of it was begun'),
    })
    expect(readTree(staging)).toEqual(had)
  })

  it('does not run full under a sync that cannot tell; its space comes back, and others sync on', async () => {
    mount(120)
    const call = await serve({ small: 'x\n' })
    await sandbox.sync(call)
    const before = free()
    const endless = await startHttpUpstream({
      dir: join(sandbox.dir, 'www'),
      intercept(_request, response) {
        response.writeHead(200, { 'content-type': 'application/octet-stream' })
        const piece = Buffer.alloc(256 * 1024)
        const more = () => void (!response.destroyed && response.write(piece, () => setTimeout(more, 5)))
        more()
        return true
      },
    })
    stops.push(endless.stop)
    const report = await sandbox.sync({
      kind: 'http',
      upstream: `${endless.url}/endless`,
      name: 'endless',
      replicaId: 'endless',
    })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(before - free()).toBeLessThan(1_000_000)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(readdirSync(sandbox.published)).toEqual(['small'])
  })
})

describe('how old the content is', () => {
  it('is read from the file that tells it, however that is written', async () => {
    const call = await serve(
      { 'project/trace': 'Thu Nov 20 20:00:12 UTC 2025\nUsed ftpsync\n' },
      { freshness_file: 'project/trace' },
    )
    expect(await sandbox.sync(call)).toMatchObject({
      outcome: 'success',
      content_at: '2025-11-20T20:00:12.000Z',
      message: null,
    })
    expect(await sandbox.sync({ ...call, options: { freshness_file: 'lastupdate' } })).toMatchObject({
      outcome: 'success',
      content_at: null,
      message: 'freshness_file lastupdate is not in the copy',
    })
    expect(await sandbox.sync({ ...call, options: { freshness_file: '../../etc/passwd' } })).toMatchObject({
      outcome: 'failed',
      reason: 'invalid_options',
    })
    symlinkSync('/etc/hostname', join(sandbox.published, 'link'))
    expect((await sandbox.sync({ ...call, options: { freshness_file: 'link', exclude: ['link'] } })).reason).toBe(
      'invalid_options',
    )
  })

  it.each([
    ['1763668812', '2025-11-20T20:00:12.000Z'],
    ['1763668812000\n', '2025-11-20T20:00:12.000Z'],
    ['2025-11-20T20:00:12Z', '2025-11-20T20:00:12.000Z'],
    ['Date: Thu, 20 Nov 2025 20:00:12 +0000', '2025-11-20T20:00:12.000Z'],
    ['timestamp=1763668812', '2025-11-20T20:00:12.000Z'],
    ['no date at all', undefined],
    ['', undefined],
    ['12', undefined],
  ])('%j', (text, date) => expect(dateIn(text)?.toISOString()).toBe(date))
})

describe('a Debian archive that is verified', () => {
  const packages = 'Package: a\n'
  const lists = (text: string) => {
    const digest = createHash('sha256').update(text).digest('hex')
    return {
      'dists/sid/InRelease':
        `Origin: ${text.trim()}\nMD5Sum:\n 0 0 x\nSHA256:\n ${digest} ${text.length} main/Packages\n ` +
        `${'0'.repeat(64)} 5 main/left-out\nAcquire-By-Hash: yes\n`,
      'dists/sid/main/Packages': text,
    }
  }

  it('is published only when its indices are what their list says', async () => {
    const call = await serve(lists(packages), { verify: 'debian', publish: 'swap' })
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    const before = readTree(sandbox.published)
    writeFiles(files, { 'dists/sid/main/Packages': 'Package: a, half\n' })
    expect(await sandbox.sync(call)).toMatchObject({
      outcome: 'failed',
      reason: 'content_invalid',
      message: expect.stringContaining('dists/sid/main/Packages'),
    })
    expect(readTree(sandbox.published)).toEqual(before)
    writeFiles(files, lists('Package: a, half\n'))
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: 2 })
  })
})

describe('a hook', () => {
  const facts = (file: string) => [
    '/bin/sh',
    '-c',
    `echo "$KAGAMI_OUTCOME $KAGAMI_REPLICA $KAGAMI_FILES $KAGAMI_HELD_REMOVED $KAGAMI_PATH" >> ${file}; echo ` +
      'from the hook',
  ]

  it('runs after the sync it is for, with the facts in its environment and its output in the log', async () => {
    const call = await serve({ a: 'a\n', b: 'b\n', c: 'c\n' })
    const said = join(sandbox.dir, 'said')
    const hooks = { on_success: facts(said), on_failure: facts(said), on_held: facts(said) }
    const report = await sandbox.sync({ ...call, hooks })
    expect(report).toMatchObject({ outcome: 'success', message: null })
    expect(sandbox.log(report)).toContain('from the hook')
    writeFiles(files, { a: null, b: null })
    await sandbox.sync({ ...call, hooks })
    await sandbox.sync({ ...call, hooks, upstream: `${call.upstream}gone/` })
    expect(readTree(sandbox.dir)['said']).toBe(
      `success copy 3  ${sandbox.published}\nheld copy  2 ${sandbox.published}\nfailed copy   ${sandbox.published}\n`,
    )
  })

  it('that fails is reported, and changes nothing about the sync', async () => {
    const call = await serve({ a: 'a\n' })
    expect(await sandbox.sync({ ...call, hooks: { on_success: ['/bin/sh', '-c', 'exit 3'] } })).toMatchObject({
      outcome: 'success',
      message: 'on_success ended with exit code 3',
    })
    expect(await sandbox.sync({ ...call, hooks: { on_success: ['/nonexistent/hook'] } })).toMatchObject({
      outcome: 'success',
      message: expect.stringContaining('on_success did not run'),
    })
    expect(await sandbox.sync({ ...call, hooks: { on_failure: ['/bin/false'] } })).toMatchObject({ message: null })
  })
})

describe('a sync somebody approved', () => {
  it('deletes what it was allowed to, once', async () => {
    const call = await serve({ a: 'a\n', b: 'b\n', c: 'c\n', d: 'd\n' })
    await sandbox.sync(call)
    writeFiles(files, { a: null, b: null })
    const held = await sandbox.sync(call)
    expect(held).toMatchObject({
      outcome: 'held',
      reason: 'too_many_deletions',
      hold: { removed: 2, total: 4, examples: expect.arrayContaining(['a', 'b']) },
    })
    expect(sandbox.log(held)).toContain('would delete a')
    expect(Object.keys(readTree(sandbox.published))).toHaveLength(4)
    expect(await sandbox.sync({ ...call, task: { type: 'sync', approved: 1 } })).toMatchObject({ outcome: 'held' })
    expect(await sandbox.sync({ ...call, task: { type: 'sync', approved: 2 } })).toMatchObject({ outcome: 'success' })
    expect(Object.keys(readTree(sandbox.published))).toEqual(['c', 'd'])
  })

  it('is held when most of the bytes would go, though the files stay', async () => {
    const call = await serve({ a: 'a'.repeat(10_000), b: 'b'.repeat(10_000) })
    const { size_bytes } = await sandbox.sync(call)
    writeFiles(files, { a: 'a', b: 'b' })
    expect(await sandbox.sync({ ...call, sizeBytes: size_bytes ?? 0 })).toMatchObject({
      outcome: 'held',
      message: expect.stringContaining('shrink from 20000 to 2'),
    })
  })

  it('is not held because a file is smaller than the whole copy', async () => {
    const dir = join(sandbox.dir, 'www')
    const tree = (text: string) =>
      writeFiles(
        dir,
        Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}.iso`, Buffer.alloc(9_000_000, `${name} ${text}`)])),
      )
    tree('old')
    const upstream = await startHttpUpstream({ dir, listings: true })
    stops.push(upstream.stop)
    const call = { kind: 'http', upstream: `${upstream.url}/`, options: { tree: 'always' } }
    const { size_bytes } = await sandbox.sync(call)
    expect(size_bytes).toBe(27_000_000)
    tree('newer')
    expect(await sandbox.sync({ ...call, sizeBytes: size_bytes ?? 0 })).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(dir))
  })

  it('is not held while a file whose length is not known is still coming', async () => {
    const pieces = Array.from({ length: 70 }, () => Buffer.alloc(1024 * 1024, 1))
    const upstream = await startHttpUpstream({
      dir: join(sandbox.dir, 'www'),
      intercept(_request, response) {
        response.writeHead(200, { 'content-type': 'application/octet-stream' })
        Readable.from(pieces).pipe(response)
        return true
      },
    })
    stops.push(upstream.stop)
    const call = { kind: 'http', upstream: `${upstream.url}/big.iso` }
    expect(await sandbox.sync({ ...call, sizeBytes: 1024 ** 3 })).toMatchObject({
      outcome: 'success',
      size_bytes: 70 * 1024 * 1024,
    })
  })
})
