// fleetLayout.ts — The place of each worker's block and each replica's cell on the fleet map. In a small fleet each
// block has its name above it; in a large one blocks flow in lines like words, and are named when they are pointed at.
// Pure.
import {
  countsWorstFirst,
  healthOrder,
  healthRank,
  type Health,
  type HealthCounts,
  type Worker,
} from '@kagami/protocol'

export interface Block {
  readonly worker: Worker
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly perRow: number
  /** Room above the cells for the name, px; 0: it has none. */
  readonly label: number
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
/** Between blocks that flow, and around them, where the frame of the chosen one is drawn; px. */
const FLOW_GAP = 4
const EDGE = 2
/** How many rows of cells a line of blocks may have. The number is taken with which the map is lowest. */
const ROWS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

/** Whether a fleet is so large that its blocks flow. */
export const isLargeFleet = (replicas: number, workers: number): boolean => replicas > 2000 || workers > 60

/** Places the workers' blocks in lines `width` pixels wide. Cells are smaller in a large fleet. */
export function layOut(workers: readonly Worker[], width: number): FleetLayout {
  const total = workers.reduce((sum, worker) => sum + worker.replicas_total, 0)
  if (isLargeFleet(total, workers.length)) return flow(workers, width, total <= 5000 ? 9 : 8)
  const cell = total <= 60 ? 20 : total <= 400 ? 14 : 11
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
      blocks.push({ worker, x: index * (columnWidth + GAP), y, width: columnWidth, height, perRow, label: LABEL }),
    )
    y += height + GAP
  }
  return { blocks, cell, height: Math.max(0, y - GAP) }
}

function flow(workers: readonly Worker[], width: number, cell: number): FleetLayout {
  const all = ROWS.map((rows) => flowInLines(workers, { width, cell, rows }))
  return all.reduce((lowest, one) => (one.height < lowest.height ? one : lowest))
}

/** Blocks of `rows` rows of cells, beside each other and then in the next line; one wider than a line is higher. */
function flowInLines(
  workers: readonly Worker[],
  { width, cell, rows }: { width: number; cell: number; rows: number },
): FleetLayout {
  const perRowMost = Math.max(1, Math.floor((width - 2 * EDGE) / cell))
  const blocks: Block[] = []
  let [x, y, lineHeight] = [EDGE, EDGE, 0]
  for (const worker of workers) {
    const perRow = Math.min(perRowMost, Math.max(1, Math.ceil(worker.replicas_total / rows)))
    const size = { width: perRow * cell - PAD, height: Math.ceil(worker.replicas_total / perRow) * cell - PAD }
    if (x > EDGE && x + size.width > width - EDGE) {
      y += lineHeight + FLOW_GAP + PAD
      ;[x, lineHeight] = [EDGE, 0]
    }
    blocks.push({ worker, x, y, ...size, perRow, label: 0 })
    x += size.width + FLOW_GAP + PAD
    lineHeight = Math.max(lineHeight, size.height)
  }
  return { blocks, cell, height: y + lineHeight + EDGE }
}

/** The worst health of which two workers have different numbers of replicas; undefined: they have the same of all. */
const whereDiffer = (a: Worker, b: Worker): Health | undefined =>
  healthOrder.find((health) => (a.health_counts[health] ?? 0) !== (b.health_counts[health] ?? 0))

/** Workers with the most of the worst replicas first. */
export function worstFirst(workers: readonly Worker[]): Worker[] {
  const differ = (a: Worker, b: Worker): number => {
    const worst = whereDiffer(a, b)
    return worst === undefined ? 0 : (b.health_counts[worst] ?? 0) - (a.health_counts[worst] ?? 0)
  }
  return workers.toSorted(differ)
}

/** Whether a worker that is not on the map is worse than one that is: it has more replicas that are not well. */
export function isWorse(worker: Worker, shown: Worker): boolean {
  const worst = whereDiffer(worker, shown)
  if (worst === undefined || healthRank(worst) > healthRank('late')) return false
  return (worker.health_counts[worst] ?? 0) > (shown.health_counts[worst] ?? 0)
}

/** Of which healths replicas are on none of these workers, worst first: how many of how many. */
export function leftOutOf(shown: readonly Worker[], fleet: HealthCounts): { health: Health; n: number; all: number }[] {
  return countsWorstFirst(fleet)
    .map(([health, all]) => ({
      health,
      n: all - shown.reduce((sum, worker) => sum + (worker.health_counts[health] ?? 0), 0),
      all,
    }))
    .filter(({ n }) => n > 0)
}

/** The cells of a block, worst first. */
export function cellsOf(block: Block, cell: number): Cell[] {
  return countsWorstFirst(block.worker.health_counts)
    .flatMap(([health, n]) => Array.from({ length: n }, () => health))
    .map((health, index) => ({
      health,
      x: block.x + (index % block.perRow) * cell,
      y: block.y + block.label + Math.floor(index / block.perRow) * cell,
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

/** The number of the block that an arrow key leads to from the one `at`; undefined: it is no such key. */
export function stepFrom({ blocks }: FleetLayout, at: number | null, key: string): number | undefined {
  const aside = { ArrowRight: 1, ArrowLeft: -1 }[key]
  const down = { ArrowDown: 1, ArrowUp: -1 }[key]
  if ((aside ?? down) === undefined) return undefined
  const from = at === null ? undefined : blocks[at]
  if (at === null || !from) return (aside ?? down) === 1 ? 0 : blocks.length - 1
  if (aside !== undefined) return (at + aside + blocks.length) % blocks.length
  const beyond = blocks.filter((block) => (block.y - from.y) * down! > 0)
  const distance = (block: Block) => Math.abs(block.y - from.y) * 10_000 + Math.abs(block.x - from.x)
  const [first, ...others] = beyond
  if (!first) return at
  return blocks.indexOf(others.reduce((near, one) => (distance(one) < distance(near) ? one : near), first))
}
