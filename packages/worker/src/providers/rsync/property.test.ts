// property.test.ts — Random trees behind a real rsync daemon, several steps each: after every step the copy is what
// `rsync -a --delete` with the documented flags gives.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream } from '@kagami/demo'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { removePath } from '../../names.ts'
import { createCommandRunner } from '../../programs/command.ts'
import { sandboxForEach } from '../../testing/kills.ts'
import { createRandomTree, describeTree } from '../../testing/random-trees.ts'
import type { Sandbox } from '../../testing/sandbox.ts'
import { contentFlags, type RsyncOptions } from './options.ts'

const TREES = process.env['KAGAMI_FAULTS'] === 'full' ? 200 : 10
const STEPS = 5
/** Trees that once differed. */
const FOUND: [Way][] = [
  // A name with the byte 0x7f.
  [{ seed: 54128524, publish: 'in-place', two_stage: 'off', delay_updates: false, extra_options: [] }],
  // A first stage that could not make way for a hard link.
  [
    {
      seed: 2147483624,
      publish: 'swap',
      two_stage: 'debian',
      delay_updates: false,
      extra_options: ['--hard-links'],
    },
  ],
]
/** What trees lose at random is no accident. */
const LIMITS = { max_delete_percent: 100, max_shrink_percent: 100 }

interface Way {
  seed: number
  publish: string
  two_stage: string
  delay_updates: boolean
  extra_options: string[]
}

describe('a tree that changes at random', () => {
  let sandbox: Sandbox
  const stops = sandboxForEach((fresh) => void (sandbox = fresh))
  const run = createCommandRunner({ signal: new AbortController().signal, log: () => {} })
  const ways: fc.Arbitrary<Way> = fc.record({
    seed: fc.nat(),
    publish: fc.constantFrom('in-place', 'swap'),
    two_stage: fc.constantFrom('off', 'off', 'debian'),
    delay_updates: fc.boolean(),
    extra_options: fc.constantFrom<string[]>([], ['--hard-links']),
  })

  it(
    'is copied as rsync -a --delete copies it, whatever its names and kinds',
    async ({ task }) => {
      const files = join(sandbox.dir, 'upstream', 'files')
      const upstream = await startRsyncUpstream({ dir: join(sandbox.dir, 'upstream') })
      stops.push(upstream.stop)
      let trees = 0
      const follows = fc.asyncProperty(ways, async ({ seed, ...options }) => {
        const name = `tree-${++trees}`
        const expected = join(sandbox.dir, name)
        for (const folder of [files, expected]) removePath(folder)
        mkdirSync(expected)
        const tree = createRandomTree(files, seed)
        const flags = contentFlags({ exclude: [], filters: [], ...options } as unknown as RsyncOptions)
        for (let step = 1; step <= STEPS; step++) {
          tree.step()
          const call = { kind: 'rsync', upstream: upstream.url, name, replicaId: name }
          const report = await sandbox.sync({ ...call, options: { ...LIMITS, ...options } })
          expect(report, `step ${step}: ${report.message} ${report.tail}`).toMatchObject({ outcome: 'success' })
          expect(await run('rsync', ['-a', '--delete', ...flags, upstream.url, `${expected}/`])).toMatchObject({
            code: 0,
          })
          expect(describeTree(join(sandbox.dataDir, name)), `step ${step}`).toEqual(describeTree(expected))
        }
        for (const folder of [expected, join(sandbox.dataDir, name)]) removePath(folder)
      })
      await fc.assert(follows, { numRuns: TREES, examples: FOUND, endOnFailure: true })
      task.meta.figure = `rsync: ${trees} random trees, ${STEPS} steps each, 0 differences`
    },
    TREES * 10_000,
  )
})
