// format.ts — Numbers, sizes and times as text, in the language that is shown; what is not known is always "—".
import { formatBytes } from '@kagami/protocol'
import { lookUp } from './locales/index.ts'

/** Shown where nothing is known. */
export const NONE = '—'

/** Bytes in IEC units, three significant digits: `1.21 TiB`. */
export function bytes(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : formatBytes(value)
}

/** A rate in bytes per second: `1.21 MiB/s`. */
export function rate(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : `${bytes(value)}/s`
}

/** A whole number with the locale's separators. */
export function count(value: number | null | undefined, locale = 'en'): string {
  return value === null || value === undefined ? NONE : numbersIn(locale).format(value)
}

/** A share of a whole, or "—" when there is no whole. */
export function percent(part: number, whole: number): string {
  if (!(whole > 0)) return NONE
  return `${Math.round((part / whole) * 100)}%`
}

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/** A length of time in its two largest units: `45 s`, `2 m`, `2 h 10 m`, `3 d 4 h`. Seconds. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return NONE
  const total = Math.max(0, Math.round(seconds))
  if (total < MINUTE) return inUnit(total, 's')
  if (total < HOUR) return two(total, [MINUTE, 'm'], [1, 's'], 10 * MINUTE)
  if (total < DAY) return two(total, [HOUR, 'h'], [MINUTE, 'm'], DAY)
  return two(total, [DAY, 'd'], [HOUR, 'h'], 10 * DAY)
}

type Unit = 'd' | 'h' | 'm' | 's' | 'ms'
/** A number with a unit of time, in the language that is shown. */
const inUnit = (value: number | string, unit: Unit): string => `${value} ${lookUp(`unit.${unit}`)}`

function two(total: number, large: [number, Unit], small: [number, Unit], precise: number): string {
  const whole = Math.floor(total / large[0])
  const rest = Math.floor((total - whole * large[0]) / small[0])
  const first = inUnit(whole, large[1])
  return rest > 0 && total < precise ? `${first} ${inUnit(rest, small[1])}` : first
}

/** A length of time in its largest unit, where there is little room: `2 h`. Seconds. */
export function roughly(seconds: number): string {
  const total = Math.max(0, Math.round(seconds))
  if (total < MINUTE) return inUnit(total, 's')
  if (total < HOUR) return inUnit(Math.floor(total / MINUTE), 'm')
  if (total < 2 * DAY) return inUnit(Math.floor(total / HOUR), 'h')
  return inUnit(Math.floor(total / DAY), 'd')
}

/** Milliseconds as a length of time; under ten seconds with one decimal. */
export function took(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE
  if (ms < 1000) return inUnit(Math.round(ms), 'ms')
  return ms < 10_000 ? inUnit((ms / 1000).toFixed(1), 's') : duration(ms / 1000)
}

/** Making a format takes longer than all that a page formats with it. */
function remember<T>(make: (locale: string, zone?: string) => T): typeof make {
  const made = new Map<string, T>()
  return (locale, zone) => {
    const key = `${locale} ${zone ?? ''}`
    const known = made.get(key) ?? make(locale, zone)
    made.set(key, known)
    return known
  }
}

const numbersIn = remember((locale) => new Intl.NumberFormat(locale))

const TIME_OF_DAY = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const

const timesIn = remember((locale, timeZone) => new Intl.DateTimeFormat(locale, { ...TIME_OF_DAY, timeZone }))

const datesIn = remember(
  (locale, timeZone) =>
    new Intl.DateTimeFormat(locale, {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      ...TIME_OF_DAY,
      timeZoneName: 'short',
      timeZone,
    }),
)

const daysIn = remember(
  (locale) => new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' }),
)

/** The day of an instant in UTC: `Nov 30`. */
export function dayOf(at: number, locale = 'en'): string {
  return daysIn(locale).format(at)
}

/** An instant with the name of the zone. `zone` is that of the browser unless it is named. */
export function absolute(at: string | null | undefined, locale = 'en', zone?: string): string {
  if (!at) return NONE
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return NONE
  return datesIn(locale, zone).format(date)
}

/** The time of day of an instant: `14:02:11`. */
export function clockTime(at: number, locale = 'en', zone?: string): string {
  return timesIn(locale, zone).format(at)
}

/** Day and minute of an instant, with the name of the zone: `Mon, Nov 30, 03:30 UTC`. */
export function minuteOf(at: Date, locale = 'en', zone?: string): string {
  return minutes(locale, zone).format(at)
}

/** The minutes between two instants: `Mon, Nov 30, 03:30 – 03:48 UTC`. */
export function spanOf(from: Date, to: Date, locale = 'en', zone?: string): string {
  return minutes(locale, zone).formatRange(from, to)
}

function minutes(locale: string, zone: string | undefined): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
    timeZone: zone,
  })
}

/** The name of the browser's own time zone: `CET`. */
export function zoneName(locale = 'en'): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' }).formatToParts()
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC'
}
