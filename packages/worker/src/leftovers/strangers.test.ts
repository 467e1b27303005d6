// strangers.test.ts — Folders without a replica: which ones they are, whose files they have, and their size.
import { spawnSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nameOfBytes, pathBytes } from '../names.ts'
import { findStrangers, measureTrees, namesInTransit } from './strangers.ts'

let dir: string
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'kagami-strangers-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const mark = (name: string, more: object = {}) => {
  mkdirSync(join(dir, '.kagami/trees'), { recursive: true })
  const marker = { replica_id: 'r-1', kind: 'rsync', upstream: 'rsync://h/m/', name, ...more }
  writeFileSync(join(dir, '.kagami/trees', `${name.toLowerCase()}.json`), JSON.stringify(marker))
}

describe('folders without a replica', () => {
  it('say whose files they have, as far as their own mark does', () => {
    for (const name of ['mine', 'left', 'Case', 'foreign', 'secret']) mkdirSync(join(dir, name))
    mark('left')
    mark('case')
    mark('secret', { upstream: 'rsync://user:password@h/m/' })
    expect(findStrangers(dir, new Set(['mine'])).map(({ name, mirrored }) => [name, mirrored])).toEqual([
      ['Case', null],
      ['foreign', null],
      ['left', { kind: 'rsync', upstream: 'rsync://h/m/', replica_id: 'r-1' }],
      ['secret', null],
    ])
  })

  it('are found and measured when names are not UTF-8, and shown without control characters', async () => {
    const strange = nameOfBytes(Buffer.from([0x63, 0xe9, 0xff, 0x0a]))
    mkdirSync(pathBytes(join(dir, strange, strange)), { recursive: true })
    writeFileSync(pathBytes(join(dir, strange, strange, strange)), 'x'.repeat(5000))
    const [found] = findStrangers(dir, new Set())
    expect(found?.name).toBe('c\\351\\377\\012')
    expect(await measureTrees(found!.roots)).toEqual({ bytes: 4096 + 8192, files: 1 })
  })

  it('have no size when a part of them cannot be read', async () => {
    expect(await measureTrees([join(dir, 'gone')])).toEqual({ bytes: null, files: null })
  })

  it('are not those whose files are on the way to another name', () => {
    mark('new', { renamed_from: 'old' })
    expect(namesInTransit(dir)).toEqual(['old'])
  })

  it('are measured as du measures them, in any tree, and the disk may rest meanwhile', async () => {
    const sizes = fc.array(fc.record({ depth: fc.nat(3), bytes: fc.nat(20_000), linked: fc.boolean() }), {
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(sizes, async (files) => {
        const root = mkdtempSync(join(dir, 'tree-'))
        for (const [index, { depth, bytes, linked }] of files.entries()) {
          const folder = join(root, ...Array.from({ length: depth }, (_, level) => `d${level}-${index % 3}`))
          mkdirSync(folder, { recursive: true })
          writeFileSync(join(folder, `f${index}`), 'x'.repeat(bytes))
          if (linked) linkSync(join(folder, `f${index}`), join(root, `l${index}`))
          symlinkSync(root, join(folder, `s${index}`))
        }
        let rests = 0
        const measured = await measureTrees([root], async () => void rests++)
        const total = Number(spawnSync('du', ['-s', '-B1', root], { encoding: 'utf8' }).stdout.split('\t')[0])
        const itself = Number(
          spawnSync('du', ['-s', '-B1', '-S', mkdtempSync(join(dir, 'e-'))])
            .stdout.toString()
            .split('\t')[0],
        )
        expect(measured).toEqual({ bytes: total - itself, files: files.length })
        expect(rests > 0).toBe(files.length > 0)
      }),
      { numRuns: 25 },
    )
  })

  it('stop being measured when the look is given up', async () => {
    mkdirSync(join(dir, 'a'))
    writeFileSync(join(dir, 'a/f'), 'x')
    await expect(measureTrees([join(dir, 'a')], () => Promise.reject(new Error('given up')))).rejects.toThrow(
      'given up',
    )
  })
})
