// fleetLayout.ts — The place of each worker's block and each replica's cell on the fleet map. Pure.
import { countsWorstFirst, type Health, type Worker } from '@kagami/protocol'

export interface Block {
  readonly worker: Worker
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly perRow: number
}
export interface FleetLayout {
  readonly blocks: readonly Block[]
  readonly cell: number
  readonly height: number
}

/** A replica on the map; px. */
export interface Cell {
  readonly health: Health
  readonly x: number
  readonly y: number
  readonly size: number
}

const LABEL = 16
const GAP = 12
const PAD = 2

/** Places the workers' blocks in rows `width` pixels wide. Cells are smaller in a large fleet. */
export function layOut(workers: readonly Worker[], width: number): FleetLayout {
  const total = workers.reduce((sum, worker) => sum + worker.replicas_total, 0)
  const cell = total <= 60 ? 20 : total <= 400 ? 14 : total <= 2000 ? 11 : 9
  const perRow = total <= 400 ? 12 : 10
  const columnWidth = Math.max(perRow * cell, 92)
  const columns = Math.max(1, Math.floor((width + GAP) / (columnWidth + GAP)))
  const blocks: Block[] = []
  let y = 0
  for (let at = 0; at < workers.length; at += columns) {
    const row = workers.slice(at, at + columns)
    const lines = Math.max(1, ...row.map((worker) => Math.ceil(worker.replicas_total / perRow)))
    const height = LABEL + lines * cell
    row.forEach((worker, index) =>
      blocks.push({ worker, x: index * (columnWidth + GAP), y, width: columnWidth, height, perRow }),
    )
    y += height + GAP
  }
  return { blocks, cell, height: Math.max(0, y - GAP) }
}

/** The cells of a block, worst first. */
export function cellsOf(block: Block, cell: number): Cell[] {
  return countsWorstFirst(block.worker.health_counts)
    .flatMap(([health, n]) => Array.from({ length: n }, () => health))
    .map((health, index) => ({
      health,
      x: block.x + (index % block.perRow) * cell,
      y: block.y + LABEL + Math.floor(index / block.perRow) * cell,
      size: cell - PAD,
    }))
}

/** The block and the health under a point. */
export function findAt(layout: FleetLayout, x: number, y: number): { block: Block; health: Health | null } | null {
  const block = layout.blocks.find((one) => x >= one.x && x < one.x + one.width && y >= one.y && y < one.y + one.height)
  if (!block) return null
  const cell = cellsOf(block, layout.cell).find(
    (one) => x >= one.x && x < one.x + layout.cell && y >= one.y && y < one.y + layout.cell,
  )
  return { block, health: cell?.health ?? null }
}
