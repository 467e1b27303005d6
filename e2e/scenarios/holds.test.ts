// holds.test.ts — How operators protect a mirror: syncs that are held, approved or rejected, pauses, and earlier trees.
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, runKagami, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const files = (count: number, text = 'one') =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, `${text}\n`]))

describe('an operator and a mirror whose upstream loses files', () => {
  const place = createPlace()
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let worker: Program
  const upstreamAt = (...names: string[]) => place.at('up', 'files', ...names)
  const shown = () => readdirSync(place.at('data', 'tree')).sort()
  const replica = async () => (await supervisor.api.call('listReplicas', { query: { name: 'tree' } })).items[0]!
  const cli = (...words: string[]) => runKagami(place, [...words, '--api', supervisor.url])
  const sync = async () => {
    const before = (await replica()).last_sync?.sync_id
    await supervisor.api.call('syncResource', { params: { id: 'tree' } })
    return until('it has synced', async () => {
      const now = await replica()
      return now.last_sync?.sync_id !== before && now.activity !== 'syncing' && now.activity !== 'queued' && now
    })
  }
  const lose = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => rmSync(upstreamAt(`f${from + index}`)))

  beforeAll(async () => {
    writeFiles(upstreamAt(), files(12))
    const upstream = await startRsyncUpstream({ dir: place.at('up') })
    place.onEnd(() => upstream.stop())
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    worker = await startWorker(place, {
      nats: nats.url,
      providers: [{ name: 'tree', kind: 'rsync', upstream: upstream.url, options: { publish: 'swap' } }],
    })
    await until('it joined', async () => (await supervisor.api.call('listReplicas')).total === 1, {
      seen: () => worker.output(),
    })
    expect(await sync()).toMatchObject({ health: 'fresh', files: 12, generation: 1 })
  })

  test('sees the sync held, with what would be deleted, and nothing is deleted', async () => {
    lose(0, 8)
    const held = await sync()
    expect(held).toMatchObject({
      health: 'held',
      status: 'failed',
      hold: { reason: 'too_many_deletions', removed: 8, total: 12, rejected: false },
    })
    expect(held.hold?.examples).toEqual(expect.arrayContaining(['f0', 'f7']))
    expect(held.health_detail).toContain('would delete 8 of 12')
    expect(held.last_sync).toMatchObject({ outcome: 'held', hint: expect.stringContaining('kagami replicas approve') })
    expect(shown()).toHaveLength(12)
    expect((await supervisor.api.call('summary')).causes[0]).toMatchObject({
      reason: 'too_many_deletions',
      replicas: 1,
      held: 1,
    })
    expect((await cli('status')).stdout).toContain('◫ held  ')
    expect((await cli('replicas', '--health', 'held')).stdout).toMatch(/◫ held +tree@/)
    expect((await cli('replicas', 'get', 'tree')).stdout).toMatch(/would delete\s+8 of 12: f/)
  })

  test('rejects it, and it stays rejected while the upstream does not change, even after both are killed', async () => {
    expect(await cli('replicas', 'reject', 'tree')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Rejected'),
    })
    await until('the worker knows', async () => (await replica()).hold?.rejected)
    await Promise.all([worker.kill(), supervisor.kill()])
    supervisor = await startSupervisor(place, { nats: nats.url })
    worker = await startWorker(place, {
      nats: nats.url,
      providers: [
        {
          name: 'tree',
          kind: 'rsync',
          upstream: `rsync://127.0.0.1:${(await replica()).upstream.split(':')[2]}`,
          options: { publish: 'swap' },
        },
      ],
    })
    await until('the worker is back', async () => (await replica()).worker_presence === 'online')
    const { hold: before } = await replica()
    expect((await sync()).hold).toEqual({ ...before, rejected: true })
    expect(shown()).toHaveLength(12)
  })

  test('approves it: exactly that many entries are deleted, in one step, and the hold ends', async () => {
    const stale = await supervisor.api
      .call('approveHold', { params: { id: 'tree' }, body: { hold_id: 'another' } })
      .catch((error: unknown) => error)
    expect(stale).toMatchObject({ code: 'conflict', status: 409, field: 'hold_id' })
    expect(await cli('replicas', 'approve', 'tree')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('8 of 12'),
    })
    const after = await until('it went through', async () => (await replica()).health === 'fresh' && replica())
    expect(after).toMatchObject({ hold: null, generation: 2, files: 4 })
    expect(shown()).toEqual(['f10', 'f11', 'f8', 'f9'])
    expect(await cli('replicas', 'approve', 'tree')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('nothing to decide'),
    })
    const { items } = await supervisor.api.call('audit', { query: { target: after.replica_id } })
    expect(items.map((entry) => [entry.action, entry.result])).toEqual([
      ['approveHold', 'conflict'],
      ['approve', 'ok'],
      ['reject', 'ok'],
    ])
  })

  test('sees an emptied upstream held, and one with only new files, and the copy unchanged', async () => {
    lose(8, 12)
    expect(await sync()).toMatchObject({ health: 'held', hold: { reason: 'upstream_empty', removed: 4, total: 4 } })
    expect(shown()).toHaveLength(4)
    writeFiles(upstreamAt(), files(5, 'two'))
    expect(await sync()).toMatchObject({ health: 'held', hold: { reason: 'too_many_deletions', removed: 4, total: 4 } })
    writeFiles(upstreamAt(), { f8: 'two\n', f9: 'two\n', f10: 'two\n', f11: 'two\n' })
    expect(await sync()).toMatchObject({ health: 'fresh', hold: null, generation: 3, files: 9 })
  })

  test('goes back to the previous tree, which pauses the replica until it is resumed', async () => {
    expect(await cli('replicas', 'rollback', 'tree')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is paused'),
    })
    const back = await until('the earlier tree is there', async () => (await replica()).generation === 2 && replica())
    expect(back).toMatchObject({
      activity: 'paused',
      health: 'paused',
      paused: { by: 'anyone', reason: expect.stringContaining('earlier tree') },
    })
    expect(shown()).toHaveLength(4)
    expect(readFileSync(place.at('data', 'tree', 'f8'), 'utf8')).toBe('one\n')
    expect(await cli('replicas', 'rollback', 'tree', '--to', '7')).toMatchObject({ code: 0 })
    await until('the message says that there is none', async () =>
      (await replica()).last_sync?.message?.includes('generation 7 is not kept'),
    )
    expect(await cli('replicas', 'rollback', 'tree', '--to', 'latest')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is no generation'),
    })
    expect(await cli('replicas', 'resume', 'tree')).toMatchObject({ code: 0 })
    expect(await sync()).toMatchObject({ health: 'fresh', paused: null, generation: 4 })
    expect(readlinkSync(place.at('data', 'tree'))).toBe('.generations/tree/4')
    expect(existsSync(place.at('data', '.generations', 'tree', '1'))).toBe(false)
  })

  test('pauses and resumes a whole mirror', async () => {
    expect(await cli('resources', 'pause', 'tree', '--reason', 'upstream moves')).toMatchObject({ code: 0 })
    expect(await until('it is paused', async () => (await replica()).activity === 'paused' && replica())).toMatchObject(
      { paused: { reason: 'upstream moves' } },
    )
    expect(await sync()).toMatchObject({ activity: 'paused', last_sync: { outcome: 'success' } })
    expect(await cli('resources', 'resume', 'tree')).toMatchObject({ code: 0 })
    await until('it continues', async () => (await replica()).activity === 'idle')
  })
})
