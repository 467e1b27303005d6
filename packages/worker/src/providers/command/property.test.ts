// property.test.ts — Random trees that programs of several habits copy, several steps each: what is published is what
// the program left, the numbers are those of the disk, and what people had open stays as it was.
import { existsSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pathBytes, readEntries } from '../../names.ts'
import { sandboxForEach } from '../../testing/kills.ts'
import { createRandomTree, describeTree } from '../../testing/random-trees.ts'
import type { Sandbox } from '../../testing/sandbox.ts'
import { scriptCommand } from '../../testing/worker-toml.ts'
import { sizeOf } from './output.ts'

const TREES = process.env['KAGAMI_FAULTS'] === 'full' ? 200 : 12
const STEPS = 4

/** How a program brings a tree from one folder to another; `careful` ones replace files. */
const HABITS = {
  careful: 'rsync -aH --delete "$FROM/" "$TUNASYNC_WORKING_DIR/"',
  rewrites: 'rsync -aH --delete --inplace --ignore-times "$FROM/" "$TUNASYNC_WORKING_DIR/"',
  renews: 'find . -mindepth 1 -delete; cp -a "$FROM/." "$TUNASYNC_WORKING_DIR/"',
} as const

interface Way {
  readonly seed: number
  readonly publish: string
  readonly tree: string
  readonly habit: keyof typeof HABITS
}

const aWay: fc.Arbitrary<Way> = fc
  .record({
    seed: fc.nat(),
    publish: fc.constantFrom('in-place', 'swap'),
    tree: fc.constantFrom('copy', 'linked', 'direct'),
    habit: fc.constantFrom<Way['habit']>('careful', 'rewrites', 'renews'),
  })
  // Links are for programs that write into no file.
  .filter(({ tree, habit }) => tree !== 'linked' || habit !== 'rewrites')

/** Files and links of a folder, and their bytes. */
function measure(folder: string): { files: number; size_bytes: number } {
  let [files, size] = [0, 0]
  for (const entry of readEntries(folder)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      const inside = measure(path)
      files += inside.files
      size += inside.size_bytes
    } else {
      files++
      size += lstatSync(pathBytes(path)).size
    }
  }
  return { files, size_bytes: size }
}

/** A step that only makes a folder without files. */
const EMPTY_FOLDER = { seed: 65494442, publish: 'in-place', tree: 'copy', habit: 'careful' } as const

describe('a tree that changes at random', () => {
  let sandbox: Sandbox
  sandboxForEach((fresh) => (sandbox = fresh))

  it('is published as the program left it, with its numbers, and earlier trees stay as they were', async () => {
    let trees = 0
    await fc.assert(
      fc.asyncProperty(aWay, async ({ seed, publish, tree, habit }) => {
        const name = `tree-${++trees}`
        const from = join(sandbox.dir, name)
        mkdirSync(from)
        const random = createRandomTree(from, seed)
        // What rsync makes of hard links in place is its own affair.
        const left = join(sandbox.dir, `${name}-left`)
        const keep = `rm -rf ${left}; cp -a . ${left}`
        const script = `export PATH=${process.env['PATH']} FROM=${from}\n${HABITS[habit]}\n${keep}`
        const commands = scriptCommand(join(sandbox.dir, `${name}.sh`), script, { tree })
        const options = {
          command: 'script',
          publish,
          keep_generations: 1,
          max_delete_percent: 100,
          max_shrink_percent: 100,
        }
        let before: ReturnType<typeof describeTree> | null = null
        let generation: number | null = null
        for (let step = 0; step < STEPS; step++) {
          random.step()
          const report = await sandbox.sync({
            kind: 'command',
            upstream: 'https://127.0.0.1/',
            name,
            replicaId: name,
            commands,
            options,
          })
          expect(report, sandbox.log(report)).toMatchObject({ outcome: 'success', ...measure(left) })
          const published = join(sandbox.dataDir, name)
          expect(describeTree(published)).toEqual(describeTree(left))
          const earlier = join(sandbox.dataDir, '.generations', name, `${generation}`)
          if (generation !== null && report.generation !== generation && existsSync(earlier))
            expect(describeTree(earlier)).toEqual(before)
          before = describeTree(published)
          generation = report.generation ?? null
        }
      }),
      { numRuns: TREES, examples: [[EMPTY_FOLDER]] },
    )
  }, 300_000)
})

it('a size is read as it was printed', () => {
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000 }), fc.constantFrom('', 'K', 'M', 'G', 'k', 'm'), (number, unit) => {
      const bytes = number * 1024 ** ['', 'K', 'M', 'G'].indexOf(unit.toUpperCase())
      expect(sizeOf(`${number}${unit}`)).toBe(bytes)
      if (unit !== '') expect(sizeOf(` ${number} ${unit}iB `)).toBe(bytes)
      expect(sizeOf(number.toLocaleString('en-US') + unit)).toBe(bytes)
    }),
  )
  expect(['1.2G', '5 MB', '12 bytes', '12B', '', 'many', '1e5', '-1', '1.2.3'].map(sizeOf)).toEqual([
    1_288_490_189,
    5_000_000,
    12,
    12,
    null,
    null,
    null,
    null,
    null,
  ])
})
