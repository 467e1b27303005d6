// language.test.ts — Every text in every language, and which language a visitor gets.
import { describe, expect, test } from 'vitest'
import { markupOf } from './html.ts'
import { chooseLanguage, createWriter, languages, timeOf, type Language } from './language.ts'
import { en, type WordKey } from './locales/en.ts'

const tags = Object.keys(languages) as Language[]
const keys = Object.keys(en) as WordKey[]
const placesOf = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort()

describe.each(tags)('the words of %s', (tag) => {
  const words: Readonly<Record<string, string>> = languages[tag].words

  test('are complete', () => {
    expect(Object.keys(words).sort()).toEqual([...keys].sort())
    expect(keys.filter((key) => words[key]!.trim() === '')).toEqual([])
  })

  test('have the same places for contents as the English ones', () => {
    for (const key of keys) expect(placesOf(words[key]!), key).toEqual(placesOf(en[key]))
  })
})

test.each([
  [undefined, undefined, 'en'],
  [undefined, '', 'en'],
  [undefined, 'zh-TW,en;q=0.8', 'zh-CN'],
  [undefined, 'en-GB, zh;q=0.9', 'en'],
  [undefined, 'de, en;q=0.1, zh-CN;q=0.5', 'zh-CN'],
  [undefined, 'zh;q=0, fr', 'en'],
  [undefined, 'zh;q=broken', 'en'],
  ['zh-CN', 'en', 'zh-CN'],
  ['toString', 'en', 'en'],
  ['xx', 'zh', 'zh-CN'],
])('who asks for %s with a browser for "%s" reads %s', (asked, header, language) => {
  expect(chooseLanguage(asked, header)).toEqual({ language, isChosen: asked === 'zh-CN' })
})

test('lengths of time are in the largest unit that fits, and say which way', () => {
  const writer = createWriter({ language: 'en', isChosen: false }, new Date('2026-01-02T00:00:00Z'))
  expect(
    ['2026-01-01T23:59:30Z', '2026-01-01T21:30:00Z', '2026-01-02T00:05:00Z', '2025-12-01T00:00:00Z'].map((instant) =>
      writer.relative(instant),
    ),
  ).toEqual(['30 seconds ago', '2 hours ago', 'in 5 minutes', '32 days ago'])
})

test('places in a queue are ordinals', () => {
  const writer = createWriter({ language: 'en', isChosen: false }, new Date())
  expect([1, 2, 3, 4, 11, 12, 13, 21, 22, 103].map((place) => writer.ordinal(place)).join(' ')).toBe(
    '1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 103rd',
  )
})

test('an instant is shown with its zone', () => {
  expect(markupOf(timeOf('2026-01-02T03:04:05+08:00'))).toBe(
    '<time datetime="2026-01-01T19:04:05.000Z">2026-01-01 19:04 UTC</time>',
  )
})
