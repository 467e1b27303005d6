// adopt.test.ts — Files of something else in the folder of a replica: what is taken over, and what never is.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeEach, describe, expect, it } from 'vitest'
import { sandboxForEach } from '../testing/kills.ts'
import { readTree, type Sandbox, type SyncCall } from '../testing/sandbox.ts'

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))

const OLD = 1_700_000_000
const NAMES = Array.from({ length: 12 }, (_, n) => `f${n}`)
let up: string
let calls: Record<'rsync' | 'http', SyncCall>

beforeEach(async () => {
  up = join(sandbox.dir, 'up', 'files')
  writeFiles(up, Object.fromEntries(NAMES.map((name) => [name, name.repeat(2000)])))
  for (const name of NAMES) utimesSync(join(up, name), OLD, OLD)
  const [served, web] = [
    await startRsyncUpstream({ dir: join(sandbox.dir, 'up') }),
    await startHttpUpstream({ dir: up, listings: true }),
  ]
  stops.push(served.stop, web.stop)
  calls = { rsync: { kind: 'rsync', upstream: served.url }, http: { kind: 'http', upstream: `${web.url}/` } }
})

const size = () => NAMES.reduce((sum, name) => sum + statSync(join(up, name)).size, 0)
const few = () => size() / 4

describe.each([
  ['rsync', 'http'],
  ['http', 'rsync'],
] as const)('a tree that came by %s and is to come by %s', (from, to) => {
  it.each(['in-place', 'swap'])('published %s, goes on with its files once that is allowed', async (publish) => {
    const options = { publish }
    expect(await sandbox.sync({ ...calls[from], options })).toMatchObject({ outcome: 'success' })
    const asked = await sandbox.sync({ ...calls[to], options })
    expect(asked).toMatchObject({
      outcome: 'held',
      reason: 'foreign_files',
      message: expect.stringContaining(`holds a ${from} mirror of`),
    })
    const adopted = await sandbox.sync({ ...calls[to], options, task: { type: 'sync', approved: 0 } })
    expect(adopted).toMatchObject({ outcome: 'success', reason: null })
    expect(adopted.bytes).toBeLessThan(few())
    expect(readTree(sandbox.published)).toEqual(readTree(up))
  })
})

describe.each(['rsync', 'http'] as const)('a folder that something else filled, taken over by %s', (kind) => {
  const adopt = (options: object = {}) => sandbox.sync({ ...calls[kind], options: { ...options }, adoptExisting: true })
  const fill = (times: boolean) => cpSync(up, sandbox.published, { recursive: true, preserveTimestamps: times })

  it('is the mirror at once where sizes and times agree', async () => {
    fill(true)
    const report = await adopt()
    expect(report).toMatchObject({ outcome: 'success' })
    expect(report.bytes).toBeLessThan(few())
  })

  it('whose times are lost is fetched only in part when sizes are to count, once', async () => {
    fill(false)
    const report = await adopt({ adopt: 'size' })
    expect(report).toMatchObject({ outcome: 'success' })
    expect(report.bytes).toBeLessThan(few())
    writeFiles(up, { f1: 'F1'.repeat(2000) })
    expect(await adopt({ adopt: 'size' })).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(up))
  })

  it('is not changed while nobody allowed it, and its first sync says what would go', async () => {
    fill(true)
    writeFiles(sandbox.published, { mine: 'x' })
    const before = readTree(sandbox.dataDir)
    const report = await sandbox.sync(calls[kind])
    expect(report).toMatchObject({ outcome: 'held', reason: 'foreign_files' })
    expect(report.message).toContain(`${sandbox.published} has files that Kagami did not fetch`)
    expect(readTree(sandbox.published)).toEqual(
      Object.fromEntries(Object.entries(before).map(([path, text]) => [path.replace(/^copy\//, ''), text])),
    )
    expect(existsSync(join(sandbox.dataDir, '.kagami', 'trees', 'copy.json'))).toBe(false)
  })
})

it('rsync compares every byte of what it takes over when checksums are to count', async () => {
  cpSync(up, sandbox.published, { recursive: true, preserveTimestamps: true })
  writeFiles(sandbox.published, { f1: 'x'.repeat(statSync(join(up, 'f1')).size) })
  utimesSync(join(sandbox.published, 'f1'), OLD, OLD)
  const call = { ...calls.rsync, options: { adopt: 'checksum' }, adoptExisting: true }
  expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
  expect(readTree(sandbox.published)).toEqual(readTree(up))
})

it('a file over http is not fetched again where size and time agree', async () => {
  mkdirSync(sandbox.published)
  cpSync(join(up, 'f1'), join(sandbox.published, 'f1'), { preserveTimestamps: true })
  const call = { kind: 'http', upstream: `${calls.http.upstream}f1` }
  expect(await sandbox.sync(call)).toMatchObject({ outcome: 'held', reason: 'foreign_files' })
  const adopted = await sandbox.sync({ ...call, adoptExisting: true })
  expect(adopted).toMatchObject({ outcome: 'success', bytes: 0, files: 1 })
  writeFiles(up, { f1: 'another' })
  expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', bytes: 7 })
})

it('a repository is never taken for plain files, and files never for a repository', async () => {
  const repository = join(sandbox.dir, 'repository')
  execFileSync('git', ['init', '-q', '--bare', repository])
  const git = { kind: 'git', upstream: `file://${repository}`, upstreamRoots: [sandbox.dir], adoptExisting: true }
  await sandbox.sync(calls.rsync)
  expect(await sandbox.sync(git)).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
  expect(readTree(sandbox.published)).toEqual(readTree(up))
})

it('a folder that was renamed by hand goes on under its new name', async () => {
  await sandbox.sync(calls.rsync)
  renameSync(sandbox.published, join(sandbox.dataDir, 'new'))
  const call = { ...calls.rsync, name: 'new', replicaId: 'new' }
  expect(await sandbox.sync(call)).toMatchObject({ outcome: 'held', reason: 'foreign_files', hold: { removed: 0 } })
  const adopted = await sandbox.sync({ ...call, task: { type: 'sync', approved: 0 } })
  expect(adopted.bytes).toBeLessThan(few())
})

describe('a tree that is no longer published by swap', () => {
  const swapped = { publish: 'swap' }

  it('is a folder again after its next sync, without earlier trees', async () => {
    await sandbox.sync({ ...calls.rsync, options: swapped })
    writeFiles(up, { f1: 'another' })
    await sandbox.sync({ ...calls.rsync, options: swapped })
    expect(lstatSync(sandbox.published).isSymbolicLink()).toBe(true)
    const report = await sandbox.sync(calls.rsync)
    expect(report).toMatchObject({ outcome: 'success' })
    expect(report.bytes).toBeLessThan(few())
    expect(lstatSync(sandbox.published).isDirectory()).toBe(true)
    expect(readdirSync(join(sandbox.dataDir, '.generations'))).toEqual([])
    expect(readTree(sandbox.published)).toEqual(readTree(up))
  })

  it('that was rolled back stays what readers saw when it is killed between the two steps', async () => {
    await sandbox.sync({ ...calls.rsync, options: swapped })
    writeFiles(up, { f1: 'another' })
    await sandbox.sync({ ...calls.rsync, options: swapped })
    await sandbox.sync({ ...calls.rsync, options: swapped, task: { type: 'rollback', to: 1 } })
    const folder = join(sandbox.dataDir, '.generations', 'copy')
    rmSync(join(folder, '2'), { recursive: true })
    rmSync(sandbox.published)
    expect(await sandbox.sync(calls.rsync)).toMatchObject({ outcome: 'success' })
    expect(lstatSync(sandbox.published).isDirectory()).toBe(true)
    expect(readTree(sandbox.published)).toEqual(readTree(up))
  })
})
