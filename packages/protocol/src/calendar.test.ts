import { describe, expect, test } from 'vitest'
import { nextCron, opensAt, scheduleProblem } from './calendar.ts'

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
