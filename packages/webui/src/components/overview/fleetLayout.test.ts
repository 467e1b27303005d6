// fleetLayout.test.ts — The fleet map has one cell for each replica and finds it again under the pointer.
import type { Worker } from '@kagami/protocol'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cellsOf, findAt, isWorse, layOut, leftOutOf, stepFrom, worstFirst } from './fleetLayout.ts'

const worker = (name: string, health_counts: Record<string, number>): Worker =>
  ({
    worker_id: name,
    name,
    health_counts,
    replicas_total: Object.values(health_counts).reduce((sum, n) => sum + n, 0),
  }) as Worker

it('draws the worst replicas of a worker first', () => {
  const layout = layOut([worker('a', { fresh: 3, failed: 1, late: 1 })], 800)
  expect(cellsOf(layout.blocks[0]!, layout.cell).map((cell) => cell.health)).toEqual([
    'failed',
    'late',
    'fresh',
    'fresh',
    'fresh',
  ])
})
it('finds the worker and the health under the pointer', () => {
  const layout = layOut([worker('a', { fresh: 2 }), worker('b', { failed: 1 })], 800)
  const cell = cellsOf(layout.blocks[1]!, layout.cell)[0]!
  expect(findAt(layout, cell.x + 2, cell.y + 2)).toMatchObject({ block: { worker: { name: 'b' } }, health: 'failed' })
  expect(findAt(layout, 790, 5)).toBeNull()
})
it('keeps 10,000 replicas on 250 workers within one screen', () => {
  const layout = layOut(
    Array.from({ length: 250 }, (_, index) => worker(`w${index}`, { fresh: 40 })),
    1014,
  )
  expect(layout.blocks).toHaveLength(250)
  expect(layout.height).toBeLessThan(800)
})
it('lets blocks of any size flow without touching each other, and finds each cell again', () =>
  fc.assert(
    fc.property(
      fc.array(fc.record({ failed: fc.nat(5), fresh: fc.integer({ min: 1, max: 3000 }) }), {
        minLength: 61,
        maxLength: 80,
      }),
      fc.integer({ min: 280, max: 1900 }),
      (counts, width) => {
        const layout = layOut(
          counts.map((one, index) => worker(`w${index}`, one)),
          width,
        )
        for (const [index, block] of layout.blocks.entries()) {
          const cells = cellsOf(block, layout.cell)
          expect(cells).toHaveLength(block.worker.replicas_total)
          expect(block.x + block.width).toBeLessThanOrEqual(width)
          expect(block.y + block.height).toBeLessThanOrEqual(layout.height)
          const last = cells.at(-1)!
          expect(last.x + last.size <= block.x + block.width && last.y + last.size <= block.y + block.height).toBe(true)
          expect(findAt(layout, last.x + 1, last.y + 1)).toEqual({ block, health: last.health })
          const next = layout.blocks[index + 1]
          if (next) expect(next.x > block.x + block.width || next.y > block.y + block.height).toBe(true)
        }
      },
    ),
    { numRuns: 30 },
  ))
it('has the workers with the most of the worst first', () => {
  const fleet = [
    worker('calm', { fresh: 9 }),
    worker('late', { late: 5 }),
    worker('one', { failed: 1, fresh: 9 }),
    worker('two', { failed: 2 }),
    worker('one-and-late', { failed: 1, late: 1 }),
  ]
  expect(worstFirst(fleet).map(({ name }) => name)).toEqual(['two', 'one-and-late', 'one', 'late', 'calm'])
})
it('counts what it leaves out by health, worst first', () => {
  const shown = [worker('a', { failed: 1, fresh: 9 }), worker('b', { late: 2 })]
  expect(leftOutOf(shown, { fresh: 30, failed: 1, late: 5 })).toEqual([
    { health: 'late', n: 3, all: 5 },
    { health: 'fresh', n: 21, all: 30 },
  ])
  // Counts of the fleet and of its workers are not of one moment.
  expect(leftOutOf(shown, { fresh: 8 })).toEqual([])
})
it('takes another worker as worse only for replicas that are not well', () => {
  const shown = worker('shown', { late: 2, fresh: 5 })
  expect(isWorse(worker('failed', { failed: 1 }), shown)).toBe(true)
  expect(isWorse(worker('later', { late: 3 }), shown)).toBe(true)
  expect(isWorse(worker('less', { late: 1, syncing: 9 }), shown)).toBe(false)
  expect(isWorse(worker('busy', { late: 2, syncing: 9 }), shown)).toBe(false)
  expect(isWorse(shown, shown)).toBe(false)
})
it('moves by arrow keys: aside through all, up and down to the nearest block of the next line', () => {
  const layout = layOut(
    Array.from({ length: 100 }, (_, index) => worker(`w${index}`, { fresh: 40 })),
    400,
  )
  const perLine = layout.blocks.findIndex(({ y }) => y > layout.blocks[0]!.y)
  expect(perLine).toBeGreaterThan(1)
  expect(stepFrom(layout, null, 'ArrowRight')).toBe(0)
  expect(stepFrom(layout, null, 'ArrowUp')).toBe(99)
  expect(stepFrom(layout, 99, 'ArrowRight')).toBe(0)
  expect(stepFrom(layout, 1, 'ArrowDown')).toBe(1 + perLine)
  expect(stepFrom(layout, 1 + perLine, 'ArrowUp')).toBe(1)
  expect(stepFrom(layout, 1, 'ArrowUp')).toBe(1)
  expect(stepFrom(layout, 1, 'x')).toBeUndefined()
})
