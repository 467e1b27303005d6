// table.test.ts — Tables fit the terminal, keep what may not be cut, and take one pass whatever their length.
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { renderTable, wrapParts } from './table.ts'

const COLUMNS = ['NAME', { head: 'KIND', drop: 2 }, { head: 'CAUSE', cut: 8 }, { head: 'NEXT', drop: 1 }]
const ROW = ['debian@sh-12', 'rsync', 'the upstream refused the connection', 'in 5m']
const widthsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => stringWidth(line))

describe('a table', () => {
  it.each([
    [
      200,
      'NAME          KIND   CAUSE                                NEXT\n' +
        'debian@sh-12  rsync  the upstream refused the connection  in 5m\n',
    ],
    [50, 'NAME          KIND   CAUSE                   NEXT\ndebian@sh-12  rsync  the upstream refused …  in 5m\n'],
    [30, 'NAME          CAUSE      NEXT\ndebian@sh-12  the upst…  in 5m\n'],
    [24, 'NAME          CAUSE\ndebian@sh-12  the upstr…\n'],
    [5, 'NAME          CAUSE\ndebian@sh-12  the ups…\n'],
  ])('of %i columns', (width, text) => {
    expect(renderTable(COLUMNS, [ROW], { width })).toBe(text)
  })

  it('is never wider than asked for, once what may go has gone, and never cuts a name', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '镜', '👩‍👩‍👧', ' ', 'é'), maxLength: 30 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell, cell), { maxLength: 8 }),
        fc.integer({ min: 10, max: 120 }),
        (rows, width) => {
          const text = renderTable(COLUMNS, rows, { width })
          const least = Math.max(4, ...rows.map(([name]) => stringWidth(name))) + 2 + 8
          expect(Math.max(...widthsOf(text))).toBeLessThanOrEqual(Math.max(width, least))
          for (const [name] of rows) expect(text).toContain(name.trimEnd())
        },
      ),
    )
  })

  it('counts no colours as width', () => {
    const text = renderTable(
      ['STATE', 'NAME'],
      [
        ['\u001B[31m✕ failed\u001B[39m', 'a'],
        ['-', 'b'],
      ],
    )
    expect(stripVTControlCharacters(text)).toBe('STATE     NAME\n✕ failed  a\n-         b\n')
  })
})

describe('wrapParts', () => {
  const parts = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 12 })
  it('keeps all parts in their order, in lines that fit', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 16, max: 60 }), (words, room) => {
        const lines = wrapParts(words, { room, indent: 4 })
        expect(lines.flatMap((line) => line.trim().split('  '))).toEqual(words)
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(room)
        expect(lines.slice(1).every((line) => line.startsWith('    '))).toBe(true)
      }),
    )
  })

  it('is one line where there is room', () =>
    expect(wrapParts(['a', 'b', 'c'], { room: Infinity, indent: 4 })).toEqual(['a  b  c']))
})
