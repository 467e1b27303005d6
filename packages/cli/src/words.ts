// words.ts — States, ages, sizes and durations in the words and signs of the UI. Colour comes last and only on a
// terminal.
import type { Health } from '@kagami/protocol'
import pc from 'picocolors'

const SIGNS: Record<string, [glyph: string, paint: (text: string) => string]> = {
  failed: ['✕', pc.red],
  held: ['⊘', pc.red],
  stale: ['▲', pc.yellow],
  stuck: ['◼', pc.yellow],
  unknown: ['?', pc.dim],
  late: ['◐', pc.yellow],
  syncing: ['↻', pc.cyan],
  queued: ['◌', pc.magenta],
  paused: ['‖', pc.dim],
  new: ['○', pc.dim],
  fresh: ['✓', pc.green],
  online: ['✓', pc.green],
  lost: ['?', pc.dim],
  pending: ['○', pc.magenta],
  approved: ['✓', pc.green],
  rejected: ['✕', pc.red],
  success: ['✓', pc.green],
  cancelled: ['‖', pc.dim],
  interrupted: ['‖', pc.dim],
  running: ['↻', pc.cyan],
  ready: ['✓', pc.green],
  error: ['✕', pc.red],
}

/** Sign and word of a state. */
export function state(word: string, count?: number): string {
  const [glyph, paint] = SIGNS[word] ?? ['·', (text: string) => text]
  return paint(count === undefined ? `${glyph} ${word}` : `${glyph} ${count} ${word}`)
}

/** Counts by health, worst first; healths nobody has are left out. */
export function healthCounts(counts: Record<string, number>): string {
  const order: Health[] = [
    'failed',
    'held',
    'stale',
    'stuck',
    'unknown',
    'late',
    'syncing',
    'queued',
    'paused',
    'new',
    'fresh',
  ]
  const parts = order.filter((health) => counts[health]).map((health) => state(health, counts[health]))
  return parts.length > 0 ? parts.join('  ') : '-'
}

/** How long ago, or "never". */
export function age(instant: string | null, now = Date.now()): string {
  return instant ? `${span(Math.max(0, now - Date.parse(instant)))} ago` : 'never'
}

/** How long until, or "-". */
export function due(instant: string | null, now = Date.now()): string {
  if (!instant) return '-'
  const left = Date.parse(instant) - now
  return left <= 0 ? 'now' : `in ${span(left)}`
}

/** A duration in its largest fitting unit. */
export function span(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (seconds < 90) return `${seconds}s`
  if (seconds < 5400) return `${Math.round(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86_400)}d`
}

/** Bytes in IEC units, or "-" when nobody measured them. */
export function size(bytes: number | null): string {
  if (bytes === null) return '-'
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let [value, unit] = [bytes, 0]
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1]
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** The beginning of an id. Ids begin with the time they were made, so fewer letters would fit several. */
export const short = (id: string): string => id.slice(0, 18)
