// folders.test.ts — Folders without a replica in real programs: seen from afar, adopted, removed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import type { NatsServer } from '@kagami/runtime'
import { beforeAll, expect, test } from 'vitest'
import { createPlace, NATS_VERSIONS, startNats } from '../harness/place.ts'
import {
  MAIN,
  runKagami,
  startSupervisor,
  startWorker,
  type Program,
  type SupervisorProgram,
} from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const place = createPlace()
let nats: NatsServer
let supervisor: SupervisorProgram
let worker: Program

const folders = () => supervisor.api.call('listFolders', { params: { id: 'w-1' } })
const named = (name: string) =>
  until(`${name} is listed and measured`, async () =>
    (await folders()).items.find((folder) => folder.name === name && folder.bytes !== null),
  )
const gone = (name: string) =>
  until(`${name} is no longer listed`, async () => {
    const { items, total } = await folders()
    return total !== null && items.every((folder) => folder.name !== name)
  })
const upstream = () => `file://${place.at('in')}`
const launch = () =>
  startWorker(place, {
    nats: nats.url,
    providers: [{ name: 'declared', kind: 'rsync', upstream: upstream() }],
    env: {
      KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]),
      KAGAMI_WORKER_ID: 'w-1',
      KAGAMI_NAME: 'sh-12',
    },
  })
const add = async (name: string) => {
  const body = { name, kind: 'rsync', upstream: upstream(), interval_secs: 0 }
  const { replica_id } = await supervisor.api.call('addReplica', { params: { id: 'w-1' }, body })
  return replica_id
}
const synced = (id: string) =>
  until('the sync ends', async () => {
    const replica = await supervisor.api.call('getReplica', { params: { id } }).catch(() => null)
    return replica?.last_success_at && replica
  })

beforeAll(async () => {
  mkdirSync(place.at('in'))
  writeFileSync(place.at('in', 'file'), 'x'.repeat(100_000))
  mkdirSync(place.at('data', 'foreign'), { recursive: true })
  writeFileSync(place.at('data', 'foreign', 'page'), 'x'.repeat(10_000))
  nats = await startNats(place, NATS_VERSIONS[0])
  supervisor = await startSupervisor(place, { nats: nats.url })
  worker = await launch()
})

test('a worker tells which folders no replica has, and their size, soon after its start', async () => {
  expect(await named('foreign')).toEqual({ name: 'foreign', bytes: 12_288, files: 1, mirrored: null })
  expect(await folders()).toMatchObject({ total: 1, looked_at: expect.any(String) })
  const { folders: seen } = await supervisor.api.call('getWorker', { params: { id: 'w-1' } })
  expect(seen?.total).toBe(1)
})

test('the folder of a removed replica is listed with its upstream, and not once it has a replica again', async () => {
  const id = await add('left')
  await until('it is known', () => supervisor.api.call('syncReplica', { params: { id } }))
  await synced(id)
  await supervisor.api.call('dropReplica', { params: { id } })
  expect(await named('left')).toEqual({
    name: 'left',
    bytes: 102_400,
    files: 1,
    mirrored: { kind: 'rsync', upstream: upstream(), replica_id: id },
  })
  await add('left')
  await gone('left')
})

test('a supervisor that has restarted knows them again, and a restarted worker tells them again', async () => {
  await supervisor.kill('SIGTERM')
  const port = Number(new URL(supervisor.url).port)
  supervisor = await startSupervisor(place, { nats: nats.url, port })
  expect(await named('foreign')).toMatchObject({ bytes: 12_288 })
  await worker.kill('SIGTERM')
  mkdirSync(place.at('data', 'another'))
  worker = await launch()
  expect(await named('another')).toMatchObject({ bytes: 0, files: 0 })
})

test('an adopted folder is gone on with: its files are not fetched again', async () => {
  const id = await add('adopted')
  await until('it is known', () => supervisor.api.call('syncReplica', { params: { id } }))
  await synced(id)
  await supervisor.api.call('dropReplica', { params: { id } })
  await named('adopted')
  const { ino } = statSync(place.at('data', 'adopted', 'file'))
  const words = ['folders', 'adopt', 'adopted', '--worker', 'sh-12', '--yes']
  expect(await runKagami(place, words, { KAGAMI_API: supervisor.url })).toMatchObject({
    code: 0,
    stdout: 'Added adopted@sh-12, which goes on with the files in its folder.\n',
  })
  await gone('adopted')
  const sync = await runKagami(place, ['sync', 'adopted@sh-12', '--wait'], { KAGAMI_API: supervisor.url })
  expect(sync).toMatchObject({ code: 0 })
  expect(statSync(place.at('data', 'adopted', 'file')).ino).toBe(ino)
})

test('a folder is deleted beside the running worker after its name was typed on a terminal', async () => {
  mkdirSync(place.at('data', 'scrap'))
  writeFileSync(place.at('data', 'scrap', 'file'), 'x')
  const type = (text: string) =>
    spawnSync(
      'script',
      ['-qec', `${process.execPath} ${MAIN} folders remove scrap --data-dir ${place.at('data')}`, '/dev/null'],
      { input: text, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: place.dir } },
    )
  const other = type('no\n')
  expect([other.status, other.stdout]).toEqual([2, expect.stringContaining('that is not scrap; nothing was done')])
  expect(other.stdout).toContain('! Delete scrap (4.0 KiB in 1 file, not known to Kagami), in')
  expect(existsSync(place.at('data', 'scrap', 'file'))).toBe(true)
  const same = type('scrap\n')
  expect([same.status, same.stdout]).toEqual([0, expect.stringContaining('Removed scrap')])
  expect([existsSync(place.at('data', 'scrap')), existsSync(place.at('data', '.kagami', 'trash'))]).toEqual([
    false,
    false,
  ])
  await gone('scrap')
  const refused = await runKagami(place, ['folders', 'remove', 'adopted', '--data-dir', place.at('data'), '--yes'])
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('adopted cannot be removed: it is the folder of a replica called adopted'),
  ])
})

test('what a killed command left in the trash is deleted when the worker starts', async () => {
  await worker.kill('SIGTERM')
  mkdirSync(place.at('data', '.kagami', 'trash', 'some', 'files'), { recursive: true })
  writeFileSync(place.at('data', '.kagami', 'trash', 'some', 'files', 'f'), 'x')
  worker = await launch()
  await until('the trash is gone', () => !existsSync(place.at('data', '.kagami', 'trash')))
})
