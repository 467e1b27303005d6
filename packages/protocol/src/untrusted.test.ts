import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findUnsafe, parseUntrusted } from './untrusted.ts'

describe('JSON from outside', () => {
  test('that is ordinary is accepted unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
        const text = JSON.stringify(value)
        if (/\\u(0000|d[89a-f])/i.test(text)) return
        expect(parseUntrusted(text)).toEqual(JSON.parse(text))
      }),
    )
    expect(parseUntrusted('{"tail":"the tool wrote \\\\u0000 and [[[[ {{{{ \\"["}')).toEqual({
      tail: 'the tool wrote \\u0000 and [[[[ {{{{ "[',
    })
  })

  test('that is nested too deeply is refused before it is parsed', () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
    expect(parseUntrusted(deep(64))).toBeDefined()
    for (const levels of [65, 200_000]) expect(() => parseUntrusted(deep(levels))).toThrow('nested deeper than 64')
    expect(() => parseUntrusted('{"a":'.repeat(200_000))).toThrow('nested deeper')
  })

  test('with a NUL or half a character is refused with the field named', () => {
    expect(() => parseUntrusted('{"a":{"b":"x\\u0000"}}')).toThrow('field a.b must not contain a NUL')
    expect(() => parseUntrusted('{"a":["\\ud83d"]}')).toThrow('field a.0 must not contain half a character')
    expect(parseUntrusted('{"a":"\\ud83d\\ude00"}')).toEqual({ a: '😀' })
    expect(findUnsafe({ 'k\0': 1 })).toMatchObject({ message: expect.stringContaining('key') })
  })

  test('a value that was never text is checked without recursion', () => {
    let value: unknown = 'x'
    for (let level = 0; level < 100_000; level++) value = { inner: value }
    expect(findUnsafe(value)).toMatchObject({ message: 'is nested deeper than 64' })
  })
})
