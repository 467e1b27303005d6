// pointers.test.ts — What is a pointer of Git LFS, and what only looks like one.
import { describe, expect, it } from 'vitest'
import { createPointerReader, parsePointer } from './pointers.ts'

describe('a pointer', () => {
  const oid = 'ab'.repeat(32)
  const lines = ['version https://git-lfs.github.com/spec/v1', `oid sha256:${oid}`, 'size 12']

  it('is what the specification says, and nothing else', () => {
    expect(parsePointer(lines)).toEqual({ oid, size: 12 })
    expect(parsePointer(['version https://hawser.github.com/spec/v1', ...lines.slice(1)])).toEqual({ oid, size: 12 })
    expect(parsePointer([lines[0]!, `ext-0-foo sha256:${oid}`, ...lines.slice(1)])).toEqual({ oid, size: 12 })
    const wrong = [
      [],
      lines.slice(0, 2),
      [...lines, 'more'],
      [lines[0]!, lines[2]!, lines[1]!],
      ['version https://example.org/v1', ...lines.slice(1)],
      [...lines.slice(0, 2), 'size -1'],
      [...lines.slice(0, 2), 'size 0x10'],
      [...lines.slice(0, 2), `size ${'9'.repeat(16)}`],
      [lines[0]!, `oid sha256:${oid.toUpperCase()}`, lines[2]!],
      [lines[0]!, 'oid sha256:../../x', lines[2]!],
      [lines[0]!, `oid md5:${oid}`, lines[2]!],
    ]
    for (const text of wrong) expect(parsePointer(text), text.join('|')).toBeNull()
  })

  it('is not one inside of a longer text', () => {
    const found: unknown[] = []
    const reader = createPointerReader('mark', (object) => found.push(object))
    for (const line of [
      'mark blob',
      'see:',
      ...lines,
      'mark blob',
      ...lines,
      'and so on',
      'mark blob',
      ...lines,
      'mark blob',
      'x',
    ])
      expect(reader.line(line)).toBe(false)
    reader.end()
    expect(found).toEqual([{ oid, size: 12 }])
  })
})
