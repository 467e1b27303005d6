// drawFleet.ts — Draws the fleet map. Fresh cells are pale; problems have a strong colour, and a mark besides.
import { healthLooks, type Health } from '@kagami/protocol'
import { cellsOf, type FleetLayout } from './fleetLayout.ts'

/** Colours by name, and the font. */
type Ink = Record<string, string>

/** Draws `layout` on `canvas`, with a frame around the block `at`. */
export function drawFleet(canvas: HTMLCanvasElement, layout: FleetLayout, width: number, at: number | null): void {
  const ratio = window.devicePixelRatio || 1
  canvas.width = width * ratio
  canvas.height = layout.height * ratio
  canvas.style.width = `${width}px`
  canvas.style.height = `${layout.height}px`
  const pen = canvas.getContext('2d')
  if (!pen) return
  pen.scale(ratio, ratio)
  const ink = inkOf(canvas)
  pen.font = `11px ${ink['sans']}`
  pen.textBaseline = 'top'
  layout.blocks.forEach((block, index) => {
    pen.fillStyle = (block.worker.presence === 'online' ? ink['muted'] : ink['stale']) ?? ''
    const name = block.worker.presence === 'online' ? block.worker.name : `? ${block.worker.name}`
    pen.fillText(cutToWidth(pen, name, block.width), block.x, block.y)
    for (const cell of cellsOf(block, layout.cell)) drawCell(pen, ink, cell)
    if (index !== at) return
    pen.strokeStyle = ink['accent'] ?? ''
    pen.lineWidth = 2
    pen.strokeRect(block.x + 1, block.y + 1, block.width - 2, block.height - 2)
  })
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

function drawCell(
  pen: CanvasRenderingContext2D,
  ink: Ink,
  cell: { health: Health; x: number; y: number; size: number },
): void {
  const tone = healthLooks[cell.health]?.tone ?? 'quiet'
  pen.fillStyle = (tone === 'fresh' ? ink['fresh-dim'] : tone === 'quiet' ? ink['quiet-dim'] : ink[tone]) ?? ''
  pen.fillRect(cell.x, cell.y, cell.size, cell.size)
  pen.strokeStyle = ink['panel'] ?? ''
  pen.lineWidth = Math.max(1, cell.size / 8)
  const edge = cell.size * 0.25
  pen.beginPath()
  if (cell.health === 'failed') {
    pen.moveTo(cell.x + edge, cell.y + edge)
    pen.lineTo(cell.x + cell.size - edge, cell.y + cell.size - edge)
    pen.moveTo(cell.x + cell.size - edge, cell.y + edge)
    pen.lineTo(cell.x + edge, cell.y + cell.size - edge)
  } else if (cell.health === 'unknown') {
    pen.moveTo(cell.x, cell.y + cell.size)
    pen.lineTo(cell.x + cell.size, cell.y)
  } else if (tone === 'stale') {
    pen.moveTo(cell.x + edge, cell.y + cell.size / 2)
    pen.lineTo(cell.x + cell.size - edge, cell.y + cell.size / 2)
  }
  pen.stroke()
}
