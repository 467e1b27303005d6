import { describe, expect, test } from 'vitest'
import { createLineSplitter } from './lines.ts'

function linesOf(chunks: string[], thin: boolean): string[] {
  const lines: string[] = []
  const splitter = createLineSplitter((line) => lines.push(line), { thin })
  for (const chunk of chunks) splitter.write(Buffer.from(chunk))
  splitter.end()
  return lines
}

describe('lines of a program', () => {
  test('end with either line end, wherever the chunks are cut', () => {
    const text = 'one\r\ntwo\rthree\n\nfour'
    for (let cut = 0; cut <= text.length; cut++)
      expect(linesOf([text.slice(0, cut), text.slice(cut)], false)).toEqual(['one', 'two', 'three', 'four'])
  })

  test('a burst of progress counts as its last state, and nothing that ends with a line feed is lost', () => {
    const burst = Array.from({ length: 1000 }, (_, i) => `\r  ${i} 1%`).join('')
    expect(linesOf([`begin\n${burst}`, '\r  2000 2%', '\nNumber of files: 5\n'], true)).toEqual([
      'begin',
      '  998 1%',
      '  999 1%',
      '  2000 2%',
      'Number of files: 5',
    ])
  })

  test('come without control characters, and as they were for those who ask', () => {
    const seen: string[][] = []
    const splitter = createLineSplitter((line, raw) => seen.push([line, raw]))
    splitter.write(Buffer.from('a\u007fb \u001b[31m \n'))
    expect(seen).toEqual([['ab [31m', 'a\u007fb \u001b[31m ']])
  })
})
