// names.test.ts — Trees whose names are not UTF-8: published, replaced, kept, rolled back, pruned, taken over.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { pathBytes, nameOfBytes, removePath } from '../names.ts'
import { sandboxForEach } from '../testing/kills.ts'
import { createRandomTree, describeTree } from '../testing/random-trees.ts'
import type { Sandbox } from '../testing/sandbox.ts'
import { listGenerations } from './generations.ts'

let sandbox: Sandbox
let files: string
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  files = join(sandbox.dir, 'up', 'files')
})
const strange = nameOfBytes(Buffer.from([0x63, 0xe9, 0xff, 0x0a]))

/** A folder of a strange name, with as many files as said. */
function fill(folder: string, count: number): void {
  mkdirSync(pathBytes(join(folder, strange)), { recursive: true })
  for (let index = 0; index < count; index++)
    writeFileSync(pathBytes(join(folder, strange, `${strange}${index}`)), `${index}\n`, { mode: 0o644 })
}

async function serve(options: object) {
  const upstream = await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
  stops.push(upstream.stop)
  const limits = { max_delete_percent: 100, max_shrink_percent: 100 }
  return { kind: 'rsync', upstream: upstream.url, options: { ...limits, ...options } }
}

describe('a tree whose names are not UTF-8', () => {
  it.for([10, 400])('is published, be it flushed file by file or at once: %d files', async (count) => {
    fill(files, count)
    expect(await sandbox.sync(await serve({}))).toMatchObject({ outcome: 'success', files: count })
    expect(describeTree(sandbox.published)).toEqual(describeTree(files))
  })

  it('is replaced by swap, rolled back and pruned', async () => {
    fill(files, 10)
    const tree = createRandomTree(files, 4711, { links: false })
    const call = await serve({ publish: 'swap', keep_generations: 1 })
    const shown = []
    for (let round = 0; round < 4; round++) {
      tree.step()
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
      shown.push(describeTree(`${sandbox.published}/`))
    }
    expect(shown.at(-1)).not.toEqual(shown.at(-2))
    expect(listGenerations(sandbox.dataDir, 'copy').map(({ number }) => number)).toEqual([3, 4])
    expect(await sandbox.sync({ ...call, task: { type: 'rollback', to: null } })).toMatchObject({
      outcome: 'success',
      generation: 3,
    })
    expect(describeTree(`${sandbox.published}/`)).toEqual(shown.at(-2))
  })

  it('is taken over when it was there before Kagami, and brought up to date', async () => {
    fill(files, 10)
    fill(sandbox.published, 12)
    expect(await sandbox.sync({ ...(await serve({})), adoptExisting: true })).toMatchObject({ outcome: 'success' })
    expect(describeTree(sandbox.published)).toEqual(describeTree(files))
  })

  it('is verified and shown with its names escaped, not decoded', async () => {
    fill(files, 3)
    mkdirSync(pathBytes(join(files, 'dists', strange)), { recursive: true })
    writeFileSync(pathBytes(join(files, 'dists', strange, 'InRelease')), `SHA256:\n ${'0'.repeat(64)} 1 Packages\n`)
    writeFileSync(pathBytes(join(files, 'dists', strange, 'Packages')), 'x')
    const report = await sandbox.sync(await serve({ verify: 'debian' }))
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain('c\\351\\377')
  })

  it('is held, with its names escaped, when most of it goes', async () => {
    fill(files, 10)
    const call = await serve({ max_delete_percent: 50 })
    await sandbox.sync(call)
    writeFileSync(join(files, 'new'), 'x')
    renameSync(pathBytes(join(files, strange)), join(sandbox.dir, 'elsewhere'))
    const report = await sandbox.sync(call)
    expect(report).toMatchObject({ outcome: 'held', hold: { removed: 10, total: 10 } })
    expect(report.hold?.examples).toContain('c\\351\\377\\012/c\\351\\377\\0121')
    removePath(join(sandbox.dir, 'elsewhere'))
  })
})
