// trash.test.ts — Deleting a folder without a replica: all of it goes, nothing else does, whenever it is interrupted.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nameOfBytes, pathBytes } from '../names.ts'
import { findStrangers } from './strangers.ts'
import { discardFolder, discardingSteps, emptyTrash } from './trash.ts'

let dir: string
const put = (path: string, text = 'x') => {
  mkdirSync(pathBytes(join(dir, path, '..')), { recursive: true })
  writeFileSync(pathBytes(join(dir, path)), text)
}
const markOf = (name: string, replicaId: string) =>
  put(
    `.kagami/trees/${name.toLowerCase()}.json`,
    JSON.stringify({ replica_id: replicaId, kind: 'rsync', upstream: 'rsync://h/m/', name }),
  )
const folder = (entry: string) => ({ dataDir: dir, entry, hasReplica: (id: string) => id === 'r-alive' })
const discard = (entry: string) => discardFolder(folder(entry))
const stepsOf = (entry: string) => discardingSteps(folder(entry))
const left = () =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.includes('left') || path.includes('r-left') || path.includes('trash/'))
    .sort()

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kagami-trash-'))
  put('.generations/left/1/pool/file')
  put('.generations/left/2/pool/file')
  symlinkSync('.generations/left/2', join(dir, 'left'))
  markOf('left', 'r-left')
  put('.kagami/staging/r-left/part')
  put('.generations/mine/1/file')
  symlinkSync('.generations/mine/1', join(dir, 'mine'))
  markOf('mine', 'r-mine')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('a folder without a replica', () => {
  it('is deleted with its generations, its mark and its unfinished download, and nothing else is', async () => {
    expect([...stepsOf('left')]).toHaveLength(4)
    await emptyTrash(dir)
    expect(left()).toEqual([])
    expect(readdirSync(join(dir, 'mine'))).toEqual(['file'])
    expect(existsSync(join(dir, '.kagami/trees/mine.json'))).toBe(true)
  })

  it('is never half there: what a crash leaves is listed, or in the trash', async () => {
    const steps = [...stepsOf('left')].length
    for (let crash = 1; crash <= steps; crash++) {
      rmSync(dir, { recursive: true })
      put('.generations/left/1/pool/file')
      symlinkSync('.generations/left/1', join(dir, 'left'))
      markOf('left', 'r-left')
      put('.kagami/staging/r-left/part')
      const running = stepsOf('left')
      for (let step = 0; step < crash; step++) running.next()
      expect(existsSync(join(dir, 'left'))).toBe(false)
      const listed = findStrangers(dir, new Set())
      if (existsSync(join(dir, '.generations/left'))) {
        expect(listed).toMatchObject([{ name: 'left', mirrored: { upstream: 'rsync://h/m/' } }])
      } else expect(listed).toEqual([])
      discard('left')
      await emptyTrash(dir)
      expect(left()).toEqual([])
    }
  })

  it('keeps the unfinished download and the mark of a replica that has another folder', () => {
    markOf('left', 'r-alive')
    put('.kagami/staging/r-alive/part')
    put('LEFT/file')
    discard('LEFT')
    expect(existsSync(join(dir, '.kagami/trees/left.json'))).toBe(true)
    discard('left')
    expect(existsSync(join(dir, '.kagami/staging/r-alive/part'))).toBe(true)
  })

  it('is deleted with names that are not UTF-8, and with folders that nobody may write', async () => {
    const strange = nameOfBytes(Buffer.from([0x63, 0xe9, 0xff, 0x0a]))
    put(`${strange}/${strange}/file`)
    chmodSync(pathBytes(join(dir, strange, strange)), 0o500)
    discard(strange)
    await emptyTrash(dir)
    expect([readdirSync(dir).sort(), existsSync(join(dir, '.kagami/trash'))]).toEqual([
      ['.generations', '.kagami', 'left', 'mine'],
      false,
    ])
  })

  it('can be deleted by two commands and a starting worker at once', async () => {
    for (let index = 0; index < 200; index++) put(`many/${index % 7}/file${index}`)
    discard('many')
    await Promise.all([emptyTrash(dir), emptyTrash(dir), emptyTrash(dir, async () => {})])
    expect(existsSync(join(dir, '.kagami/trash'))).toBe(false)
  })
})
