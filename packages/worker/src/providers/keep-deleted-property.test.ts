// keep-deleted-property.test.ts — Random trees with keep_deleted, several syncs at random times each: what was removed
// within its time is there with its last bytes, and afterwards the copy is what `rsync -a --delete` gives.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream } from '@kagami/demo'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { removePath } from '../names.ts'
import { createCommandRunner } from '../programs/command.ts'
import { sandboxForEach } from '../testing/kills.ts'
import { createRandomTree, describeTree } from '../testing/random-trees.ts'
import type { Sandbox } from '../testing/sandbox.ts'
import { startWebServer } from '../testing/web-servers.ts'
import { contentFlags, type RsyncOptions } from './rsync/options.ts'

const TREES = process.env['KAGAMI_FAULTS'] === 'full' ? 150 : 8
const HOUR_MS = 3_600_000
const KEEP_HOURS = 6
/** What trees lose at random is no accident. */
const OPTIONS = { max_delete_percent: 100, max_shrink_percent: 100, keep_deleted: `${KEEP_HOURS}h` }
/** nginx lists no name that begins with a point; a backslash or control character is left out by us. */
const isServed = (name: string) => !/^\.|[\\\u0000-\u001f\u007f-\u009f]|^index\.html$/.test(name)

/**
 * Trees that once went wrong: an unsafe link in the place of a folder with kept files, where rsync looks no more; a
 * file above folders that were to be deleted.
 */
const FOUND = [
  { seed: 541396719, publish: 'in-place', two_stage: 'debian', delay_updates: true, hours: [4, 2, 2, 1, 0, 2] },
  { seed: 2147483642, publish: 'in-place', two_stage: 'debian', delay_updates: false, hours: [4, 1, 1, 0, 3, 3] },
]

/** Path → what a mirror keeps of it. */
type Described = Record<string, string>

describe('a tree that changes at random, with keep_deleted', () => {
  let sandbox: Sandbox
  const stops = sandboxForEach((fresh) => void (sandbox = fresh))
  const run = createCommandRunner({ signal: new AbortController().signal, log: () => {} })
  const ways = fc.record({
    seed: fc.nat(),
    publish: fc.constantFrom('in-place', 'swap'),
    two_stage: fc.constantFrom('off', 'debian'),
    delay_updates: fc.boolean(),
    hours: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 6, maxLength: 6 }),
  })

  it.for(['rsync', 'http'])(
    'has what its upstream removed for its time and no longer, over %s',
    { timeout: TREES * 20_000 },
    async (kind, { task }) => {
      const files = join(sandbox.dir, 'upstream', 'files')
      mkdirSync(files, { recursive: true })
      const upstream = await serve(kind, files)
      let trees = 0
      const follows = fc.asyncProperty(ways, async ({ seed, publish, two_stage, delay_updates, hours }) => {
        const name = `tree-${++trees}`
        const [expected, copy] = [join(sandbox.dir, name), join(sandbox.dataDir, name)]
        for (const folder of [files, expected]) removePath(folder)
        mkdirSync(expected)
        const tree = createRandomTree(files, seed, kind === 'http' ? { allows: isServed, links: false } : {})
        const own = kind === 'rsync' ? { two_stage, delay_updates } : {}
        const model = createModel()
        let now = 0
        const sync = async () => {
          const call = { kind, upstream: upstream.url, name, replicaId: name, laterMs: now * HOUR_MS }
          const report = await sandbox.sync({ ...call, options: { ...OPTIONS, publish, ...own } })
          expect(report, `at ${now}: ${report.message} ${report.tail}`).toMatchObject({ outcome: 'success' })
          return report
        }
        for (const pause of hours) {
          tree.step()
          now += pause
          const { kept_files } = await sync()
          const there = await upstream.describe(expected)
          const kept = model.follow(there, describeTree(kind === 'http' ? files : expected), now)
          expect(filesOf(copy, kind), `at ${now}`).toEqual({ ...there, ...kept })
          expect(kept_files?.count ?? 0, `at ${now}`).toBe(Object.keys(kept).length)
        }
        // A minute for the time that the test itself took.
        now += KEEP_HOURS + 1 / 60
        expect(await sync()).toMatchObject({ kept_files: null })
        expect(filesOf(copy, kind)).toEqual(await upstream.describe(expected))
        if (kind === 'rsync') expect(describeTree(copy)).toEqual(describeTree(expected))
        for (const folder of [expected, copy]) removePath(folder)
      })
      await fc.assert(follows, { numRuns: TREES, endOnFailure: true, examples: FOUND.map((way) => [way]) })
      task.meta.figure = `${kind}: ${trees} random trees with keep_deleted, 7 syncs each, 0 differences`
    },
  )

  /** Serves a folder; `describe` tells what a mirror without keep_deleted has of it, which `expected` is made. */
  async function serve(kind: string, files: string) {
    if (kind === 'http') {
      const server = await startWebServer('nginx', { root: files, state: join(sandbox.dir, 'state') })
      stops.push(server.stop)
      return { url: `${server.url}/`, describe: async () => filesOf(files, kind) }
    }
    const { url, stop } = await startRsyncUpstream({ dir: join(files, '..') })
    stops.push(stop)
    const flags = contentFlags({ exclude: [], filters: [], extra_options: [] } as unknown as RsyncOptions)
    const describe = async (expected: string) => {
      expect(await run('rsync', ['-a', '--delete', ...flags, url, `${expected}/`])).toMatchObject({ code: 0 })
      return filesOf(expected, kind)
    }
    return { url, describe }
  }
})

/** What must be kept, beside what the upstream has. */
function createModel() {
  const kept = new Map<string, { what: string; until: number }>()
  let before: Described = {}
  return {
    /** Takes what the upstream has at a sync, `everything` with folders, and returns what readers must find besides. */
    follow(there: Described, everything: Described, now: number): Described {
      for (const [path, what] of Object.entries(before))
        if (!(path in there) && !kept.has(path)) kept.set(path, { what, until: now + KEEP_HOURS })
      before = there
      for (const [path, { until }] of kept)
        if (until <= now || path in everything || isTaken(path, there)) kept.delete(path)
      return Object.fromEntries([...kept].map(([path, { what }]) => [path, what]))
    },
  }
}

/** Whether the upstream has something in the place of a path: the same name, a file above it, or a folder there. */
function isTaken(path: string, there: Described): boolean {
  const others = Object.keys(there)
  return others.some((other) => other === path || path.startsWith(`${other}/`) || other.startsWith(`${path}/`))
}

/** Files, and for rsync links too: time and content, and for rsync their rights. */
function filesOf(root: string, kind: string): Described {
  return Object.fromEntries(
    Object.entries(describeTree(root)).flatMap(([path, said]) => {
      if (said.startsWith('folder ')) return []
      return [[path, kind === 'http' ? said.replace(/^file \d+ /, '') : said]]
    }),
  )
}
