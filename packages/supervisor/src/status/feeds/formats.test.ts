// formats.test.ts — Each state of a mirror in the words of other programs.
import { describe, expect, test } from 'vitest'
import type { Mirror } from '../mirror.ts'
import { badgeWord, drawBadge } from './badge.ts'
import { mirrorzOf } from './mirrorz.ts'
import { jobOf } from './tunasync.ts'

const seconds = Date.parse('2026-01-01T00:00:00Z') / 1000

const mirror = (change: Partial<Mirror> = {}): Mirror => ({
  name: 'debian',
  state: 'ok',
  isUpToDate: true,
  kinds: ['rsync'],
  copies: 1,
  succeededAt: '2026-01-01T00:00:00.900Z',
  contentAt: null,
  dueAt: '2026-01-01T00:04:00Z',
  isRunning: false,
  queued: null,
  sizeBytes: 55_610_000_000,
  upstream: 'rsync://up.example/debian/',
  startedAt: '2026-01-01T00:02:00Z',
  endedAt: '2026-01-01T00:03:00Z',
  ...change,
})

const syncing = { state: 'syncing', isRunning: true } as const
const never = { succeededAt: null, startedAt: null, endedAt: null, dueAt: null, sizeBytes: null } as const

describe('a job of tunasync', () => {
  test('has its thirteen keys, and both forms of each time', () => {
    expect(jobOf(mirror())).toEqual({
      name: 'debian',
      is_master: true,
      status: 'success',
      last_update: '2026-01-01 00:00:00 +0000',
      last_update_ts: seconds,
      last_started: '2026-01-01 00:02:00 +0000',
      last_started_ts: seconds + 120,
      last_ended: '2026-01-01 00:03:00 +0000',
      last_ended_ts: seconds + 180,
      next_schedule: '2026-01-01 00:04:00 +0000',
      next_schedule_ts: seconds + 240,
      upstream: 'rsync://up.example/debian/',
      size: '55.61G',
    })
  })

  test('says of what never happened what tunasync says', () => {
    expect(jobOf(mirror({ state: 'new', ...never, upstream: null }))).toMatchObject({
      last_update: '0001-01-01 00:00:00 +0000',
      last_update_ts: -62_135_596_800,
      last_ended_ts: -62_135_596_800,
      upstream: '',
      size: 'unknown',
    })
  })

  test.each([
    [{ state: 'late' }, 'success'],
    [{ state: 'stale' }, 'success'],
    [syncing, 'syncing'],
    [{ state: 'syncing' }, 'pre-syncing'],
    [{ state: 'failed' }, 'failed'],
    [{ state: 'paused' }, 'paused'],
    [{ state: 'unknown' }, 'none'],
    [{ state: 'new' }, 'none'],
  ] satisfies [Partial<Mirror>, string][])('of %j is %s', (change, status) => {
    expect(jobOf(mirror(change))).toMatchObject({ status })
  })

  test.each([
    [0, '0'],
    [999, '999'],
    [2_000_000, '2.00M'],
    [1.5e12, '1.50T'],
  ])('of %s bytes says %s', (sizeBytes, size) => {
    expect(jobOf(mirror({ sizeBytes }))).toMatchObject({ size })
  })
})

describe('a mirror in mirrorz', () => {
  const [ok, started, ended, next] = [seconds, seconds + 120, seconds + 180, seconds + 240]
  test.each([
    [{}, `S${ok}X${next}`],
    [{ state: 'late', dueAt: null }, `S${ok}`],
    [syncing, `Y${started}O${ok}X${next}`],
    [{ ...syncing, succeededAt: null, dueAt: null }, `Y${started}`],
    [{ state: 'syncing' }, `DO${ok}X${next}`],
    [{ state: 'failed' }, `F${ended}O${ok}X${next}`],
    [{ state: 'failed', ...never }, 'F'],
    [{ state: 'paused' }, `P${ok}`],
    [{ state: 'unknown' }, `UX${next}`],
    [{ state: 'new', ...never }, 'U'],
  ] satisfies [Partial<Mirror>, string][])('that is %j has the letters %s', (change, status) => {
    expect(mirrorzOf(mirror(change))).toMatchObject({ status })
    expect(status).toMatch(/^[SDYFPU]\d*(?:[XO]\d+)*$/)
  })

  test('has the name that sites agreed on, and a path without a slash at its end', () => {
    expect(mirrorzOf(mirror({ name: 'debian-multimedia' }))).toMatchObject({
      cname: 'deb-multimedia',
      url: '/debian-multimedia',
      size: '51.8 GiB',
      upstream: 'rsync://up.example/debian/',
    })
    expect(mirrorzOf(mirror({ name: 'a b/"' }))).toMatchObject({ cname: 'a b/"', url: '/a%20b%2F%22' })
    expect(mirrorzOf(mirror({ name: 'toString' }))).toMatchObject({ cname: 'toString' })
  })
})

describe('a badge', () => {
  test.each([
    [{}, 'OK'],
    [{ ...syncing }, 'OK'],
    [{ ...syncing, isUpToDate: false }, 'SYNCING'],
    [{ state: 'stale', isUpToDate: false }, 'STALE'],
  ] satisfies [Partial<Mirror>, string][])('of %j is %s', (change, word) => {
    expect(badgeWord(mirror(change))).toBe(word)
    expect(drawBadge(mirror(change))).toContain(`>${word}</text>`)
  })

  test('has a hostile name as text, with room for it', () => {
    const svg = drawBadge(mirror({ name: '</text><script>' }))
    expect(svg).not.toContain('<script')
    const widthOf = (name: string) => Number(/width="(\d+)"/.exec(drawBadge(mirror({ name })))![1])
    expect(widthOf('镜像') - widthOf('')).toBe(24)
    expect(widthOf('ab') - widthOf('')).toBe(14)
  })
})
