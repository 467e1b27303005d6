import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextCron, nextRuns, opensAt, scheduleProblem } from './calendar.ts'

const plain = { cron: '', timezone: 'UTC', windows: [] as string[] }

describe('a schedule', () => {
  test('that can be kept is taken', () => {
    for (const cron of ['', '30 3 * * *', '*/15 * * * *', '0 4 * * Mon-Fri', '0 0 29 2 *'])
      expect(scheduleProblem({ ...plain, cron })).toBeNull()
    for (const window of ['22:00-06:00', 'Sat,Sun 00:00-24:00', 'Mon-Fri 1:30-05:00', 'fri-mon 20:00-21:00'])
      expect(scheduleProblem({ ...plain, windows: [window] }), window).toBeNull()
  })

  test('that cannot be kept is refused with the option named', () => {
    for (const cron of ['99 * * * *', '* * * * * *', 'daily', '0 0 31 2 *', '* *'])
      expect(scheduleProblem({ ...plain, cron }), cron).toMatchObject({ field: 'cron' })
    for (const window of [
      '25:00-26:00',
      '10:00',
      '10:00-10:00',
      'Someday 10:00-11:00',
      '10:60-11:00',
      'Mon-Tue-Wed 10:00-11:00',
      '',
    ])
      expect(scheduleProblem({ ...plain, windows: [window] }), window).toMatchObject({ field: 'windows' })
    expect(scheduleProblem({ ...plain, timezone: 'Mars/Olympus' })).toMatchObject({ field: 'timezone' })
  })

  test('follows its own time zone through a change to summer time', () => {
    const runs = ['2026-03-27T12:00:00Z', '2026-03-28T12:00:00Z'].map((after) =>
      nextCron('30 3 * * *', 'Europe/Berlin', new Date(after))?.toISOString(),
    )
    expect(runs).toEqual(['2026-03-28T02:30:00.000Z', '2026-03-29T01:30:00.000Z'])
  })
})

describe('a time window', () => {
  // 2026-11-23 is a Monday.
  test.each([
    ['22:00-06:00', '2026-11-23T23:00:00Z', '2026-11-23T23:00:00Z'],
    ['22:00-06:00', '2026-11-23T05:59:59Z', '2026-11-23T05:59:59Z'],
    ['22:00-06:00', '2026-11-23T06:00:30Z', '2026-11-23T22:00:00Z'],
    ['Sat,Sun 00:00-24:00', '2026-11-23T10:20:30Z', '2026-11-28T00:00:00Z'],
    ['Sat 22:00-06:00', '2026-11-29T05:00:00Z', '2026-11-29T05:00:00Z'],
    ['Mon 10:00-11:00', '2026-11-23T11:00:00Z', '2026-11-30T10:00:00Z'],
  ])('%s at %s opens at %s', (window, at, opens) => {
    expect(opensAt([window], 'UTC', new Date(at)).toISOString()).toBe(new Date(opens).toISOString())
  })

  test('is meant in its time zone, and the first of several counts', () => {
    expect(
      opensAt(['02:00-03:00', '12:00-13:00'], 'Asia/Shanghai', new Date('2026-11-23T05:00:00Z')).toISOString(),
    ).toBe('2026-11-23T18:00:00.000Z')
    expect(opensAt([], 'UTC', new Date(5)).getTime()).toBe(5)
  })
})

describe('the next runs', () => {
  const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Shanghai', 'Australia/Lord_Howe', 'America/St_Johns']
  const instant = fc.date({
    min: new Date('2026-01-01T00:00:00Z'),
    max: new Date('2029-01-01T00:00:00Z'),
    noInvalidDate: true,
  })
  /** Shortly before clocks are changed in one of the zones. */
  const change = fc
    .constantFrom('2026-03-07', '2026-03-28', '2026-04-04', '2026-10-03', '2026-10-24', '2026-10-31', '2027-03-27')
    .map((day) => new Date(`${day}T00:00:00Z`))
  const hour = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 23 }))
  const zone = fc.constantFrom(...ZONES)
  const localTime = (at: Date, timeZone: string) =>
    new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(at)
  const localDay = (at: Date, timeZone: string) => new Intl.DateTimeFormat('en-CA', { timeZone }).format(at)
  const clockText = (hour: number, minute: number) =>
    [hour, minute].map((one) => String(one).padStart(2, '0')).join(':')

  test('of a time of day are once a day, at that time by the clock of its zone wherever it exists', () => {
    fc.assert(
      fc.property(hour, fc.nat({ max: 59 }), zone, fc.oneof(change, instant), (hour, minute, timezone, after) => {
        const cron = `${minute} ${hour} * * *`
        const runs = nextRuns({ cron, timezone, windows: [], intervalSeconds: null }, after, 5)
        expect(new Set(runs.map(({ from }) => localDay(from, timezone))).size).toBe(5)
        for (const { from, to } of runs) {
          expect(to.getTime() - from.getTime()).toBe(30_000)
          if (localTime(from, timezone) === clockText(hour, minute)) continue
          // The clock was put forward over it: an hour and a half before, it was further away than that.
          const before = localTime(new Date(from.getTime() - 90 * 60_000), timezone)
          const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
          const passed = (minutes(localTime(from, timezone)) - minutes(before) + 1440) % 1440
          expect([timezone, cron, from.toISOString(), passed > 90]).toEqual([timezone, cron, from.toISOString(), true])
        }
      }),
    )
  })

  test('come one after another, and begin while a window is open', () => {
    const timing = fc.record({
      cron: fc.constantFrom('', '*/15 * * * *', '30 3 * * *', '0 0 1 * *'),
      timezone: zone,
      windows: fc.constantFrom<string[]>([], ['22:00-06:00'], ['Sat,Sun 00:00-24:00', '10:00-10:30']),
      intervalSeconds: fc.option(fc.integer({ min: 1, max: 2_592_000 })),
    })
    fc.assert(
      fc.property(timing, instant, (schedule, after) => {
        const runs = nextRuns(schedule, after, 5)
        expect(runs.length).toBe(schedule.cron === '' && schedule.intervalSeconds === null ? 0 : 5)
        let last = after
        for (const { from, to } of runs) {
          expect(from.getTime()).toBeGreaterThan(last.getTime())
          expect(to.getTime()).toBeGreaterThanOrEqual(from.getTime())
          for (const at of [from, to]) expect(opensAt(schedule.windows, schedule.timezone, at)).toEqual(at)
          last = from
        }
      }),
    )
  })

  test('are none of a schedule that is not valid', () => {
    expect(nextRuns({ ...plain, cron: '99 * * * *', intervalSeconds: 60 }, new Date(0), 5)).toEqual([])
  })
})
