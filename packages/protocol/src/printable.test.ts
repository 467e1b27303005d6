import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printable, printableJson, printableValue } from './printable.ts'

const hostile = '\x1b]0;OWNED\x07\x1b[2J\x9b2J\u202egnp.exe\rOVER\x7f\u2028'
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

describe('text of others', () => {
  it('is shown with escapes for what a terminal would obey, and stays readable', () => {
    expect(printable(hostile)).toBe('\\x1b]0;OWNED\\x07\\x1b[2J\\x9b2J\\u202egnp.exe\\x0dOVER\\x7f\\u2028')
    expect(printable('日本語 naïve\tcolumns\nlines — שלום')).toBe('日本語 naïve\tcolumns\nlines — שלום')
  })
  it('is never obeyed, whatever it is and wherever it stands', () => {
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(fc.dictionary(text, fc.oneof(text, fc.array(text))), (value) => {
        const seen = printableValue(value)
        for (const one of [...Object.keys(seen), ...Object.values(seen).flat()]) expect(one).not.toMatch(control)
      }),
    )
  })
  it('is the same for programs: JSON says it otherwise', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = printableJson(JSON.stringify({ text }))
        expect(json).not.toMatch(control)
        expect(JSON.parse(json)).toEqual({ text })
      }),
    )
  })
})
