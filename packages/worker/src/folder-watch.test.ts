// folder-watch.test.ts — When a running worker looks for folders without a replica, and how much it tells.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkFor, Folders, type ReplicaSpec } from '@kagami/protocol'
import { createLogger } from '@kagami/runtime'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createManualClock } from '../../runtime/src/testing/manual-clock.ts'
import { openWorker, type WorkerState } from './core/worker.ts'
import { watchFolders, type FolderWatch } from './folder-watch.ts'
import { PATIENCE } from './testing/patience.ts'

const HOUR_MS = 3_600_000
let dir: string
let clock: ReturnType<typeof createManualClock>
let state: WorkerState
let watch: FolderWatch
let told: number

const spec = (name: string): ReplicaSpec => ({
  replica_id: `r-${name}`,
  name,
  kind: 'rsync',
  upstream: 'rsync://h/m/',
  interval_secs: null,
  labels: {},
  options: {},
  origin: 'config',
})
const stateWith = (...names: string[]) =>
  openWorker(
    {
      id: 'w',
      instance: 'i',
      limits: { perWorker: 1, perHost: 1 },
      declared: names.map(spec),
      remembered: new Map(),
    },
    clock.now(),
  )
const listed = () => watch.found?.items.map(({ name, bytes }) => [name, bytes])

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kagami-watch-'))
  clock = createManualClock()
  state = stateWith('mine')
  told = 0
  watch = watchFolders({
    clock,
    logger: createLogger('test', { KAGAMI_LOG_LEVEL: 'silent' }),
    dataDir: dir,
    state: () => state,
    onFound: () => void told++,
  })
})
afterEach(() => {
  watch.stop()
  rmSync(dir, { recursive: true, force: true })
})

it('folders are told at once, and their sizes when they are measured', async () => {
  for (const name of ['mine', 'left']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'left/file'), 'x'.repeat(5000))
  expect(watch.found).toBeNull()
  watch.look()
  expect(watch.found).toMatchObject({ total: 1, items: [{ name: 'left', bytes: null, files: null }] })
  await vi.waitFor(() => expect(watch.found?.items[0]).toMatchObject({ bytes: 8192, files: 1 }), PATIENCE)
  expect(told).toBe(2)
})

it('they are looked for every hour, and measured again only after a day', async () => {
  mkdirSync(join(dir, 'left'))
  watch.look()
  await vi.waitFor(() => expect(listed()).toEqual([['left', 0]]), PATIENCE)
  writeFileSync(join(dir, 'left/file'), 'x'.repeat(5000))
  mkdirSync(join(dir, 'new'))
  clock.advance(HOUR_MS)
  await vi.waitFor(
    () =>
      expect(listed()).toEqual([
        ['left', 0],
        ['new', 0],
      ]),
    PATIENCE,
  )
  clock.advance(24 * HOUR_MS)
  await vi.waitFor(
    () =>
      expect(listed()).toEqual([
        ['left', 8192],
        ['new', 0],
      ]),
    PATIENCE,
  )
})

it('they are looked for when a replica comes or goes, and not when one only changes', () => {
  for (const name of ['mine', 'left']) mkdirSync(join(dir, name))
  watch.look()
  told = 0
  watch.replicasChanged([...state.replicas.values()], [])
  expect([told, listed()]).toEqual([0, [['left', null]]])
  state = stateWith('left')
  watch.replicasChanged([...state.replicas.values()], [])
  expect(listed()).toEqual([['mine', null]])
  state = stateWith()
  watch.replicasChanged([], ['r-left'])
  expect(listed()).toEqual([
    ['left', null],
    ['mine', null],
  ])
})

it('of very many folders as many are named as a heartbeat can carry, and all are counted', () => {
  for (let index = 0; index < 300; index++) mkdirSync(join(dir, `${index}`))
  watch.look()
  expect([watch.found?.items.length, watch.found?.total]).toEqual([100, 300])
  for (let index = 0; index < 300; index++) mkdirSync(join(dir, `${index}`.padStart(60, '"é').padEnd(70, '\u0001')))
  watch.look()
  expect(watch.found?.total).toBe(600)
  expect(Buffer.byteLength(JSON.stringify(watch.found))).toBeLessThan(25 * 1024)
  expect(checkFor(Folders).ok(watch.found)).toBe(true)
})
