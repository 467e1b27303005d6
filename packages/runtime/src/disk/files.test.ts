// files.test.ts — Small files are replaced whole, also when the disk is full.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readIfThere, readJsonIfThere, removeDurably, writeDurably } from './files.ts'

describe('small files', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kagami-files-'))
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  test('are replaced whole, leave no scraps, and read as nothing when they are not there or damaged', () => {
    const path = join(dir, 'a', 'b.json')
    expect([readIfThere(path), readJsonIfThere(path)]).toEqual([null, null])
    writeDurably(path, '{"a":1}')
    writeDurably(path, '{"a":2}')
    expect(readJsonIfThere(path)).toEqual({ a: 2 })
    writeDurably(path, '{"a":')
    expect(readJsonIfThere(path)).toBeNull()
    expect(readdirSync(join(dir, 'a'))).toEqual(['b.json'])
    removeDurably(path)
    removeDurably(path)
    expect(readIfThere(path)).toBeNull()
  })

  // A disk of its own needs root, to mount it.
  test.runIf(process.getuid?.() === 0)('stay as they were when a new text does not fit on the disk', () => {
    const disk = join(dir, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'kagami-test', disk])
    try {
      const path = join(disk, 'a.json')
      writeDurably(path, '{"a":1}')
      expect(() => writeDurably(path, JSON.stringify({ a: 'x'.repeat(100_000) }))).toThrow('ENOSPC')
      expect([readJsonIfThere(path), readdirSync(disk)]).toEqual([{ a: 1 }, ['a.json']])
    } finally {
      execFileSync('umount', [disk])
    }
  })
})
