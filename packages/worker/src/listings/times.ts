// times.ts — The ways in which servers print times. Each is read only where its server prints it.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const SECOND = 1000
const MINUTE = 60_000
const DAY = 86_400_000

/** A time that was read: milliseconds since 1970, as if it meant UTC, and its resolution. */
export interface Time {
  readonly time: number
  readonly grain: number
}

/** `05-Jan-2026 12:34`: nginx, Artifactory, Apache with UseOldDateFormat. */
export function readDayMonthYear(text: string): Time | null {
  const [, day, month, year, hour, minute] = /^(\d\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d)$/.exec(text) ?? []
  return timeOf([year, month, day, hour, minute])
}

/** `2026-01-05 12:34` or `2026-Jan-05 12:34:56`: Apache, lighttpd, darkhttpd, h5ai, fancyindex. */
export function readYearMonthDay(text: string): Time | null {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})-(\d\d|[A-Za-z]{3})-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?$/.exec(text) ?? []
  return timeOf([year, month, day, hour, minute, second])
}

const JAVA_DATE = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d):(\d\d):(\d\d) (\S+) (\d{4})$/

/** Whether a text is a date as Java prints it, in any zone. */
export function isJavaDate(text: string): boolean {
  return JAVA_DATE.test(text)
}

/** `Thu Mar 05 10:15:30 UTC 2026`: Nexus. The abbreviations of other zones mean several: null. */
export function readJavaDate(text: string): Time | null {
  const [, month, day, hour, minute, second, zone = '', year] = JAVA_DATE.exec(text) ?? []
  return /^(?:UTC|GMT|Z)$/.test(zone) ? timeOf([year, month, day, hour, minute, second]) : null
}

/** `Mar 5, 2026 10:15:30 AM`, newer Java `Mar 5, 2026, 10:15:30 AM`: Jetty, in the English of the United States. */
export function readJettyDate(text: string): Time | null {
  const [, month, day, year, hour, minute, second, half] =
    /^([A-Z][a-z]{2}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d\d):(\d\d) ([AP])M$/.exec(text) ?? []
  return timeOf([year, month, day, halfDay(hour, half), minute, second])
}

/** `Mon, 05 Jan 2026 12:34:56 GMT`: nginx JSON, Tomcat. `2026-01-05T12:34:56Z`: Caddy, S3. */
export function readStandardDate(text: string): Time | null {
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : { time, grain: SECOND }
}

/** `Jan  5  2026`: thttpd, older than half a year. A newer `Jan  5 12:34` has no year: null. */
export function readListDate(text: string): Time | null {
  const [, month, day, year] = /^([A-Z][a-z]{2}) +(\d{1,2}) +(\d{4})$/.exec(text) ?? []
  const read = timeOf([year, month, day, '0', '0'])
  return read && { ...read, grain: DAY }
}

/**
 * IIS, in the language of its machine: `3/5/2026 10:15 AM`, `Thursday, March 05, 2026 10:15 AM`. `monthFirst`: whether
 * the numbers with slashes can be read so. Others are not known.
 */
export function readIisDate(text: string, monthFirst: boolean): Time | null {
  const numbers = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d\d)(?::\d\d)? ([AP])M$/.exec(text)
  if (numbers) {
    const [, month, day, year, hour, minute, half] = numbers
    return monthFirst ? timeOf([year, month, day, halfDay(hour, half), minute]) : null
  }
  const [, month, day, year, hour, minute, half] =
    /^[A-Z][a-z]+, ([A-Z][a-z]+) (\d{1,2}), (\d{4}) (\d{1,2}):(\d\d) ([AP])M$/.exec(text) ?? []
  return timeOf([year, month?.slice(0, 3), day, halfDay(hour, half), minute])
}

function halfDay(hour: string | undefined, half: string | undefined): string | undefined {
  return hour === undefined ? undefined : String((Number(hour) % 12) + (half === 'P' ? 12 : 0))
}

/** From year, month, day, hour, minute and perhaps second; null for what no calendar has. */
function timeOf(parts: readonly (string | undefined)[]): Time | null {
  const [year, named, day, hour, minute, second] = parts
  if (year === undefined || named === undefined) return null
  const month = /^\d/.test(named) ? Number(named) - 1 : MONTHS.indexOf(named.toLowerCase())
  const read = [Number(year), month, Number(day), Number(hour), Number(minute), Number(second ?? 0)] as const
  const [, , dayRead, hourRead, minuteRead, secondRead] = read
  if (month < 0 || month > 11 || dayRead < 1 || hourRead > 23 || minuteRead > 59 || secondRead > 60) return null
  const time = Date.UTC(...read)
  // Only the last days of months can be too many.
  if (dayRead > 28 && new Date(time).getUTCMonth() !== month) return null
  return { time, grain: second === undefined ? MINUTE : SECOND }
}
