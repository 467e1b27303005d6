// calendar.ts — Cron schedules and time windows: whether they are valid, and when they next allow a sync.
import { Cron } from 'croner'
import type { Policy } from './policy.ts'

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const WEEK_MINUTES = 7 * 24 * 60
const DAY_MINUTES = 24 * 60

/**
 * Longest delay after a cron time or the opening of a window, seconds: a hundred replicas of one time must not start at
 * once.
 */
export const CRON_SPREAD_SECONDS = 30
/** How much earlier or later than its interval a sync starts, as a share of it: replicas of one interval drift. */
export const INTERVAL_JITTER = 0.05

/** When a replica is synced without being asked, as its settings say it. */
export interface Schedule extends Pick<Policy, 'cron' | 'timezone' | 'windows'> {
  /** Seconds; null or 0: no interval. A cron schedule takes precedence. */
  readonly intervalSeconds: number | null
}

/** A scheduled sync: the first and the last instant at which it may start. */
export interface ScheduledRun {
  readonly from: Date
  readonly to: Date
}

interface Window {
  /** When it opens, in minutes since Sunday 00:00. */
  readonly starts: readonly number[]
  readonly minutes: number
}

/** The option of a schedule that is not valid, and why; null when all are valid. */
export function scheduleProblem({
  cron,
  timezone,
  windows,
}: Pick<Policy, 'cron' | 'timezone' | 'windows'>): { field: 'cron' | 'timezone' | 'windows'; message: string } | null {
  if (!isZone(timezone))
    return { field: 'timezone', message: `"${timezone}" is not a time zone; write, for example, Europe/Berlin or UTC` }
  if (cron !== '') {
    const fields = cron.trim().split(/\s+/).length
    if (fields !== 5)
      return { field: 'cron', message: `"${cron}" must have five fields: minute, hour, day, month, weekday` }
    try {
      if (!nextCron(cron, timezone, new Date())) return { field: 'cron', message: `"${cron}" never occurs` }
    } catch (error) {
      return {
        field: 'cron',
        message: `"${cron}" is not a cron schedule: ${(error as Error).message.replace(/^CronPattern: /, '')}`,
      }
    }
  }
  const wrong = windows.find((window) => readWindow(window) === null)
  return wrong === undefined
    ? null
    : { field: 'windows', message: `"${wrong}" is not a time window; write "22:00-06:00" or "Sat,Sun 00:00-24:00"` }
}

/** The next time of a cron schedule after an instant; null when there is none. Throws when it is not valid. */
export function nextCron(cron: string, timezone: string, after: Date): Date | null {
  return new Cron(cron, { timezone, paused: true, domAndDow: false }).nextRun(after)
}

/**
 * The next syncs of a schedule after one that started at `after`, as long as none takes longer than the time between
 * two. None when the schedule is not valid, or says never.
 */
export function nextRuns(schedule: Schedule, after: Date, count: number): ScheduledRun[] {
  if (scheduleProblem(schedule) !== null) return []
  const runs: ScheduledRun[] = []
  let last: ScheduledRun = { from: after, to: after }
  while (runs.length < count) {
    const next = schedule.cron === '' ? afterInterval(schedule, last) : afterCron(schedule, last)
    if (next === null) break
    runs.push((last = next))
  }
  return runs
}

function afterCron(schedule: Schedule, { from }: ScheduledRun): ScheduledRun | null {
  const at = nextCron(schedule.cron, schedule.timezone, from)
  return at && withinWindows(schedule, at, secondsLater(at, CRON_SPREAD_SECONDS))
}

function afterInterval(schedule: Schedule, { from, to }: ScheduledRun): ScheduledRun | null {
  const seconds = schedule.intervalSeconds ?? 0
  if (seconds === 0) return null
  const [least, most] = [seconds * (1 - INTERVAL_JITTER), seconds * (1 + INTERVAL_JITTER)]
  return withinWindows(schedule, secondsLater(from, least), secondsLater(to, most))
}

/** What falls outside of the windows starts a moment after the next one opens. */
function withinWindows({ windows, timezone }: Schedule, from: Date, to: Date): ScheduledRun {
  const [first, last] = [opensAt(windows, timezone, from), opensAt(windows, timezone, to)]
  const latest = last > to ? secondsLater(last, CRON_SPREAD_SECONDS) : to
  const moved = first > from ? secondsLater(first, CRON_SPREAD_SECONDS) : first
  return { from: first, to: moved > latest ? moved : latest }
}

function secondsLater(at: Date, seconds: number): Date {
  return new Date(at.getTime() + Math.round(seconds * 1000))
}

/** The first instant, not before `at`, at which a window is open; `at` itself when no window is valid. */
export function opensAt(windows: readonly string[], timezone: string, at: Date): Date {
  const read = windows.map(readWindow).filter((window) => window !== null)
  if (read.length === 0 || !isZone(timezone)) return at
  const now = minuteOfWeek(at, timezone)
  let least = Infinity
  for (const { starts, minutes } of read) {
    for (const start of starts) {
      const since = (now - start + WEEK_MINUTES) % WEEK_MINUTES
      if (since < minutes) return at
      least = Math.min(least, WEEK_MINUTES - since)
    }
  }
  return startOfMinuteAfter(at, least)
}

/** The start of a later minute. A change to or from summer time in between shifts it by an hour, once. */
function startOfMinuteAfter(at: Date, minutes: number): Date {
  return new Date(Math.floor(at.getTime() / 60_000) * 60_000 + minutes * 60_000)
}

/** Asking for a zone loads the data of a language, which takes 10 ms the first time. */
const zones = new Set(['UTC'])

function isZone(timezone: string): boolean {
  if (zones.has(timezone)) return true
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions()
    zones.add(timezone)
    return true
  } catch {
    return false
  }
}

function minuteOfWeek(at: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at)
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
  return DAYS.indexOf(part('weekday')) * DAY_MINUTES + Number(part('hour')) * 60 + Number(part('minute'))
}

function readWindow(text: string): Window | null {
  const [, days, ...times] = /^(?:([A-Za-z,-]+)\s+)?(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(text.trim()) ?? []
  const [fromHour, fromMinute, toHour, toMinute] = times.map(Number)
  if (fromHour === undefined || fromMinute === undefined || toHour === undefined || toMinute === undefined) return null
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute]
  if (fromMinute > 59 || toMinute > 59 || from >= DAY_MINUTES || to > DAY_MINUTES || from === to) return null
  const on = days === undefined ? DAYS.map((_, index) => index) : readDays(days)
  return on === null
    ? null
    : {
        starts: on.map((day) => day * DAY_MINUTES + from),
        minutes: (to - from + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES,
      }
}

function readDays(text: string): number[] | null {
  const found = new Set<number>()
  for (const range of text.split(',')) {
    const [from, to = from] = range
      .split('-')
      .map((day) => DAYS.findIndex((known) => known.toLowerCase() === day.toLowerCase()))
    if (from === undefined || to === undefined || from < 0 || to < 0 || range.split('-').length > 2) return null
    for (let day = from; ; day = (day + 1) % 7) {
      found.add(day)
      if (day === to) break
    }
  }
  return [...found]
}
