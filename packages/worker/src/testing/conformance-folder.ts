// conformance-folder.ts — What every kind keeps of the folder that its copy is in: whether the files that were there
// are there, and whose they are.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Stage } from './conformance-stage.ts'
import { readTree } from './sandbox.ts'

const WAYS = ['in-place', 'swap']

/** A copy that is suddenly gone is no first copy. */
export function knowsItsDisk({ sandbox, subject, sync }: Stage): void {
  it.each(WAYS)('that is published %s is held when its disk is gone, until it is back', async (publish) => {
    const { files } = await sync({ options: { publish } })
    const away = join(sandbox().dir, 'away')
    const known = ['copy', '.generations'].filter((folder) => existsSync(join(sandbox().dataDir, folder)))
    const move = (from: string, to: string) =>
      known.forEach((folder) => renameSync(join(from, folder), join(to, folder)))
    mkdirSync(away)
    move(sandbox().dataDir, away)
    // An ext4 that was never used has this folder.
    mkdirSync(join(sandbox().published, 'lost+found'), { recursive: true })
    const report = await sync({ options: { publish }, files })
    expect(report).toMatchObject({ outcome: 'held', reason: 'missing_disk', hold: { removed: files, total: files } })
    expect(report.message).toContain(`${sandbox().published} has no files, where ${files} were`)
    expect(readdirSync(sandbox().published)).toEqual(['lost+found'])
    rmSync(sandbox().published, { recursive: true })
    move(away, sandbox().dataDir)
    await subject().change()
    expect(await sync({ options: { publish }, files })).toMatchObject({ outcome: 'success', reason: null })
    await subject().expectSame(sandbox().published)
  })

  it('that was moved away in data_dir is copied back, where found files may be taken up', async () => {
    const { files, size_bytes } = await sync()
    const kept = join(sandbox().dataDir, 'kept')
    renameSync(sandbox().published, kept)
    const before = readTree(kept)
    await subject().change()
    const held = await sync({ files, sizeBytes: size_bytes ?? 0 })
    expect(held).toMatchObject({
      outcome: 'held',
      reason: 'missing_disk',
      hint: expect.stringContaining(`Move ${kept}`),
    })
    expect(existsSync(sandbox().published)).toBe(false)
    // What a kill in the middle of copying back leaves.
    const half = join(sandbox().dataDir, '.generations', 'copy', 'next')
    mkdirSync(half, { recursive: true })
    writeFileSync(join(half, 'half'), 'of a file')
    const report = await sync({ files, sizeBytes: size_bytes ?? 0, adoptExisting: true })
    expect(report).toMatchObject({ outcome: 'success', message: expect.stringContaining(`moved to ${kept}`) })
    await subject().expectSame(sandbox().published)
    expect(readTree(kept)).toEqual(before)
  })

  it('whose link was moved away is published again', async () => {
    const { files } = await sync({ options: { publish: 'swap' } })
    renameSync(sandbox().published, join(sandbox().dataDir, 'kept'))
    expect(await sync({ files, options: { publish: 'swap' } })).toMatchObject({ outcome: 'success', reason: null })
    await subject().expectSame(sandbox().published)
  })

  it('is fetched anew when somebody approved that its files are gone', async () => {
    const { files } = await sync()
    rmSync(sandbox().published, { recursive: true })
    expect(await sync({ files })).toMatchObject({ outcome: 'held', reason: 'missing_disk' })
    expect(existsSync(sandbox().published)).toBe(false)
    expect(await sync({ files, task: { type: 'sync', approved: files } })).toMatchObject({ outcome: 'success' })
    await subject().expectSame(sandbox().published)
  })
}

/** Files of something else become the copy, once that is allowed. */
export function takesOverWhatFits({ kind, sandbox, subject, sync }: Stage): void {
  const away = { upstream: 'http://127.0.0.1:9/gone/' }
  it.each(WAYS)(
    'of another address, published %s, is held, and goes on with its files when that is meant',
    async (to) => {
      const options = { publish: to }
      const { bytes } = await sync({ options })
      const mark = join(sandbox().dataDir, '.kagami', 'trees', 'copy.json')
      rmSync(`${mark}.previous`, { force: true })
      writeFileSync(mark, JSON.stringify({ replica_id: 'removed', kind, name: 'copy', ...away }))
      const before = readTree(sandbox().published)
      const added = { options, replicaId: 'added-anew' }
      const report = await sync(added)
      expect(report).toMatchObject({ outcome: 'held', reason: 'foreign_files', hold: { reason: 'foreign_files' } })
      expect(report.message).toContain(`${sandbox().published} holds a ${kind} mirror of ${away.upstream}; to take`)
      expect(report.message).toMatch(/\d+ of \d+ (files|refs) would be deleted.*; nothing was changed$/)
      expect(readTree(sandbox().published)).toEqual(before)
      expect(await sync({ ...added, task: { type: 'rollback', to: null } })).toMatchObject({ reason: 'local_conflict' })
      const approved = await sync({ ...added, task: { type: 'sync', approved: report.hold!.removed } })
      expect(approved).toMatchObject({ outcome: 'success', reason: null })
      expect(approved.bytes ?? 0).toBeLessThan(bytes! / 2)
      await subject().expectSame(sandbox().published)
      await subject().change()
      expect(await sync(added)).toMatchObject({ outcome: 'success' })
      await subject().expectSame(sandbox().published)
    },
  )
}
