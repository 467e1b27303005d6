// words.ts — States, ages, sizes and durations as a terminal shows them. Colour comes last and only on a terminal.
import {
  countsWorstFirst,
  diskLook,
  haltOf,
  bulkLooks,
  healthLooks,
  healthOrder,
  remainingTime,
  syncLooks,
  usableOf,
  usedShare,
  workerLooks,
  type DiskForecast,
  type Halt,
  type Look,
  type Replica,
  type Storage,
  type Tone,
  type TypicalDuration,
} from '@kagami/protocol'
import { ConfigError, nearest } from '@kagami/runtime/config'
import pc from 'picocolors'

const COLOURS: Record<Tone, (text: string) => string> = {
  failed: pc.red,
  stale: pc.yellow,
  late: pc.yellow,
  syncing: pc.cyan,
  queued: pc.magenta,
  fresh: pc.green,
  quiet: pc.dim,
}
const LOOKS: Record<string, Look> = {
  ...bulkLooks,
  ...syncLooks,
  ...workerLooks,
  ...healthLooks,
  disk: diskLook,
  approved: { ...workerLooks.online, word: 'approved' },
}

/** Glyph and word of a state, and how many have it. */
export function state(word: string, count?: number): string {
  const look = LOOKS[word]
  const text = [look?.glyph ?? '·', count, look?.word ?? word].filter((part) => part !== undefined).join(' ')
  return look ? COLOURS[look.tone](text) : text
}

/** Counts by health, worst first, without those that are zero. */
export const healthCounts = (counts: Record<string, number>): string => healthParts(counts).join('  ')

/** The same, a part for each health. */
export function healthParts(counts: Record<string, number>): string[] {
  const words = countsWorstFirst(counts).map(([health, count]) => state(health, count))
  return words.length > 0 ? words : ['-']
}

/** The healths of an option, `failed,held`. Throws ConfigError for a word that is none. */
export const healthsOf = (option: string, text?: string): string[] =>
  chosenOf(option, text, { words: healthOrder, noun: 'health' })

/** The words of an option, separated by commas. Throws ConfigError for one that is not of these. */
export function chosenOf(
  option: string,
  text: string | undefined,
  { words, noun }: { words: readonly string[]; noun: string },
): string[] {
  const chosen = (text ?? '').split(',').filter(Boolean)
  const wrong = chosen.find((word) => !words.includes(word))
  if (wrong === undefined) return chosen
  const near = nearest(wrong, words)
  throw new ConfigError(
    `${option}: "${wrong}" is no ${noun}`,
    near ? `Did you mean ${near}?` : `Use ${words.join(', ')}, separated by commas.`,
  )
}

/** Clocks of two machines differ by less than this, ms, unless one of them is wrong. */
const SKEW_MS = 60_000

/** How long ago an instant was, how far a wrong clock was ahead, or "never". */
export function age(instant: string | null, now = Date.now()): string {
  if (!instant) return 'never'
  const ms = now - Date.parse(instant)
  return ms < -SKEW_MS ? `${duration(-ms)} ahead` : `${duration(Math.max(0, ms))} ago`
}

/** How long until an instant, "now" when it is past, or "-". */
export function due(instant: string | null, now = Date.now()): string {
  if (!instant) return '-'
  const left = Date.parse(instant) - now
  return left <= 0 ? 'now' : `in ${duration(left)}`
}

const HALTS: Record<Halt, string> = { paused: 'paused', silent: 'worker silent', unapproved: 'after approval' }

/** What is said of a sync that ran when its silent worker was last heard; `since` null: that is not known. */
export const silence = (since: string | null, now = Date.now()): string =>
  since === null ? 'worker silent' : `worker silent for ${duration(Math.max(0, now - Date.parse(since)))}`

/** When a replica is synced next, or what keeps it from that. */
export function nextOf(replica: Replica, now = Date.now()): string {
  const halt = haltOf(replica)
  return halt ? HALTS[halt] : due(replica.next_due_at, now)
}

/** How long syncs usually take, and what one still needs that runs since `startedAt`; null: nothing is usual yet. */
export function usualOf(typical: TypicalDuration, startedAt: string | null, now = Date.now()): string | null {
  if (typical.p50_ms === null) return null
  const usually = `usually ${duration(typical.p50_ms)}`
  const left = startedAt === null ? null : remainingTime(typical, Math.max(0, now - Date.parse(startedAt)))
  if (left === null) return usually
  if (left === 'longer') return `${usually}, longer than usual`
  const [from, to] = [duration(left.fromMs), duration(left.toMs)]
  return left.fromMs === 0 ? `${usually}, less than ${to} left` : `${usually}, about ${from} to ${to} left`
}

/** When a disk is full: `~23d (12–60)`, with the range; or why that is not said. */
export function fullIn({ verdict, days, from_days, to_days, known_days, needed_days }: DiskForecast): string {
  if (verdict === 'not_enough_data') return `not enough data yet (${known_days} of ${needed_days}d)`
  if (verdict === 'not_growing') return 'not growing'
  return `~${days}d (${from_days}–${to_days ?? 'never'})`
}

/** Milliseconds in the largest unit that fits. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (seconds < 90) return `${seconds}s`
  if (seconds < 5400) return `${Math.round(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86_400)}d`
}

/** Bytes in IEC units, or "-" when they are not known. */
export function size(bytes: number | null): string {
  if (bytes === null) return '-'
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let [value, unit] = [bytes, 0]
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1]
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** The beginning of an id. Ids begin with the time they were made: fewer characters would not be unique. */
export const shortId = (id: string): string => id.slice(0, 18)

/** How much of a disk is used: `19.8 GiB / 91.1 GiB (22%)`, of what may be used. */
export const usedOf = (storage: Storage): string =>
  `${size(storage.used_bytes)} / ${size(usableOf(storage))} (${Math.round(usedShare(storage) * 100)}%)`
