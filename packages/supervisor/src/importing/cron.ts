// cron.ts — Schedules of Yuki in the words of Kagami: five fields, a time zone before them, @daily, @every 1h. Pure.

/** When a replica is synced. */
export interface Schedule {
  /** Seconds; null: by cron. */
  readonly interval_secs: number | null
  readonly options: Readonly<Record<string, unknown>>
  /** Whether it is at times of a day whose time zone is not said. */
  readonly isLocal: boolean
}

const WORDS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}
/** Seconds of the units of Go. */
const UNITS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 }
const PART = /(\d+(?:\.\d*)?|\.\d+)(h|ms|us|µs|ns|m|s)/g

/** Reads a schedule; null: it is none. Whether its fields are right is checked where replicas are. */
export function readSchedule(text: string): Schedule | null {
  const [, zone, rest = ''] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/s.exec(text.trim()) ?? []
  const every = /^@every\s+(\S+)$/.exec(rest)
  if (every) {
    const seconds = secondsOf(every[1]!)
    return seconds === null ? null : { interval_secs: seconds, options: {}, isLocal: false }
  }
  if (rest.startsWith('@') && !Object.hasOwn(WORDS, rest)) return null
  const cron = (WORDS[rest] ?? rest).replaceAll('?', '*')
  if (cron.split(/\s+/).length !== 5) return null
  return {
    interval_secs: null,
    options: zone === undefined ? { cron } : { cron, timezone: zone },
    isLocal: zone === undefined && !/^\S+ \* \* \* \*$/.test(cron),
  }
}

/** A length of time as Go writes it, such as 1h30m, in whole seconds and at least one; null: it is none. */
function secondsOf(length: string): number | null {
  if (length === '' || length.replaceAll(PART, '') !== '') return null
  const seconds = length.matchAll(PART).reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0)
  return seconds > 0 ? Math.max(1, Math.floor(seconds)) : null
}
