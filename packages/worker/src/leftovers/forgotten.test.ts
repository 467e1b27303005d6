// forgotten.test.ts — What replicas that are gone left below .kagami is collected, and nothing else.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FORGOTTEN_DAYS, moveForgotten } from './forgotten.ts'
import { paths } from '../tree/paths.ts'
import { emptyTrash } from './trash.ts'

const NOW = new Date('2026-11-28T12:00:00Z')

function aDataDir(): { dataDir: string; make(path: string, days: number): string } {
  const dataDir = mkdtempSync(join(tmpdir(), 'kagami-forgotten-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
  mkdirSync(paths.own(dataDir))
  return {
    dataDir,
    make(path, days) {
      const at = new Date(NOW.getTime() - days * 24 * 3_600_000)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, 'x')
      utimesSync(path, at, at)
      utimesSync(dirname(path), at, at)
      return dirname(path)
    },
  }
}

test('first copies and logs of replicas that are gone go after some days, those of others stay', async () => {
  const { dataDir, make } = aDataDir()
  const old = [
    make(join(paths.staging(dataDir, 'gone'), 'file'), FORGOTTEN_DAYS + 1),
    make(paths.log(dataDir, 'gone', 's1'), FORGOTTEN_DAYS + 1),
  ]
  const stays = [
    make(join(paths.staging(dataDir, 'known'), 'file'), 400),
    make(paths.log(dataDir, 'known', 's1'), 400),
    make(join(dataDir, 'mirror', 'file'), 400),
    make(join(paths.own(dataDir), 'spool', 'report.json'), 400),
  ]
  const young = make(join(paths.staging(dataDir, 'just-gone'), 'file'), FORGOTTEN_DAYS - 1)
  const ahead = make(join(paths.staging(dataDir, 'of-the-future'), 'file'), -300)
  const found = moveForgotten(dataDir, { isKnown: (id) => id === 'known', now: NOW })
  expect([...found.moved].sort()).toEqual(old.sort())
  expect([...found.later].sort()).toEqual([young, ahead].sort())
  for (const folder of [...stays, young, ahead]) expect(readdirSync(folder)).toHaveLength(1)
  for (const folder of old) expect(existsSync(folder)).toBe(false)
  await emptyTrash(dataDir)
  expect(existsSync(paths.trash(dataDir))).toBe(false)
})

test('a file that changed lately in an old folder keeps it', () => {
  const { dataDir, make } = aDataDir()
  const folder = make(join(paths.staging(dataDir, 'gone'), 'file'), 1)
  utimesSync(folder, 0, 0)
  expect(moveForgotten(dataDir, { isKnown: () => false, now: NOW })).toEqual({ moved: [], later: [folder] })
})
