// property.test.ts — Random trees behind a real nginx, several steps each: after every step the copy has the files that
// nginx serves, byte for byte, under the same names.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { removePath } from '../../names.ts'
import { sandboxForEach } from '../../testing/kills.ts'
import { createRandomTree, describeTree } from '../../testing/random-trees.ts'
import type { Sandbox } from '../../testing/sandbox.ts'
import { startWebServer } from '../../testing/web-servers.ts'

const TREES = process.env['KAGAMI_FAULTS'] === 'full' ? 200 : 10
const STEPS = 5
/** What trees lose at random is no accident. */
const LIMITS = { max_delete_percent: 100, max_shrink_percent: 100 }
/** nginx lists no name that begins with a point; a backslash or control character is left out by us. */
const isServed = (name: string) => !/^\.|[\\\u0000-\u001f\u007f-\u009f]|^index\.html$/.test(name)

describe('a tree that changes at random', () => {
  let sandbox: Sandbox
  const stops = sandboxForEach((fresh) => void (sandbox = fresh))
  const ways = fc.record({
    seed: fc.nat(),
    publish: fc.constantFrom('in-place', 'swap'),
    compare: fc.constantFrom('auto', 'auto', 'ask'),
    parallel: fc.constantFrom(1, 4),
  })

  it(
    'is copied file for file, whatever its names and kinds',
    async ({ task }) => {
      const files = join(sandbox.dir, 'files')
      mkdirSync(files)
      const server = await startWebServer('nginx', { root: files, state: join(sandbox.dir, 'state') })
      stops.push(server.stop)
      let trees = 0
      const follows = fc.asyncProperty(ways, async ({ seed, ...options }) => {
        const name = `tree-${++trees}`
        const upstream = join(files, name)
        const copy = join(sandbox.dataDir, name)
        const tree = createRandomTree(upstream, seed, { allows: isServed, links: false })
        for (let step = 1; step <= STEPS; step++) {
          tree.step()
          const call = { kind: 'http', upstream: `${server.url}/${name}/`, name, replicaId: name }
          const report = await sandbox.sync({ ...call, options: { ...LIMITS, ...options } })
          expect(report, `step ${step}: ${report.message}`).toMatchObject({ outcome: 'success', left_out: null })
          expect(filesOf(copy), `step ${step}`).toEqual(filesOf(upstream))
        }
        removePath(upstream)
      })
      await fc.assert(follows, { numRuns: TREES, endOnFailure: true })
      task.meta.figure = `http: ${trees} random trees behind nginx, ${STEPS} steps each, 0 differences`
    },
    TREES * 10_000,
  )
})

/** What http tells of a tree: names, times and content of its files. */
function filesOf(root: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(describeTree(root)).flatMap(([path, said]) => {
      const [, seconds, content] = /^file \d+ (-?\d+) (.*)$/.exec(said) ?? []
      return content === undefined ? [] : [[path, `${seconds} ${content}`]]
    }),
  )
}
