// generations.test.ts — publish = "swap": what readers see while trees are replaced, what is kept, and what a crash
// leaves.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { sandboxForEach } from '../testing/kills.ts'
import { versionedUpstream, type VersionedUpstream } from '../testing/versioned-upstream.ts'

let sandbox: Sandbox
let upstream: VersionedUpstream
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  upstream = versionedUpstream(sandbox, stops)
})

describe('a tree that is published by swap', () => {
  it('shares unchanged files with the tree before, and keeps as many trees as configured', async () => {
    const call = await upstream.serve({ keep_generations: 3 })
    await sandbox.sync(call)
    for (let round = 1; round <= 5; round++) {
      writeFiles(upstream.files, { 'd0/f0': `changed${'!'.repeat(round)}\n` })
      await sandbox.sync(call)
    }
    const kept = join(sandbox.dataDir, '.generations', 'copy')
    expect(readdirSync(kept).sort()).toEqual(['3', '4', '5', '6'])
    expect(statSync(join(kept, '3/d1/f1')).ino).toBe(statSync(join(kept, '6/d1/f1')).ino)
    expect(['3', '4', '5', '6'].map((number) => readFileSync(join(kept, number, 'd0/f0'), 'utf8'))).toEqual(
      [2, 3, 4, 5].map((round) => `changed${'!'.repeat(round)}\n`),
    )
  })

  it('is not made again when nothing changed', async () => {
    const call = await upstream.serve()
    await sandbox.sync(call)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: 1 })
  })

  it('takes over a mirror that was published in place, and gives it back', async () => {
    const call = await upstream.serve({ publish: 'in-place' })
    await sandbox.sync(call)
    upstream.write('second')
    expect(await sandbox.sync({ ...call, options: { ...call.options, publish: 'swap' } })).toMatchObject({
      outcome: 'success',
      generation: 1,
    })
    expect(readlinkSync(sandbox.published)).toBe('.generations/copy/1')
    upstream.write('third')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(upstream.files))
  })

  it('goes back to an earlier tree, and says which are kept when there is none such', async () => {
    const call = await upstream.serve()
    await sandbox.sync(call)
    upstream.write('second')
    await sandbox.sync(call)
    const back = (to: number | null) => sandbox.sync({ ...call, task: { type: 'rollback', to } })
    expect(await back(null)).toMatchObject({
      outcome: 'success',
      action: 'rollback',
      generation: 1,
      message: expect.stringContaining('generation 1'),
    })
    expect(readFileSync(join(sandbox.published, 'd0/f0'), 'utf8')).toBe('version-0\n')
    expect(await back(2)).toMatchObject({ outcome: 'success', generation: 2 })
    expect(await back(9)).toMatchObject({
      outcome: 'failed',
      reason: 'local_conflict',
      message: expect.stringContaining('there are 1, 2'),
    })
  })

  it('does not go back from another tree than the one the rollback was requested for', async () => {
    const call = await upstream.serve()
    for (const text of ['first', 'second', 'third']) {
      upstream.write(text)
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    }
    const back = (from: number) => sandbox.sync({ ...call, task: { type: 'rollback', to: null, from } })
    expect(await back(2)).toMatchObject({
      outcome: 'cancelled',
      message: 'generation 3 is published, not 2, for which this rollback was requested: nothing was changed',
    })
    expect(readFileSync(join(sandbox.published, 'd0/f0'), 'utf8')).toBe('third\n')
    expect(await back(3)).toMatchObject({ outcome: 'success', generation: 2 })
  })

  it('is there again after a crash between the two steps of the first swap', async () => {
    const call = await upstream.serve({ publish: 'in-place' })
    await sandbox.sync(call)
    const kept = join(sandbox.dataDir, '.generations', 'copy')
    mkdirSync(kept, { recursive: true })
    renameSync(sandbox.published, join(kept, '0'))
    expect(await sandbox.sync({ ...call, options: { ...call.options, publish: 'swap' } })).toMatchObject({
      outcome: 'success',
    })
    expect(readTree(sandbox.published)).toEqual(readTree(upstream.files))
  })

  it('takes what an interrupted sync had brought into the next one', async () => {
    const call = await upstream.serve()
    await sandbox.sync(call)
    upstream.write('second')
    const next = join(sandbox.dataDir, '.generations', 'copy', 'next')
    await sandbox.sync({ ...call, options: { ...call.options, verify: 'debian' } })
    expect(readFileSync(join(next, 'd0/f0'), 'utf8')).toBe('second\n')
    expect(readFileSync(join(sandbox.published, 'd0/f0'), 'utf8')).toBe('version-0\n')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: 2 })
    expect(existsSync(next)).toBe(false)
    expect(readTree(sandbox.published)).toEqual(readTree(upstream.files))
  })

  it('serves a single file too', async () => {
    mkdirSync(join(sandbox.dir, 'www'))
    writeFileSync(join(sandbox.dir, 'www', 'a.iso'), 'one'.repeat(100))
    const upstream = await startHttpUpstream({ dir: join(sandbox.dir, 'www') })
    stops.push(upstream.stop)
    const call = { kind: 'http', upstream: `${upstream.url}/a.iso`, options: { publish: 'swap' } }
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: 1 })
    writeFileSync(join(sandbox.dir, 'www', 'a.iso'), 'another'.repeat(100))
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: 2 })
    expect(readTree(sandbox.published)).toEqual(readTree(join(sandbox.dir, 'www')))
  })
})
