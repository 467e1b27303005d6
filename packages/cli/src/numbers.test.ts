// numbers.test.ts — An option that is no number is refused, never read as another one.
import { ConfigError } from '@kagami/runtime/config'
import { describe, expect, it } from 'vitest'
import { lengthOfTime, seconds, wholeNumber } from './numbers.ts'

describe('an option', () => {
  it('reads a whole number', () => expect([wholeNumber('--n', '0'), wholeNumber('--n', '86400')]).toEqual([0, 86_400]))
  it('reads seconds, with a decimal too', () =>
    expect([seconds('--t', '30'), seconds('--t', '0.5')]).toEqual([30, 0.5]))
  it('reads a length of time in its unit', () =>
    expect(['90', '45s', '30m', '24h', '7d'].map((text) => lengthOfTime('--t', text))).toEqual([
      90, 45, 1800, 86_400, 604_800,
    ]))
  it.each(['', 'many', '-1', '1e3', '1_000', ' 1', '0x10'])('refuses "%s", naming the option', (text) => {
    for (const read of [wholeNumber, seconds]) {
      expect(() => read('--opt', text)).toThrow(ConfigError)
      expect(() => read('--opt', text)).toThrow(`--opt: must be a`)
    }
  })
  it.each(['', 'tomorrow', '1.5h', '-1d', '5w', '1h30m'])('refuses "%s" as a length of time', (text) =>
    expect(() => lengthOfTime('--expires', text)).toThrow('--expires: must be a time such as 30m, 24h or 7d'),
  )
})
