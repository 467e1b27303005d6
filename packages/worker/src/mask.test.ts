// mask.test.ts — Secrets are masked however a tool writes them, and wherever a line that is too long was cut.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineSplitter, createTail, CUT, LINE_MAX } from './programs/lines.ts'
import { createMask } from './sync/credentials.ts'

const secrets = fc.string({
  minLength: 8,
  maxLength: 40,
  unit: fc.constantFrom(...'abcdefghijklmnop0123456789'.split('')),
})

describe('a secret that a cut goes through', () => {
  it('shows no more than three of its characters at the end of a line, whatever comes before it', () =>
    fc.assert(
      fc.property(secrets, fc.nat(50), (secret, before) => {
        const lines: string[] = []
        const splitter = createLineSplitter((line) => void lines.push(line))
        splitter.write(Buffer.from(`${'-'.repeat(LINE_MAX - before)}${secret}${'-'.repeat(60)}\n`))
        const shown = createMask([], [secret])(lines.join('\n'))
        expect(shown.endsWith(CUT)).toBe(true)
        for (let at = 0; at + 4 <= secret.length; at++) expect(shown).not.toContain(secret.slice(0, 4 + at))
      }),
    ))

  it('shows no more than three of its characters at the beginning of the tail of a report', () =>
    fc.assert(
      fc.property(secrets, fc.nat(50), (secret, after) => {
        const tail = createTail(100)
        tail.add(`${'-'.repeat(200)}${secret}${'-'.repeat(99 - after)}`)
        const shown = createMask([], [secret])(tail.text())
        expect(shown.startsWith(CUT)).toBe(true)
        for (let length = 4; length <= secret.length; length++) expect(shown).not.toContain(secret.slice(-length))
      }),
    ))

  it('leaves alone what is no part of it', () => {
    const mask = createMask([{ type: 'basic', username: 'bob', password: 'p@ss word' }])
    expect(mask(`a p@s${CUT}ord b${CUT}`)).toBe(`a p@s${CUT}ord b${CUT}`)
    expect(mask(`a p@ss${CUT}`)).toBe(`a ***${CUT}`)
    expect(mask(`p@ss`)).toBe('p@ss')
  })
})
