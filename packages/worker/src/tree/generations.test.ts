// generations.test.ts — publish = "swap": what readers see while trees are replaced, what is kept, and what a crash
// leaves.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { sandboxForEach, killAfter, watchReadings } from '../testing/kills.ts'

let sandbox: Sandbox
let files: string
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  files = join(sandbox.dir, 'up', 'files')
})

/** Twenty files in four folders, each with the same text. */
const version = (text: string) =>
  writeFiles(
    files,
    Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`d${index % 4}/f${index}`, `${text}\n`])),
  )

async function serve(options: Record<string, unknown> = {}) {
  version('version-0')
  const upstream = await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
  stops.push(upstream.stop)
  return { kind: 'rsync', upstream: upstream.url, options: { publish: 'swap', compress: false, ...options } }
}

describe('a tree that is published by swap', () => {
  const ROUNDS = 100

  it(`is whole for a reader at every moment of ${ROUNDS} syncs`, async ({ task }) => {
    const call = await serve()
    await sandbox.sync(call)
    const readings = watchReadings(sandbox.published)
    for (let round = 1; round <= ROUNDS; round++) {
      // Within one second, rsync distinguishes versions only by their length.
      version(`version-${round}-${'x'.repeat(round % 9)}`)
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: round + 1 })
    }
    const seen = await readings()
    expect(seen.broken).toEqual([])
    expect(seen.whole).toBeGreaterThan(ROUNDS)
    expect(seen.versions.length).toBeGreaterThan(ROUNDS / 4)
    task.meta.figure = `${ROUNDS} syncs, ${seen.whole} readings, ${seen.broken.length} mixed or missing`
  }, 240_000)

  it('shares unchanged files with the tree before, and keeps as many trees as configured', async () => {
    const call = await serve({ keep_generations: 3 })
    await sandbox.sync(call)
    for (let round = 1; round <= 5; round++) {
      writeFiles(files, { 'd0/f0': `changed${'!'.repeat(round)}\n` })
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
    const call = await serve()
    await sandbox.sync(call)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: 1 })
  })

  it('takes over a mirror that was published in place, and gives it back', async () => {
    const call = await serve({ publish: 'in-place' })
    await sandbox.sync(call)
    version('second')
    expect(await sandbox.sync({ ...call, options: { ...call.options, publish: 'swap' } })).toMatchObject({
      outcome: 'success',
      generation: 1,
    })
    expect(readlinkSync(sandbox.published)).toBe('.generations/copy/1')
    version('third')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(files))
  })

  it('goes back to an earlier tree, and says which are kept when there is none such', async () => {
    const call = await serve()
    await sandbox.sync(call)
    version('second')
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

  it('is there again after a crash between the two steps of the first swap', async () => {
    const call = await serve({ publish: 'in-place' })
    await sandbox.sync(call)
    const kept = join(sandbox.dataDir, '.generations', 'copy')
    mkdirSync(kept, { recursive: true })
    renameSync(sandbox.published, join(kept, '0'))
    expect(await sandbox.sync({ ...call, options: { ...call.options, publish: 'swap' } })).toMatchObject({
      outcome: 'success',
    })
    expect(readTree(sandbox.published)).toEqual(readTree(files))
  })

  it('takes what an interrupted sync had brought into the next one', async () => {
    const call = await serve()
    await sandbox.sync(call)
    version('second')
    const next = join(sandbox.dataDir, '.generations', 'copy', 'next')
    await sandbox.sync({ ...call, options: { ...call.options, verify: 'debian' } })
    expect(readFileSync(join(next, 'd0/f0'), 'utf8')).toBe('second\n')
    expect(readFileSync(join(sandbox.published, 'd0/f0'), 'utf8')).toBe('version-0\n')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: 2 })
    expect(existsSync(next)).toBe(false)
    expect(readTree(sandbox.published)).toEqual(readTree(files))
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

describe('a worker that is killed while it publishes', () => {
  const ROUNDS = process.env['KAGAMI_FAULTS'] === 'full' ? 200 : 12

  it(`shows readers whole trees alone, ${ROUNDS} times`, async ({ task }) => {
    const call = await serve()
    await sandbox.sync(call)
    const readings = watchReadings(sandbox.published)
    for (let round = 1; round <= ROUNDS; round++) {
      version(`version-${round}-${'x'.repeat(round % 9)}`)
      await killAfter((round * 37) % 260, sandbox.dataDir, call)
    }
    version('last')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    const seen = await readings()
    expect(seen.broken).toEqual([])
    task.meta.figure = `${ROUNDS} kills, ${seen.whole} readings, ${seen.broken.length} mixed or missing`
    expect(readTree(sandbox.published)).toEqual(readTree(files))
    rmSync(files, { recursive: true })
  }, 1_200_000)
})
