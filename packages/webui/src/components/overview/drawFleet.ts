// drawFleet.ts — Draws the fleet map. Fresh cells are pale; problems have a strong colour, and a mark besides. While
// the map stays as it is laid out, only what has changed is drawn.
import { healthLooks, type Health } from '@kagami/protocol'
import { cellsOf, type Block, type Cell, type FleetLayout } from './fleetLayout.ts'

/** Colours by name, and the font. */
type Ink = Record<string, string>

/** What a block looks like on the canvas. */
interface DrawnBlock {
  /** Its label and where it is. */
  readonly head: string
  /** How many cells have which state. */
  readonly counts: string
  readonly cells: readonly Health[]
}

/** How to draw a layout on `canvas`, with a frame around the block `at`. */
export function createFleetPen(
  canvas: HTMLCanvasElement,
): (layout: FleetLayout, size: { width: number; at: number | null }) => void {
  let drawn: { readonly whole: string; readonly blocks: DrawnBlock[] } | null = null
  return (layout, { width, at }) => {
    const ratio = window.devicePixelRatio || 1
    const ink = inkOf(canvas)
    const whole = JSON.stringify([width, layout.height, layout.cell, layout.blocks.length, ratio, at, ink])
    const pen = canvas.getContext('2d')
    if (!pen) return
    if (drawn?.whole !== whole) {
      resize(canvas, width, layout.height)
      pen.scale(ratio, ratio)
      pen.font = `11px ${ink['sans']}`
      pen.textBaseline = 'top'
      drawn = { whole, blocks: [] }
    }
    for (const [index, block] of layout.blocks.entries())
      drawn.blocks[index] = drawBlock({ pen, ink, cell: layout.cell }, block, drawn.blocks[index])
    if (at !== null && layout.blocks[at]) drawFrame(pen, ink, layout.blocks[at])
  }
}

function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  const ratio = window.devicePixelRatio || 1
  canvas.width = width * ratio
  canvas.height = height * ratio
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
}

interface Tools {
  readonly pen: CanvasRenderingContext2D
  readonly ink: Ink
  /** Side of a cell with its gap, px. */
  readonly cell: number
}

/** Draws what differs from `before`; undefined: the canvas is empty there. */
function drawBlock({ pen, ink, cell }: Tools, block: Block, before: DrawnBlock | undefined): DrawnBlock {
  const { name, presence, health_counts } = block.worker
  const label = presence === 'online' ? name : `? ${name}`
  const head = `${label} ${block.x} ${block.y} ${block.height}`
  const counts = JSON.stringify(health_counts)
  if (before?.head === head && before.counts === counts) return before
  const cells = cellsOf(block, cell)
  if (before?.head !== head || cells.length < before.cells.length) {
    if (before) pen.clearRect(block.x, block.y, block.width, block.height)
    pen.fillStyle = (presence === 'online' ? ink['muted'] : ink['stale']) ?? ''
    if (block.label > 0) pen.fillText(cutToWidth(pen, label, block.width), block.x, block.y)
    for (const one of cells) drawCell(pen, ink, one)
  } else for (const [index, one] of cells.entries()) if (one.health !== before.cells[index]) drawCell(pen, ink, one)
  return { head, counts, cells: cells.map(({ health }) => health) }
}

function drawFrame(pen: CanvasRenderingContext2D, ink: Ink, block: Block): void {
  pen.strokeStyle = ink['accent'] ?? ''
  pen.lineWidth = 2
  // Around cells that flow there is room for it.
  const inset = block.label > 0 ? 1 : -1
  pen.strokeRect(block.x + inset, block.y + inset, block.width - 2 * inset, block.height - 2 * inset)
}

function inkOf(canvas: HTMLCanvasElement): Ink {
  const style = getComputedStyle(canvas)
  const names = [
    'fresh',
    'late',
    'stale',
    'failed',
    'syncing',
    'queued',
    'quiet',
    'fresh-dim',
    'quiet-dim',
    'muted',
    'accent',
    'panel',
  ]
  return {
    ...Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)])),
    sans: style.fontFamily,
  }
}

function cutToWidth(pen: CanvasRenderingContext2D, text: string, width: number): string {
  if (pen.measureText(text).width <= width) return text
  let short = text
  while (short.length > 1 && pen.measureText(`${short}…`).width > width) short = short.slice(0, -1)
  return `${short}…`
}

function drawCell(pen: CanvasRenderingContext2D, ink: Ink, { health, x, y, size }: Cell): void {
  const tone = healthLooks[health]?.tone ?? 'quiet'
  pen.clearRect(x - 1, y - 1, size + 2, size + 2)
  pen.fillStyle = (tone === 'fresh' ? ink['fresh-dim'] : tone === 'quiet' ? ink['quiet-dim'] : ink[tone]) ?? ''
  pen.fillRect(x, y, size, size)
  const mark = markOf(health, tone, size)
  if (mark.length === 0) return
  pen.strokeStyle = ink['panel'] ?? ''
  pen.lineWidth = Math.max(1, size / 8)
  pen.beginPath()
  for (const [fromX, fromY, toX, toY] of mark) {
    pen.moveTo(x + fromX, y + fromY)
    pen.lineTo(x + toX, y + toY)
  }
  pen.stroke()
}

/** The lines of the mark in a cell, each from x, y to x, y. */
function markOf(health: Health, tone: string, size: number): [number, number, number, number][] {
  const [near, far] = [size * 0.25, size * 0.75]
  if (health === 'failed')
    return [
      [near, near, far, far],
      [far, near, near, far],
    ]
  if (health === 'unknown') return [[0, size, size, 0]]
  return tone === 'stale' ? [[near, size / 2, far, size / 2]] : []
}
