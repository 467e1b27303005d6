// fleetLayout.test.ts — The fleet map has one cell for each replica and finds it again under the pointer.
import type { Worker } from '@kagami/protocol'
import { expect, it } from 'vitest'
import { cellsOf, findAt, layOut } from './fleetLayout.ts'

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
it('keeps 10,000 replicas on 250 workers in view', () => {
  const layout = layOut(
    Array.from({ length: 250 }, (_, index) => worker(`w${index}`, { fresh: 40 })),
    1100,
  )
  expect(layout.blocks).toHaveLength(250)
  expect(layout.height).toBeLessThan(2200)
})
