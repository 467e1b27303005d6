// storage.test.ts — When disks are full, as a supervisor says it that knows 14 days of a worker: with a real worker
// on a real disk, that shares it with a second one, and after both are silent.
import { statfsSync } from 'node:fs'
import { writeFiles } from '@kagami/demo'
import { FORECAST_DAYS, subjectFor } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { connectBus, createLogger, newId } from '@kagami/runtime'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import { beforeAll, describe, expect, test } from 'vitest'
import { keepDiskHistory } from '../harness/disk-history.ts'
import { followDocumented } from '../harness/documented.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const DAY_MS = 86_400_000
/** Two of them it was silent, in 6 to 8 parts of 6 hours. */
const KNOWN_DAYS = expect.toBeOneOf([11, 12])
const logger = createLogger('test', { LOG_LEVEL: 'silent' })

describe('a supervisor that knows the last 14 days of a disk', () => {
  const place = createPlace()
  const workers: Program[] = []
  let nats: string
  let supervisor: SupervisorProgram
  /** Bytes a day by which it grew in those days. */
  let rate: number
  const disks = async () => (await supervisor.api.call('listStorage')).items
  const worker = async (id: string) =>
    workers.push(
      await startWorker(place, {
        nats,
        dir: id,
        providers: ['stays', 'grows'].map((name) => ({
          name: `${name}-${id}`,
          kind: 'rsync',
          upstream: `file://${place.at('upstream')}`,
          interval_secs: 86_400,
          options: name === 'grows' ? { quota_mib: 5 } : {},
        })),
        env: {
          KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]),
          KAGAMI_WORKER_ID: id,
          KAGAMI_NAME: `${id}.example.org`,
        },
      }),
    )

  beforeAll(async () => {
    writeFiles(place.at('upstream'), { file: 'x'.repeat(1_000_000) })
    const { url } = await startNats(place)
    nats = url
    const db = `sqlite://${place.at('supervisor.db')}?mode=rwc`
    const { blocks, bfree, bavail, bsize } = statfsSync(place.dir)
    const used = (blocks - bfree) * bsize
    // At most what is used grew in 14 days; it is then full in at least 14.
    rate = Math.min((bavail * bsize) / 30.5, used / FORECAST_DAYS)
    const store = await openSqlStore(db, logger)
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    await keepDiskHistory(store, 'w-1', (day) =>
      day > 4 && day < 6
        ? null
        : { total_bytes: blocks * bsize, used_bytes: Math.round(used - rate * (FORECAST_DAYS - day)) },
    )
    await store.close()
    supervisor = await startSupervisor(place, { nats, db })
    await worker('w-1')
    await until('it was measured', async () => (await disks())[0]?.forecast.verdict === 'full', { seen: disks })
  })

  test('says when it is full, by the room that a worker has now, and keeps gaps', async () => {
    const [disk, ...others] = await disks()
    expect(others).toEqual([])
    const { bavail, bsize } = statfsSync(place.dir)
    const days = (bavail * bsize) / rate
    expect(Math.abs(disk!.forecast.days! - days)).toBeLessThan(days * 0.1 + 1)
    expect(disk).toMatchObject({
      disk_id: 'w-1',
      name: 'w-1.example.org',
      workers_total: 1,
      forecast: { verdict: 'full', known_days: KNOWN_DAYS, needed_days: 7 },
      full_soon: false,
    })
    const { used_bytes, part_secs } = disk!.history
    expect([used_bytes.length, part_secs]).toEqual([57, 21_600])
    const gap = used_bytes.slice(16, 26).filter((value) => value === null).length
    // Of the first part the last minutes are known at most: those that were 14 days ago.
    expect([gap >= 6 && gap <= 8, used_bytes.slice(1, 15).every((value) => value !== null)]).toEqual([true, true])
  })

  test('has the same forecast for the worker, and the disk among the worst of the summary', async () => {
    const shown = await until(
      'it was looked at',
      async () => (await supervisor.api.call('getWorker', { params: { id: 'w-1' } })).disk_forecast,
    )
    const { disks: totals } = await supervisor.api.call('summary')
    expect(totals).toMatchObject({ total: 1, full_soon: 0, worst: [{ disk_id: 'w-1', forecast: { verdict: 'full' } }] })
    expect(shown).toMatchObject({ verdict: 'full', known_days: KNOWN_DAYS })
    const status = await runKagami(place, ['status'], { KAGAMI_API: supervisor.url })
    expect(status.stdout).toMatch(/\nStorage {5}.* w-1\.example\.org full in ~\d+d \(\d+–(\d+|never)\)\n/)
  })

  test('keeps what the worker says now, so that it is there after kill -9', async () => {
    const last = async () => (await disks())[0]?.history.used_bytes.at(-1)
    const before = await until('it is kept', last)
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    supervisor = await startSupervisor(place, { nats, port })
    expect(await until('it is there', last)).toBeGreaterThan(before / 2)
  })

  test('names what grew most, since when, and its quota', async () => {
    const found = async () =>
      (await supervisor.api.call('listReplicas')).items.filter(({ size_bytes }) => size_bytes !== null)
    const seen = () => supervisor.api.call('listReplicas')
    const replicas = await until('both are synced', async () => ((await found()).length === 2 ? found() : null), {
      seen,
    })
    const grown = replicas.find(({ name }) => name === 'grows-w-1')!
    const bus = await connectBus({ url: nats, name: 'test', logger })
    place.onEnd(() => bus.close())
    const since = new Date(Date.now() - 12 * DAY_MS).toISOString()
    for (const { replica_id } of replicas) {
      const size_bytes = replica_id === grown.replica_id ? 400_000 : grown.size_bytes
      const report = { worker_id: 'w-1', replica_id, sync_id: newId(), started_at: since, ended_at: since, size_bytes }
      await bus.stream.publish(subjectFor('report', 'w-1'), JSON.stringify(sampleReport(report)))
    }
    const [first] = await until('it is known', async () => {
      const [disk] = await disks()
      return disk?.growers.length === 1 && disk.growers
    })
    expect(first).toEqual({
      replica_id: grown.replica_id,
      name: 'grows-w-1',
      worker_name: 'w-1.example.org',
      size_bytes: grown.size_bytes,
      grew_bytes: grown.size_bytes! - 400_000,
      since,
      quota_bytes: 5 * 2 ** 20,
    })
    const line = 'kagami storage get WORKER'
    const env = { KAGAMI_API: supervisor.url }
    const shown = await followDocumented(place, line, { to: { WORKER: 'w-1.example.org' }, env })
    expect(shown).toContain('grows-w-1')
    expect((await disks())[0]).toMatchObject({
      replicas_total: 2,
      replicas_measured: 2,
      replicas_bytes: 2 * grown.size_bytes!,
    })
  })

  test('knows that two workers share a disk, and lists it once', async () => {
    await worker('w-2')
    const [disk, ...others] = await until('they are one', async () => {
      const all = await disks()
      return all[0]?.workers_total === 2 && all
    })
    expect(others).toEqual([])
    expect(disk!.workers.map(({ worker_id }) => worker_id)).toEqual(['w-1', 'w-2'])
    expect(disk!.forecast.verdict).toBe('full')
    const { storage } = await supervisor.api.call('summary')
    expect(Math.abs(storage.total_bytes - disk!.total_bytes)).toBe(0)
    const of = await supervisor.api.call('listStorage', { query: { worker: 'w-2.example.org' } })
    expect(of.items.map(({ disk_id }) => disk_id)).toEqual(['w-1'])
    await until('the replicas of both count', async () => (await disks())[0]?.replicas_measured === 4, { seen: disks })
  })

  test('says of silent workers what they said last, and when, also after it was started again', async () => {
    for (const one of workers) await one.kill()
    const port = Number(new URL(supervisor.url).port)
    supervisor.child.kill('SIGTERM')
    await supervisor.exited
    const stopped = new Date().toISOString()
    supervisor = await startSupervisor(place, { nats, port })
    const known = await until('it has read it', async () => {
      const all = await disks()
      return all.some(({ forecast }) => forecast.verdict === 'full') && all
    })
    for (const { as_of } of known) expect(as_of < stopped).toBe(true)
    const { stdout } = await runKagami(place, ['storage', 'get', 'w-1.example.org'], { KAGAMI_API: supervisor.url })
    expect(stdout).toMatch(/\nfull in {3}~\d+d \(/)
  })
})
