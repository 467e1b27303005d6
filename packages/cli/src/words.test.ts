// words.test.ts — States, ages, sizes and durations as they stand in tables.
import { stripVTControlCharacters } from 'node:util'
import { healthLooks, syncLooks, workerLooks } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { age, due, duration, healthCounts, shortId, size, state, usedOf } from './words.ts'

const plain = (text: string) => stripVTControlCharacters(text)
const NOW = Date.parse('2026-01-02T12:00:00Z')
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString()

describe('a state', () => {
  it('has the glyph that the UI shows too, and its word', () => {
    for (const table of [healthLooks, workerLooks, syncLooks])
      for (const [name, { glyph, word }] of Object.entries(table)) expect(plain(state(name))).toBe(`${glyph} ${word}`)
    expect([plain(state('held')), plain(state('interrupted'))]).toEqual(['◫ held', '◌ interrupted'])
  })
  it('may be counted, also when there is none', () =>
    expect([plain(state('failed', 3)), plain(state('fresh', 0))]).toEqual(['✕ 3 failed', '✓ 0 fresh']))
  it('of a newer supervisor is still shown', () => expect(state('brandnew')).toBe('· brandnew'))
})

describe('counts by health', () => {
  it('are listed worst first, without zeros', () =>
    expect(plain(healthCounts({ fresh: 2, failed: 1, late: 0, held: 4 }))).toBe('✕ 1 failed  ◫ 4 held  ✓ 2 fresh'))
  it('are a dash when there is nothing to count', () => expect(healthCounts({})).toBe('-'))
})

describe('a length of time', () => {
  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [1000, '1s'],
    [89_000, '89s'],
    [90_000, '2m'],
    [5_399_000, '90m'],
    [5_400_000, '2h'],
    [172_700_000, '48h'],
    [172_800_000, '2d'],
  ])('of %d ms reads %s', (ms, text) => expect(duration(ms)).toBe(text))
})

describe('an instant', () => {
  it('in the past is an age, and never', () =>
    expect([age(at(-300), NOW), age(null, NOW)]).toEqual(['5m ago', 'never']))
  it('of a clock that is a little ahead is no negative age', () => expect(age(at(60), NOW)).toBe('0ms ago'))
  it('of a clock that was wrong says so', () => expect(age(at(364 * 86_400), NOW)).toBe('364d ahead'))
  it('to come says how long until then', () =>
    expect([due(at(7200), NOW), due(at(-1), NOW), due(null, NOW)]).toEqual(['in 2h', 'now', '-']))
})

describe('a size', () => {
  it.each([
    [null, '-'],
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [150 * 1024 ** 2, '150 MiB'],
    [3 * 1024 ** 4, '3.0 TiB'],
    [2 * 1024 ** 6, '2048 PiB'],
  ])('of %s bytes reads %s', (bytes, text) => expect(size(bytes)).toBe(text))
})

it('an id is cut where it still tells syncs of one moment apart', () =>
  expect(shortId('0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b')).toBe('0190a1b2-c3d4-7e5f'))

describe('the use of a disk', () => {
  const GIB = 2 ** 30
  it.each([
    [{ total_bytes: 100 * GIB, used_bytes: 25 * GIB }, '25.0 GiB / 100 GiB (25%)'],
    // What is kept for root is neither used nor free: df says the same.
    [{ total_bytes: 252 * GIB, used_bytes: 20 * GIB, available_bytes: 71 * GIB }, '20.0 GiB / 91.0 GiB (22%)'],
    [{ total_bytes: 100 * GIB, used_bytes: 95 * GIB, available_bytes: 0 }, '95.0 GiB / 95.0 GiB (100%)'],
    [{ total_bytes: 0, used_bytes: 0 }, '0 B / 0 B (0%)'],
  ])('of %j is %s', (storage, words) => expect(usedOf(storage)).toBe(words))
})
