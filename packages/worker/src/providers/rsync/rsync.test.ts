// rsync.test.ts — The kind rsync: conformance, and what only rsync can break.
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Subject } from '../../testing/conformance-stage.ts'
import { providerConformance } from '../../testing/conformance.ts'
import { PATIENCE } from '../../testing/patience.ts'
import { createProgressReader, refusesCompression, rsyncFailure } from './output.ts'
import { createSandbox, readTree, startStallingProxy, type Sandbox } from '../../testing/sandbox.ts'

const noise = () => randomBytes(150_000)
const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`more/${index}`, `${index}\n`]))

async function start(dir: string, auth?: { username: string; password: string }): Promise<Subject> {
  const files = join(dir, 'files')
  writeFiles(files, {
    'a/one': noise(),
    'a/two': noise(),
    'a/three': noise(),
    'b/empty': '',
    '.hidden': 'x\n',
    'gone/soon': 'x\n',
    ...many(8),
  })
  const upstream = await startRsyncUpstream({ dir, auth })
  return {
    upstream: upstream.url,
    port: upstream.port,
    stop: upstream.stop,
    expectSame: async (published) => expect(readTree(published)).toEqual(readTree(files)),
    async change() {
      writeFiles(files, { 'a/one': randomBytes(150_001), 'a/four': noise(), 'a/two': null })
      rmSync(join(files, 'gone'), { recursive: true })
    },
    async empty() {
      for (const entry of readdirSync(files)) rmSync(join(files, entry), { recursive: true })
    },
    vanish: async () => renameSync(files, `${files}.gone`),
  }
}

providerConformance({ kind: 'rsync', tool: 'rsync', start })

describe('an rsync mirror', () => {
  let sandbox: Sandbox
  let dir: string
  let files: string
  const stops: (() => Promise<void>)[] = []
  beforeEach(() => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    files = join(dir, 'files')
    writeFiles(files, { 'a/one': 'one\n', 'b/two': 'two\n', 'b/three': 'three\n' })
  })
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
    sandbox.remove()
  })
  const serve = async (settings: string[] = []) => {
    const upstream = await startRsyncUpstream({ dir, settings })
    stops.push(upstream.stop)
    return { kind: 'rsync', upstream: upstream.url }
  }

  it('loses nothing while a folder of the upstream cannot be read', async () => {
    // A daemon of root could read everything, so it serves as nobody.
    const call = await serve(process.getuid?.() === 0 ? ['uid = 65534', 'gid = 65534'] : [])
    chmodSync(sandbox.dir, 0o755)
    await sandbox.sync(call)
    rmSync(join(files, 'a/one'))
    chmodSync(join(files, 'b'), 0o000)
    const report = await sandbox.sync(call)
    chmodSync(join(files, 'b'), 0o755)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'partial', exit_code: 23 })
    expect(Object.keys(readTree(sandbox.published))).toEqual(['a/one', 'b/three', 'b/two'])
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(Object.keys(readTree(sandbox.published))).toEqual(['b/three', 'b/two'])
  })

  it('has no setuid file, no device and no link that leaves it, and keeps programs executable', async () => {
    writeFileSync(join(files, 'tool'), 'x')
    chmodSync(join(files, 'tool'), 0o6750)
    writeFileSync(join(files, 'private'), 'x', { mode: 0o600 })
    symlinkSync('/etc/passwd', join(files, 'outside'))
    symlinkSync('a/one', join(files, 'inside'))
    expect(await sandbox.sync(await serve())).toMatchObject({ outcome: 'success' })
    const mode = (name: string) => lstatSync(join(sandbox.published, name)).mode & 0o7777
    expect([mode('tool'), mode('private')]).toEqual([0o755, 0o644])
    expect(lstatSync(join(sandbox.published, 'outside'), { throwIfNoEntry: false })).toBeUndefined()
    expect(lstatSync(join(sandbox.published, 'inside')).isSymbolicLink()).toBe(true)
  })

  it('leaves out what its options exclude', async () => {
    const call = { ...(await serve()), options: { exclude: ['/b'], compress: false } }
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(Object.keys(readTree(sandbox.published))).toEqual(['a/one'])
  })

  it('takes filter rules, but none that reads a file of the worker, and no option that is not listed', async () => {
    const call = await serve()
    expect(await sandbox.sync({ ...call, options: { filters: ['+ /b/', '+ /b/two', '- *'] } })).toMatchObject({
      outcome: 'success',
      files: 1,
    })
    expect(Object.keys(readTree(sandbox.published))).toEqual(['b/two'])
    for (const filters of [
      ['. /etc/passwd'],
      ['merge /etc/passwd'],
      [': .rules'],
      ['dir-merge .rules'],
      ['- a\n. /etc/passwd'],
    ])
      expect((await sandbox.sync({ ...call, options: { filters } })).reason).toBe('invalid_options')
    for (const option of [
      '--rsh=sh',
      '-e sh',
      '--log-file=/tmp/x',
      '--files-from=/etc/passwd',
      '--remove-source-files',
      '--inplace',
      '--rsync-path=x',
      '--only-write-batch=x',
      '--exclude-from=/etc/passwd',
      '--max-size=1 --rsh=x',
      '--max-delete=999',
    ]) {
      expect((await sandbox.sync({ ...call, options: { extra_options: [option] } })).reason, option).toBe(
        'invalid_options',
      )
    }
    expect(
      await sandbox.sync({
        ...call,
        name: 'other',
        replicaId: 'other',
        options: { extra_options: ['--checksum', '--hard-links', '--max-size=5'] },
      }),
    ).toMatchObject({ outcome: 'success' })
    expect(Object.keys(readTree(join(sandbox.dataDir, 'other')))).toEqual(['a/one', 'b/two'])
  })

  it('in two stages has every package before an index names it', async () => {
    writeFiles(files, { 'dists/sid/InRelease': 'one\n', 'dists/sid/main/Packages': 'pool/a\n', 'pool/a': 'a\n' })
    const call = { ...(await serve()), options: { two_stage: 'debian' } }
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    writeFiles(files, {
      'dists/sid/InRelease': 'two, longer\n',
      'dists/sid/main/Packages': 'pool/a\npool/b\n',
      'pool/b': 'b\n',
    })
    const report = await sandbox.sync(call)
    expect(report).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(files))
    // The first stage brought one file, the second the two indices.
    expect(
      [...sandbox.log(report).matchAll(/Number of regular files transferred: (\d+)/g)].map((found) => Number(found[1])),
    ).toEqual([1, 2])
  })

  it('keeps what a broken run had brought for the next one, out of sight of readers', async () => {
    const call = await serve()
    await sandbox.sync(call)
    writeFiles(files, { 'b/big': randomBytes(900_000) })
    const port = new URL(call.upstream).port
    const proxy = await startStallingProxy(Number(port), 600_000)
    const stop = new AbortController()
    const arrivals = join(sandbox.dataDir, '.kagami/staging/replica-1/arrivals')
    const arrived = () => readdirSync(arrivals).reduce((sum, file) => sum + statSync(join(arrivals, file)).size, 0)
    // What is on its way through pipes and buffers is nothing yet that could be kept.
    void proxy.stalled
      .then(() => vi.waitFor(() => expect(arrived()).toBeGreaterThan(300_000), PATIENCE))
      .finally(() => stop.abort('cancelled'))
    await sandbox.sync({
      ...call,
      upstream: call.upstream.replace(`:${port}`, `:${proxy.port}`),
      options: { compress: false },
      signal: stop.signal,
    })
    await proxy.stop()
    expect(Object.keys(readTree(sandbox.published))).toEqual(['a/one', 'b/three', 'b/two'])
    expect(existsSync(join(sandbox.dataDir, '.kagami/staging/replica-1/partials/b/.~tmp~/big'))).toBe(true)
    const report = await sandbox.sync({ ...call, options: { compress: false } })
    expect(report).toMatchObject({ outcome: 'success' })
    // How much had come depends on how fast it was read; that it is not fetched again does not.
    expect(report.bytes).toBeLessThan(900_000)
    expect(readTree(sandbox.published)).toEqual(readTree(files))
  })

  it('is synced without compression when the upstream refuses it', async () => {
    const report = await sandbox.sync(await serve(['refuse options = compress']))
    expect(report).toMatchObject({ outcome: 'success' })
    expect(sandbox.log(report)).toContain('refuses compression')
  })

  it('is never made from a path or program of the worker', async () => {
    for (const upstream of ['/etc', 'host:/etc', '--rsh=touch', 'rsync://', `--log-file=${sandbox.dir}/x`]) {
      expect((await sandbox.sync({ kind: 'rsync', upstream })).outcome).toBe('failed')
    }
  })

  it('refuses an option it does not have, by name', async () => {
    const report = await sandbox.sync({ ...(await serve()), options: { timeout_secs: 'soon' } })
    expect(report.message).toContain('timeout_secs')
  })
})

describe('what rsync says', () => {
  const exit = (code: number, tail: string) => ({ code, signal: null, tail })

  it('distinguishes a busy upstream from one that rejects the worker', () => {
    expect(rsyncFailure(exit(5, '@ERROR: max connections (1) reached -- try again later')).reason).toBe(
      'upstream_refused',
    )
    expect(rsyncFailure(exit(5, '@ERROR: auth failed on module files')).reason).toBe('auth_rejected')
    expect(rsyncFailure(exit(5, "@ERROR: Unknown module 'x'")).reason).toBe('upstream_missing')
  })

  it('names a full disk, a broken connection and a silence', () => {
    const reasons = [11, 12, 30, 35, 10, 23].map((code) => rsyncFailure(exit(code, 'rsync error: something')).reason)
    expect(reasons).toEqual([
      'disk_full',
      'upstream_unreachable',
      'timed_out',
      'upstream_unreachable',
      'upstream_unreachable',
      'partial',
    ])
  })

  it('gives a percentage only once it knows all files', () => {
    const readProgress = createProgressReader()
    expect(readProgress('    1234  12%  1.20MB/s  0:00:01 (xfr#3, ir-chk=10/20)')).toMatchObject({
      percent: null,
      bytes: 1234,
      files: 3,
    })
    expect(readProgress('    1234  12%  1.20MB/s  0:00:01 (xfr#3, to-chk=10/20)')).toMatchObject({ percent: 12 })
    expect(readProgress('    5678  40%  1.20MB/s  0:00:01')).toMatchObject({ percent: 40 })
    expect(readProgress('Number of files: 3')).toBeNull()
  })

  it('knows a refusal of compression', () => {
    expect(refusesCompression(exit(4, 'ERROR: The server is configured to refuse --compress'))).toBe(true)
    expect(refusesCompression(exit(5, '@ERROR: auth failed'))).toBe(false)
  })
})
