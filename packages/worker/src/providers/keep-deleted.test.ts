// keep-deleted.test.ts — Files that the upstream removed and readers still find (option keep_deleted): real rsync and
// http, in place and swap.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeEach, describe, expect, it } from 'vitest'
import { killAfter, sandboxForEach } from '../testing/kills.ts'
import { readTree, type Sandbox, type SyncCall } from '../testing/sandbox.ts'

const HOUR_MS = 3_600_000
const KEEP = { keep_deleted: '6h', max_delete_percent: 100, max_shrink_percent: 100 }

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))

describe.each([
  ['http', 'in-place'],
  ['http', 'swap'],
  ['rsync', 'in-place'],
  ['rsync', 'swap'],
])('a tree over %s with keep_deleted, published %s', (kind, publish) => {
  let up: string
  let call: SyncCall
  let known: Pick<SyncCall, 'files' | 'sizeBytes'>
  let version = 0

  beforeEach(async () => {
    up = join(sandbox.dir, 'up', 'files')
    known = {}
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`many/${n}`, `${n}\n`]))
    writeFiles(up, { 'a/one': 'one\n', 'a/two': 'two\n', 'b/c/three': 'three\n', four: 'four\n', ...many })
    const served =
      kind === 'rsync'
        ? await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
        : await startHttpUpstream({ dir: up, listings: true })
    stops.push(served.stop)
    call = { kind, upstream: served.url.replace(/\/?$/, '/') }
  })

  /** Syncs so many hours later, with what the sync before counted. */
  async function sync(hours = 0, options: Record<string, unknown> = {}, more: Partial<SyncCall> = {}) {
    const all = { ...KEEP, publish, ...options }
    const report = await sandbox.sync({ ...call, ...known, laterMs: hours * HOUR_MS, options: all, ...more })
    if (report.outcome === 'success') known = { files: report.files, sizeBytes: report.size_bytes ?? 0 }
    return report
  }
  /** Writes files with another time each, as after two minutes: listings tell no seconds. */
  function write(files: Record<string, string>): void {
    writeFiles(up, files)
    const at = 1_700_000_000 + ++version * 120
    for (const path of Object.keys(files)) utimesSync(join(up, path), at, at)
  }
  const remove = (...paths: string[]) => paths.forEach((path) => rmSync(join(up, path), { recursive: true }))
  const copy = () => readTree(sandbox.published)
  const expectSame = () => expect(copy()).toEqual(readTree(up))
  const record = () => join(sandbox.dataDir, '.kagami', 'kept-copy.json')

  it('still has what the upstream removed until its time is over, and says so', async () => {
    await sync()
    const before = copy()
    remove('a/one', 'b')
    write({ 'a/two': 'two again\n' })
    const report = await sync()
    expect(report).toMatchObject({
      outcome: 'success',
      files: 16,
      kept_files: { count: 2, size_bytes: 10, files: [{ path: 'a/one' }, { path: 'b/c/three' }] },
    })
    expect(report.kept_files?.next_at).toBe(report.kept_files?.files[0]?.until)
    expect(copy()).toEqual({ ...before, 'a/two': 'two again\n' })
    expect(await sync(5)).toMatchObject({ outcome: 'success', kept_files: { count: 2 }, files: 16 })
    expect(copy()).toEqual({ ...before, 'a/two': 'two again\n' })
    expect(await sync(6.1)).toMatchObject({ outcome: 'success', kept_files: null, files: 14 })
    expectSame()
    expect(() => readFileSync(record())).toThrow('ENOENT')
  })

  it('is held for what vanishes, once, and deletes it later without asking again', async () => {
    await sync()
    remove('many')
    const guarded = { max_delete_percent: 10 }
    expect(await sync(0, guarded)).toMatchObject({ reason: 'too_many_deletions', hold: { removed: 12, total: 16 } })
    expect(await sync(7, guarded)).toMatchObject({ outcome: 'held', hold: { removed: 12 } })
    const approved = { task: { type: 'sync', approved: 12 } } as const
    expect(await sync(7, guarded, approved)).toMatchObject({ outcome: 'success', kept_files: { count: 12 } })
    expect(await sync(8, guarded)).toMatchObject({ outcome: 'success', kept_files: { count: 12 } })
    expect(await sync(14, guarded)).toMatchObject({ outcome: 'success', kept_files: null })
    expectSame()
  })

  it('counts anew when the upstream has a file again and removes it later', async () => {
    await sync()
    remove('four')
    await sync()
    write({ four: 'four is back\n' })
    expect(await sync(4)).toMatchObject({ outcome: 'success', kept_files: null })
    expectSame()
    remove('four')
    await sync(5)
    expect(await sync(8)).toMatchObject({ kept_files: { count: 1 } })
    expect(copy()).toHaveProperty('four', 'four is back\n')
    expect(await sync(11.1)).toMatchObject({ kept_files: null })
    expectSame()
  })

  it('gives way at once to what the upstream has in the place of something kept', async () => {
    write({ 'deep/down/x': 'x\n', 'deep/down/y': 'y\n' })
    await sync()
    remove('a', 'four', 'deep')
    write({ a: 'a file now\n', 'four/below': 'a folder now\n' })
    expect(await sync()).toMatchObject({ outcome: 'success', kept_files: { count: 2 } })
    expect(copy()).toMatchObject({ a: 'a file now\n', 'four/below': 'a folder now\n', 'deep/down/x': 'x\n' })
    write({ deep: 'in the way of kept files\n' })
    expect(await sync()).toMatchObject({ outcome: 'success', kept_files: null })
    expectSame()
  })

  it.each(['lost', 'damaged'])('asks again, and keeps for its whole time, when its record is %s', async (how) => {
    await sync()
    remove('a/one')
    await sync()
    write({ five: '5\n' })
    await sync(1)
    if (how === 'damaged') writeFileSync(record(), 'x')
    else for (const end of ['', '.previous']) rmSync(`${record()}${end}`, { force: true })
    const report = await sync(5.9, { max_delete_percent: 0, max_shrink_percent: 0 })
    expect(report).toMatchObject({ outcome: 'success', kept_files: { count: 1 } })
    expect(sandbox.log(report)).toContain('1 of 17 files go')
    if (how === 'damaged') expect(sandbox.log(report)).toContain('the deletion guard is asked again')
    await sync(11.8)
    expect(copy()).toHaveProperty('a/one')
    await sync(12)
    expectSame()
  })

  it('deletes what ends first when the quota has no room for it, and says so', async () => {
    write({ 'big/1': '1'.repeat(400_000), 'big/2': '2'.repeat(400_000) })
    await sync(0, { quota_mib: 1 })
    remove('big/1')
    await sync(0, { quota_mib: 1 })
    remove('big/2')
    expect(await sync(1, { quota_mib: 1 })).toMatchObject({ kept_files: { count: 2 } })
    write({ 'big/3': '3'.repeat(400_000) })
    const report = await sync(2, { quota_mib: 1 })
    expect(report).toMatchObject({ outcome: 'success', kept_files: { count: 1, files: [{ path: 'big/2' }] } })
    expect(report.message).toContain('1 files that keep_deleted kept (400000 bytes) were deleted before their time')
    expect(sandbox.log(report)).toContain('goes before its time, since there is no room for it: big/1')
    expect(Object.keys(copy()).filter((path) => path.startsWith('big/'))).toEqual(['big/2', 'big/3'])
    write({ 'big/4': '4'.repeat(800_000) })
    expect(await sync(2, { quota_mib: 1 })).toMatchObject({ reason: 'quota_exceeded' })
  })

  it.runIf(process.getuid?.() === 0)('gives its room to what comes in, where deleting gives room', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=110m', 'tmpfs', sandbox.dataDir])
    stops.push(async () => void execFileSync('umount', [sandbox.dataDir]))
    const mib = (count: number) => 'x'.repeat(count * 1024 ** 2)
    write({ 'big/1': mib(12), 'big/2': mib(6) })
    expect(await sync()).toMatchObject({ outcome: 'success' })
    remove('big/1')
    expect(await sync()).toMatchObject({ outcome: 'success', kept_files: { count: 1 } })
    write({ 'big/3': mib(32) })
    const report = await sync(1)
    if (publish === 'swap') {
      expect(report).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
      expect(copy()).toHaveProperty('big/1')
    } else {
      expect(report).toMatchObject({ outcome: 'success', kept_files: null })
      expect(report.message).toContain('were deleted before their time: there was no room')
      expectSame()
    }
  })

  it('follows no link on the way to what it deletes', async () => {
    await sync()
    remove('b')
    await sync()
    const elsewhere = join(sandbox.dir, 'elsewhere')
    writeFiles(elsewhere, { 'c/three': 'not ours\n' })
    rmSync(join(sandbox.published, 'b'), { recursive: true })
    symlinkSync(elsewhere, join(sandbox.published, 'b'))
    await sync(7)
    await sync(14)
    expect(readTree(elsewhere)).toEqual({ 'c/three': 'not ours\n' })
  })

  it('deletes what is kept once the option is taken away', async () => {
    await sync()
    remove('a/one', 'b')
    await sync()
    expect(await sync(1, { keep_deleted: '0', max_delete_percent: 0 })).toMatchObject({ outcome: 'success' })
    expectSame()
    remove('a/two')
    await sync(1, { keep_deleted: '0' })
    expectSame()
  })

  it('is whole after a worker that was killed at any moment', async () => {
    for (let round = 0; round < 8; round++) {
      write({ [`round/${round}`]: `${round}\n`, 'round/last': `${round}\n` })
      await sync(round)
      remove(`round/${round}`)
      const options = { ...KEEP, publish, keep_deleted: round % 2 ? '1m' : '6h' }
      await killAfter(round * 25, sandbox.dataDir, { kind, upstream: call.upstream, options })
      expect(copy()).toHaveProperty('round/last', `${round}\n`)
    }
    expect(await sync(20)).toMatchObject({ outcome: 'success' })
    expect(await sync(40)).toMatchObject({ outcome: 'success', kept_files: null })
    expectSame()
  })

  it('deletes what is over its time although the trace of the upstream is the same', async () => {
    write({ trace: '1\n' })
    const options = { probe: 'trace' }
    await sync(0, options)
    remove('a/one')
    write({ trace: '2\n' })
    await sync(0, options)
    const quiet = await sync(1, options)
    expect(sandbox.log(quiet)).toContain('nothing else was looked at')
    expect(quiet.kept_files).toMatchObject({ count: 1 })
    expect(await sync(7, options)).toMatchObject({ outcome: 'success', kept_files: null })
    expectSame()
  })

  it('keeps files of a folder that the upstream emptied, and no folder longer than its files', async () => {
    await sync()
    remove('many')
    mkdirSync(join(up, 'many'))
    expect(await sync()).toMatchObject({ outcome: 'success', kept_files: { count: 12 } })
    remove('many')
    expect(await sync(1)).toMatchObject({ outcome: 'success', kept_files: { count: 12 } })
    await sync(7)
    expectSame()
    expect(() => readFileSync(join(sandbox.published, 'many'))).toThrow('ENOENT')
  })
})
