// names.test.ts — Names of any bytes, to text and back, and as people see them.
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytesOf, escapeBytes, nameOfBytes, pathBytes, readEntries, removePath, showName } from './names.ts'

const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes))

describe('a name of any bytes', () => {
  test('gives the same bytes back, in pieces too', () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { minLength: 1, maxLength: 4 }), (parts) => {
        for (const part of parts) expect(bytesOf(nameOfBytes(part))).toEqual(part)
        const path = parts.map(nameOfBytes).join('/')
        expect(bytesOf(path)).toEqual(
          Buffer.concat(parts.flatMap((part, at) => (at ? [Buffer.from('/'), part] : [part]))),
        )
      }),
      { numRuns: 2000 },
    )
  })

  test('that is UTF-8 is that text, with the replacement character too', () => {
    for (const name of ['plain', 'caf\u00e9', '\ufffd', '\u{1f4e6}.iso', 'a\ufffdb']) {
      expect(nameOfBytes(Buffer.from(name))).toBe(name)
      expect(pathBytes(name)).toBe(name)
    }
    expect(nameOfBytes(Buffer.from('caf\xe9\ufffd', 'latin1').subarray(0, 4))).toBe('caf\udce9')
  })

  test('is shown with its strange bytes in octal', () => {
    expect(showName(nameOfBytes(Buffer.from('caf\xe9\n\\.txt', 'latin1')))).toBe('caf\\351\\012\\\\.txt')
    expect(escapeBytes('a\\b\udcff \u{1f4e6}')).toBe('a\\b\\377 \u{1f4e6}')
    fc.assert(fc.property(anyBytes, (bytes) => showName(nameOfBytes(bytes)).isWellFormed()))
  })
})

describe('the entries of a folder', () => {
  let folder: string
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'kagami-names-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('are found by their bytes', () => {
    const names = ['caf\xe9.txt', 'plain', '\xff\xfe'].map((name) => Buffer.from(name, 'latin1'))
    for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), 'x')
    const entries = readEntries(folder)
    expect(entries.map(({ name }) => bytesOf(name).toString('latin1')).sort()).toEqual(
      names.map((name) => name.toString('latin1')).sort(),
    )
    expect(entries.every((entry) => entry.isFile() && !entry.isDirectory() && !entry.isSymbolicLink())).toBe(true)
  })

  test('are removed with everything below them, whatever bytes their names have, and links are not followed', () => {
    const name = nameOfBytes(Buffer.from([0xe9, 0xff]))
    for (const path of [`${folder}/${name}`, `${folder}/plain`]) {
      mkdirSync(pathBytes(`${path}/${name}/deep`), { recursive: true })
      writeFileSync(pathBytes(`${path}/${name}/deep/${name}`), 'x')
      symlinkSync(tmpdir(), pathBytes(`${path}/${name}/link`))
      removePath(path)
      removePath(path)
      expect(existsSync(pathBytes(path))).toBe(false)
    }
    expect(readEntries(folder)).toEqual([])
    expect(existsSync(tmpdir())).toBe(true)
  })
})
