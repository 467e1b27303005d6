// readers.test.ts — publish = "swap": what a reader that never stops sees while trees are replaced and workers killed.
import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { killAfter, sandboxForEach, watchReadings } from '../testing/kills.ts'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { versionedUpstream, type VersionedUpstream } from '../testing/versioned-upstream.ts'

let sandbox: Sandbox
let upstream: VersionedUpstream
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  upstream = versionedUpstream(sandbox, stops)
})

describe('a tree that is published by swap', () => {
  const ROUNDS = 100

  it(`is whole for a reader at every moment of ${ROUNDS} syncs`, async ({ task }) => {
    const call = await upstream.serve()
    await sandbox.sync(call)
    const readings = watchReadings(sandbox.published)
    for (let round = 1; round <= ROUNDS; round++) {
      // Within one second, rsync distinguishes versions only by their length.
      upstream.write(`version-${round}-${'x'.repeat(round % 9)}`)
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: round + 1 })
    }
    const seen = await readings()
    expect(seen.broken).toEqual([])
    expect(seen.whole).toBeGreaterThan(ROUNDS)
    expect(seen.versions.length).toBeGreaterThan(ROUNDS / 4)
    task.meta.figure = `${ROUNDS} syncs, ${seen.whole} readings, ${seen.broken.length} mixed or missing`
  })
})

describe('a worker that is killed while it publishes', () => {
  const ROUNDS = process.env['KAGAMI_FAULTS'] === 'full' ? 200 : 12

  it(`shows readers whole trees alone, ${ROUNDS} times`, async ({ task }) => {
    const call = await upstream.serve()
    await sandbox.sync(call)
    const readings = watchReadings(sandbox.published)
    for (let round = 1; round <= ROUNDS; round++) {
      upstream.write(`version-${round}-${'x'.repeat(round % 9)}`)
      await killAfter((round * 37) % 260, sandbox.dataDir, call)
    }
    upstream.write('last')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    const seen = await readings()
    expect(seen.broken).toEqual([])
    task.meta.figure = `${ROUNDS} kills, ${seen.whole} readings, ${seen.broken.length} mixed or missing`
    expect(readTree(sandbox.published)).toEqual(readTree(upstream.files))
    rmSync(upstream.files, { recursive: true })
  }, 1_200_000)
})
