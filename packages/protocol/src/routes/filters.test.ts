// filters.test.ts — Filters say what their words say, whatever the words are made of.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { areLabelsChosen, choiceOf, escapeWord, isChosen, isSince, LAST_OK, sinceOf, textOfChoice } from './filters.ts'

describe('a filter', () => {
  it.each([
    [undefined, null],
    ['', null],
    [' , ,!', null],
    ['failed', { wanted: ['failed'], unwanted: [] }],
    [' failed , !fresh,failed', { wanted: ['failed'], unwanted: ['fresh'] }],
    ['note=a\\,b,\\!x', { wanted: ['note=a,b', '!x'], unwanted: [] }],
  ])('%j names %j', (text, choice) => expect(choiceOf(text)).toEqual(choice))

  it('says again what it was made of, commas and "!" in it too', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }).filter((one) => one.trim() === one)), (words) => {
        const [wanted, unwanted] = [words.filter((_, at) => at % 2 === 0), words.filter((_, at) => at % 2 === 1)]
        const written = choiceOf(textOfChoice({ wanted, unwanted }))
        expect(written ?? { wanted: [], unwanted: [] }).toEqual({ wanted, unwanted })
      }),
    ))

  it('lets through what it wants, and everything but what it does not want', () => {
    const passes = (text: string, ...words: (string | null)[]) => isChosen(choiceOf(text)!, ...words)
    expect([passes('a,b', 'a'), passes('a,b', 'c'), passes('a,b', null)]).toEqual([true, false, false])
    expect([passes('!a', 'a'), passes('!a', 'b'), passes('!a', null)]).toEqual([false, true, true])
    expect([passes('a,!b', 'a'), passes('a,!a', 'a')]).toEqual([true, false])
    // By id or by name.
    expect([passes('sh-12', 'w-1', 'sh-12'), passes('!sh-12', 'w-1', 'sh-12')]).toEqual([true, false])
  })

  it.each([
    ['env', true],
    ['env=prod', true],
    ['env=test', false],
    ['env=test,env=prod', true],
    ['env=prod,team=x', false],
    ['env=prod,tier=1', true],
    ['!env=prod', false],
    ['!env=test', true],
    ['!team', true],
    ['toString', false],
    [escapeWord('note=a,b'), true],
  ])('of labels %s lets these through: %s', (text, expected) =>
    expect(areLabelsChosen(choiceOf(text)!, { env: 'prod', tier: '1', note: 'a,b' })).toBe(expected),
  )
})

describe('a filter by the last good copy', () => {
  const now = Date.parse('2026-01-02T00:00:59Z')
  const passes = (text: string, at: string | null) => isSince(sinceOf(text, now)!, at ? Date.parse(at) : Number.NaN)

  it.each([
    ['>24h', false, true, true],
    ['<24h', true, false, false],
    ['!>24h', true, false, false],
    ['never', false, false, true],
    ['!never', true, true, false],
  ])('%s lets through one of today %s, an older one %s, none at all %s', (text, today, older, none) =>
    expect([passes(text, '2026-01-01T00:00:00Z'), passes(text, '2025-12-31T23:59:59Z'), passes(text, null)]).toEqual([
      today,
      older,
      none,
    ]),
  )

  it('is written so, and not otherwise', () => {
    const pattern = new RegExp(LAST_OK)
    for (const text of ['', '>24h', '<5m', '!>7d', 'never', '!never']) expect(pattern.test(text)).toBe(true)
    for (const text of ['24h', '>h', '>24y', 'ever', '>24h,never', '>-1h']) expect(pattern.test(text)).toBe(false)
    expect(sinceOf('', now)).toBeNull()
    expect(sinceOf('nonsense', now)).toBeNull()
  })
})
