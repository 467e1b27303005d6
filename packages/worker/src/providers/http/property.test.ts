// property.test.ts — Random trees behind a real nginx, several steps each: after every step the copy has the files that
// nginx serves, byte for byte, under the same names.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { removePath, showName } from '../../names.ts'
import { sandboxForEach } from '../../testing/kills.ts'
import { createRandomTree, describeTree } from '../../testing/random-trees.ts'
import { readTree, type Sandbox } from '../../testing/sandbox.ts'
import { startWebServer } from '../../testing/web-servers.ts'
import { createFilter } from './filter.ts'

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
  const patterns = fc.record({
    include: fc.constantFrom<string[]>([], [], ['*a*', 'dists/**'], ['*[0-9]*']),
    exclude: fc.constantFrom<string[]>([], ['Packages', '/dists'], ['*e*'], ['~', 'In*']),
  })

  it(
    'is copied file for file, whatever its names and kinds',
    async ({ task }) => {
      const files = join(sandbox.dir, 'files')
      mkdirSync(files)
      const server = await startWebServer('nginx', { root: files, state: join(sandbox.dir, 'state') })
      stops.push(server.stop)
      let trees = 0
      const follows = fc.asyncProperty(
        fc.tuple(ways, fc.array(patterns, { minLength: STEPS, maxLength: STEPS })),
        async ([{ seed, ...way }, each]) => {
          const name = `tree-${++trees}`
          const upstream = join(files, name)
          const copy = join(sandbox.dataDir, name)
          const tree = createRandomTree(upstream, seed, { allows: isServed, links: false })
          for (let step = 1; step <= STEPS; step++) {
            tree.step()
            const call = { kind: 'http', upstream: `${server.url}/${name}/`, name, replicaId: name }
            // Nothing is published while nothing is part of the mirror.
            const chosen = step === 1 ? { include: [], exclude: [] } : each[step - 1]!
            const report = await sandbox.sync({ ...call, options: { ...LIMITS, ...way, ...chosen } })
            const said = `step ${step}: ${JSON.stringify(chosen)} ${report.message}`
            const held = new Set(Object.keys(readTree(upstream)).filter(createFilter(chosen).holds).map(showName))
            const wanted = Object.entries(filesOf(upstream)).filter(([path]) => held.has(path))
            const sizes = wanted.map(([, file]) => Buffer.from(file.split(' ')[1]!, 'base64').length)
            if (wanted.length === 0) {
              expect(report, said).toMatchObject({ reason: 'upstream_empty' })
              return
            }
            // Empty files in place of all that had content are as suspicious as none.
            if (report.reason === 'upstream_empty') {
              expect(Math.max(...sizes), said).toBe(0)
              return
            }
            expect(report, said).toMatchObject({ outcome: 'success', left_out: null })
            expect(filesOf(copy), said).toEqual(Object.fromEntries(wanted))
            expect(report, said).toMatchObject({ files: sizes.length, size_bytes: sizes.reduce((a, b) => a + b, 0) })
          }
          removePath(upstream)
        },
      )
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
