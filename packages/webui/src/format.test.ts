// format.test.ts — Numbers, sizes and times as operators see them.
import { describe, expect, it } from 'vitest'
import { zh } from './locales/zh.ts'
import { i18n } from './locales/index.ts'
import { absolute, bytes, count, duration, NONE, percent, roughly, took } from './format.ts'

describe('a number without a sample', () => {
  it('is a dash, never a zero', () => {
    expect([bytes(null), count(null), duration(null), took(undefined), absolute(null), percent(0, 0)]).toEqual(
      Array(6).fill(NONE),
    )
  })
})

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1_048_575, '1.00 MiB'],
    [12_345_678, '11.8 MiB'],
    [1.3e12, '1.18 TiB'],
    [9e16, '79.9 PiB'],
  ])('%d bytes read %s', (value, text) => expect(bytes(value)).toBe(text))
})

describe('lengths of time', () => {
  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 m'],
    [95, '1 m 35 s'],
    [700, '11 m'],
    [7800, '2 h 10 m'],
    [86_400, '1 d'],
    [270_000, '3 d 3 h'],
    [900_000, '10 d'],
  ])('%d seconds read %s', (value, text) => expect(duration(value)).toBe(text))
  it('never run backwards when clocks disagree', () => expect(duration(-5)).toBe('0 s'))
  it('are one unit in tight places', () =>
    expect([roughly(59), roughly(3599), roughly(90_000), roughly(200_000)]).toEqual(['59 s', '59 m', '25 h', '2 d']))
  it('of a sync keep a decimal while short', () => expect([took(1234), took(65_000)]).toEqual(['1.2 s', '1 m 5 s']))
})

it('lengths of time have the units of the language that is shown', () => {
  i18n.global.setLocaleMessage('zh-CN', zh as never)
  i18n.global.locale.value = 'zh-CN'
  const inChinese = [duration(3700), roughly(90), took(214)]
  i18n.global.locale.value = 'en'
  expect(inChinese).toEqual(['1 小时 1 分', '1 分', '214 毫秒'])
})
