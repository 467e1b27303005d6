// excludes.test.ts — Rules that come to a copy later: what they leave out stays and is told, or goes after the guard,
// and every size is that of the disk.
import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeEach, describe, expect, it } from 'vitest'
import { readEntries } from '../../names.ts'
import { sandboxForEach } from '../../testing/kills.ts'
import { readTree, type Sandbox, type SyncCall } from '../../testing/sandbox.ts'

const MIB = 1024 ** 2
const images = (count: number, bytes = MIB) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`iso/${index}.iso`, 'x'.repeat(bytes)]))
const packages = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`pool/${index}`, `package ${index}\n`]))

describe('a copy whose rules change', () => {
  let sandbox: Sandbox
  const stops = sandboxForEach((fresh) => void (sandbox = fresh))
  let files: string
  let call: SyncCall
  beforeEach(async () => {
    const dir = join(sandbox.dir, 'upstream')
    files = join(dir, 'files')
    writeFiles(files, { ...images(6), ...packages })
    const upstream = await startRsyncUpstream({ dir })
    stops.push(upstream.stop)
    call = { kind: 'rsync', upstream: upstream.url }
  })
  const sizeOnDisk = () => sizeBelow(sandbox.published)
  const isos = () => Object.keys(readTree(sandbox.published)).filter((path) => path.endsWith('.iso')).length

  for (const way of [{}, { publish: 'swap' }, { two_stage: 'debian' }, { delay_updates: false }]) {
    const said = JSON.stringify(way)

    it(`keeps what is excluded later, says so, and takes it up again without fetching: ${said}`, async () => {
      const first = await sandbox.sync({ ...call, options: way })
      expect(first).toMatchObject({ outcome: 'success', files: 26, size_bytes: sizeOnDisk(), message: null })
      const sizeBytes = first.size_bytes!
      const options = { ...way, exclude: ['*.iso'] }
      const changes: Parameters<typeof writeFiles>[1][] = [{}, { 'pool/new': 'new\n', 'pool/0': null }]
      for (const change of changes) {
        writeFiles(files, change)
        const report = await sandbox.sync({ ...call, options, sizeBytes })
        expect(report).toMatchObject({ outcome: 'success', files: 26, size_bytes: sizeOnDisk() })
        expect(report.message).toBe(
          '6 files that exclude or filters leave out stay in the copy, 6291456 bytes ' +
            '(iso/0.iso, iso/1.iso, iso/2.iso, …): delete_excluded = true deletes them',
        )
        expect(sandbox.log(report)).toContain('stays though the options leave it out: iso/5.iso')
      }
      const again = await sandbox.sync({ ...call, options: way, sizeBytes })
      expect(again).toMatchObject({ outcome: 'success', files: 26, size_bytes: sizeOnDisk(), message: null })
      expect(again.bytes).toBeLessThan(MIB)
      expect(readTree(sandbox.published)).toEqual(readTree(files))
    })

    it(`deletes what is excluded later where that is asked for, once it was approved: ${said}`, async () => {
      const { size_bytes: sizeBytes } = await sandbox.sync({ ...call, options: way })
      writeFileSync(join(sandbox.published, 'own.iso'), 'of the operator\n')
      for (const asked of [{ delete_excluded: true }, { extra_options: ['--delete-excluded'] }]) {
        const options = { ...way, ...asked, exclude: ['*.iso'], filters: ['P /own.iso'] }
        const held = await sandbox.sync({ ...call, options, sizeBytes: sizeBytes! })
        expect(held).toMatchObject({ outcome: 'held', hold: { removed: 6, total: 26 } })
        const listed = sizeOnDisk() - 'of the operator\n'.length
        expect(held.message).toContain(
          `would shrink from ${listed} to ${listed - 6 * MIB} bytes, besides 16 bytes that stay, by more than 50 %`,
        )
        expect(isos()).toBe(7)
      }
      const options = { ...way, delete_excluded: true, exclude: ['*.iso'], filters: ['P /own.iso'] }
      const task = { type: 'sync', approved: 6 } as SyncCall['task']
      const report = await sandbox.sync({ ...call, options, task })
      expect(report).toMatchObject({ outcome: 'success', files: 21, size_bytes: sizeOnDisk(), message: null })
      expect(Object.keys(readTree(sandbox.published)).filter((path) => !path.startsWith('pool/'))).toEqual(['own.iso'])
      expect(await sandbox.sync({ ...call, options })).toMatchObject({ outcome: 'success', size_bytes: sizeOnDisk() })
    })
  }

  it('is held by how many files would go, not by how many of one folder, when few are excluded', async () => {
    await sandbox.sync(call)
    const options = { exclude: ['/iso/*'], delete_excluded: true, max_shrink_percent: 100 }
    expect(await sandbox.sync({ ...call, options })).toMatchObject({ outcome: 'success', files: 20 })
    const more = { ...options, exclude: ['/iso/*', '/pool/1*'] }
    expect(await sandbox.sync({ ...call, options: more })).toMatchObject({
      outcome: 'held',
      message: '11 of 20 files would be deleted, more than 25 %; nothing was deleted',
    })
  })

  it('is kept when the upstream is suddenly empty, whatever the rules leave out and the limits allow', async () => {
    await sandbox.sync(call)
    for (const entry of readEntries(files)) rmSync(join(files, entry.name), { recursive: true })
    const options = { exclude: ['*.iso'], max_delete_percent: 100, max_shrink_percent: 100 }
    expect(await sandbox.sync({ ...call, options })).toMatchObject({ outcome: 'held', reason: 'upstream_empty' })
    expect(await sandbox.sync({ ...call, options: { ...options, delete_excluded: true } })).toMatchObject({
      outcome: 'held',
      reason: 'upstream_empty',
    })
    expect(isos()).toBe(6)
  })

  it('is held for what it would lose of the upstream, however much stays beside it', async () => {
    await sandbox.sync(call)
    rmSync(join(files, 'pool'), { recursive: true })
    writeFiles(files, { 'pool/0': 'x' })
    const options = { exclude: ['*.iso'] }
    expect(await sandbox.sync({ ...call, options })).toMatchObject({
      outcome: 'held',
      message: '19 of 20 files would be deleted, more than 25 %; nothing was deleted',
    })
    writeFiles(files, { ...packages, 'pool/big': 'x'.repeat(50_000) })
    expect(await sandbox.sync({ ...call, options })).toMatchObject({ outcome: 'success' })
    writeFiles(files, { 'pool/big': 'x' })
    expect((await sandbox.sync({ ...call, options })).message).toMatch(
      /shrink from 50\d+ to 2\d\d bytes, besides 6291456/,
    )
  })

  it('has the quota of what is on the disk, not of what the upstream lists', async () => {
    await sandbox.sync(call)
    writeFiles(files, { 'pool/large': 'x'.repeat(MIB) })
    const options = { exclude: ['*.iso'], quota_mib: 7 }
    const report = await sandbox.sync({ ...call, options })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'quota_exceeded' })
    expect(await sandbox.sync({ ...call, options: { ...options, quota_mib: 8 } })).toMatchObject({ outcome: 'success' })
    const small = { extra_options: ['--max-size=1k'], quota_mib: 1 }
    expect(await sandbox.sync({ ...call, options: small, name: 'small', replicaId: 'small' })).toMatchObject({
      outcome: 'success',
      files: 20,
      size_bytes: sizeBelow(join(sandbox.dataDir, 'small')),
      message: null,
    })
  })

  it('says which files stay as they are because of a limit of their size', async () => {
    await sandbox.sync(call)
    writeFiles(files, { 'iso/0.iso': 'y'.repeat(MIB + 1), 'iso/new.iso': 'y'.repeat(MIB) })
    const report = await sandbox.sync({ ...call, options: { extra_options: ['--max-size=1k'] } })
    expect(report).toMatchObject({ outcome: 'success', files: 26, size_bytes: sizeOnDisk() })
    expect(report.message).toContain(
      '6 files over max-size or under min-size stay in the copy and are not updated, 6291456',
    )
    expect(existsSync(join(sandbox.published, 'iso/new.iso'))).toBe(false)
  })

  it('loses nothing that is excluded while part of the upstream cannot be read', async () => {
    const dir = join(sandbox.dir, 'closed')
    writeFiles(join(dir, 'files'), { ...images(2), ...packages, 'shut/a': 'a\n' })
    // A daemon of root could read everything, so it serves as nobody.
    const settings = process.getuid?.() === 0 ? ['uid = 65534', 'gid = 65534'] : []
    const closed = await startRsyncUpstream({ dir, settings })
    stops.push(closed.stop)
    chmodSync(sandbox.dir, 0o755)
    const own = { ...call, upstream: closed.url }
    expect(await sandbox.sync(own)).toMatchObject({ outcome: 'success', files: 23 })
    chmodSync(join(dir, 'files/shut'), 0)
    for (const asked of [{ delete_excluded: true }, { extra_options: ['--delete-excluded'] }]) {
      const options = { ...asked, two_stage: 'debian', exclude: ['*.iso'], max_shrink_percent: 100 }
      expect(await sandbox.sync({ ...own, options })).toMatchObject({ outcome: 'failed', reason: 'partial' })
      expect(isos()).toBe(2)
    }
    chmodSync(join(dir, 'files/shut'), 0o755)
  })

  it('in two stages keeps its indices while it fetches packages', async () => {
    writeFiles(files, { 'dists/sid/InRelease': 'one\n', 'dists/sid/main/Packages': 'pool/0\n' })
    const options = { two_stage: 'debian', extra_options: ['--delete-excluded'], exclude: ['*.iso'] }
    await sandbox.sync({ ...call, options })
    writeFiles(files, { 'pool/b': 'b\n' })
    const report = await sandbox.sync({ ...call, options })
    expect(report).toMatchObject({ outcome: 'success' })
    const transferred = [...sandbox.log(report).matchAll(/Number of regular files transferred: (\d+)/g)]
    expect(transferred.map((found) => Number(found[1]))).toEqual([1, 0])
  })

  it('has nothing that was excluded while its first copy was not complete', async () => {
    const staging = join(sandbox.dataDir, '.kagami/staging/replica-1')
    mkdirSync(staging, { recursive: true })
    writeFiles(staging, images(2))
    expect(await sandbox.sync({ ...call, options: { exclude: ['*.iso'] } })).toMatchObject({
      outcome: 'success',
      files: 20,
      size_bytes: sizeOnDisk(),
      message: null,
    })
    expect(isos()).toBe(0)
  })
})

/** Bytes of the files below a folder. */
function sizeBelow(folder: string): number {
  return readEntries(folder).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? sizeBelow(path) : lstatSync(path).size)
  }, 0)
}
